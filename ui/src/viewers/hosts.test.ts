import { expect, test } from "vitest";

import { hostsIn } from "~/viewers/hosts";

test("hosts that a document loads from", () => {
  const html = `<script charset="utf-8" src="https://cdn.plot.ly/plotly.js"></script><link href='//fonts.example/x.css'>
    <a href="https://linked.example">not loaded</a><img src=http://cdn.plot.ly/x.png><script>var s = "x";</script>`;
  expect(hostsIn(html)).toEqual(["cdn.plot.ly", "fonts.example"]);
  expect(hostsIn("<script src='own.js'></script>")).toEqual([]);
});
