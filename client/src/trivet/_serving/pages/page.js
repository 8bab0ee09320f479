"use strict";

const element = (id) => document.getElementById(id);

function headers(more) {
  const token = element("token").value;
  return token ? { ...more, authorization: `Bearer ${token}` } : more;
}

function nameOf(schema) {
  if (schema.anyOf) return nameOf(schema.anyOf[0]);
  if (schema.type === "array") return `list of ${nameOf(schema.items ?? {})}`;
  return schema.format ?? schema.type ?? "anything";
}

function showColumns(records) {
  const { properties = {}, required = [] } = records.items ?? {};
  for (const [name, schema] of Object.entries(properties)) {
    const row = element("columns").insertRow();
    for (const text of [name, nameOf(schema), required.includes(name) ? "yes" : "no"]) {
      row.insertCell().textContent = text;
    }
  }
}

function show(document_) {
  element("title").textContent = document_.info.title;
  element("state").textContent = document_.info.version === "-" ? "" : `Version ${document_.info.version}`;
  const json = document_.paths["/invocations"].post.requestBody.content["application/json"];
  const records = json.schema.oneOf.find((form) => form.required[0] === "dataframe_records");
  element("columns").replaceChildren();
  showColumns(records.properties.dataframe_records);
  element("body").value = JSON.stringify(json.example ?? { dataframe_records: [{}] }, null, 2);
  element("described").hidden = false;
  element("token-line").hidden = !element("token").value;
}

async function load() {
  const answer = await fetch("openapi.json", { headers: headers({}) });
  if (answer.status === 401) {
    element("token-line").hidden = false;
    element("state").textContent = "This server asks for a token.";
    return;
  }
  const content = await answer.json();
  if (answer.ok) show(content);
  else element("state").textContent = content.message;
}

async function predict() {
  const answer = await fetch("invocations", {
    method: "POST",
    headers: headers({ "content-type": "application/json" }),
    body: element("body").value,
  });
  const text = await answer.text();
  element("answer").textContent = answer.ok ? text : `${answer.status}: ${text}`;
}

element("token").addEventListener("change", load);
element("send").addEventListener("click", predict);
load();
