import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { ArtifactKind, ArtifactSchema } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import { LoggedModelSchema } from "~/api/gen/trivet/tracking/v1/logged_model_pb";
import { folderOf, foldersAbove, merged, modelRoots, placesOf, shownName, withModels } from "~/shared/artifacts/tree";

const RUN = "workspaces/default/runs/r1";
const model = (id: string, displayName: string) =>
  create(LoggedModelSchema, { name: `workspaces/default/loggedModels/${id}`, displayName });
const artifact = (owner: string, path: string, kind: ArtifactKind) => create(ArtifactSchema, { owner, path, kind });

test("the newest model of a name has it, older ones have their id too", () => {
  const roots = modelRoots([model("m-3", "model"), model("m-2", "other"), model("m-1", "model")]);
  expect(roots.map((each) => each.name)).toEqual(["model", "other", "model (m-1)"]);
});

test("what a model has comes before what the run has at the same path", () => {
  const roots = modelRoots([model("m-1", "model")]);
  expect(placesOf(RUN, roots, "model/data/x.bin")).toEqual([
    { owner: "workspaces/default/loggedModels/m-1", path: "data/x.bin" },
    { owner: RUN, path: "model/data/x.bin" },
  ]);
  expect(placesOf(RUN, roots, "models/x")).toEqual([{ owner: RUN, path: "models/x" }]);
});

test("of two listings each name is there once, and folders are joined", () => {
  const of = "workspaces/default/loggedModels/m-1";
  const entries = merged("model", [
    artifact(of, "MLmodel", ArtifactKind.FILE),
    artifact(of, "data", ArtifactKind.FOLDER),
    artifact(RUN, "model/MLmodel", ArtifactKind.FILE),
    artifact(RUN, "model/data", ArtifactKind.FOLDER),
    artifact(RUN, "model/more", ArtifactKind.FILE),
  ]);
  expect(entries.map((each) => [each.path, each.places.map((place) => place.owner)])).toEqual([
    ["model/MLmodel", [of]],
    ["model/data", [of, RUN]],
    ["model/more", [RUN]],
  ]);
});

test("a model's folder takes the place of the run's own folder of its name", () => {
  const roots = modelRoots([model("m-1", "model")]);
  const own = merged("", [artifact(RUN, "model", ArtifactKind.FOLDER), artifact(RUN, "a.txt", ArtifactKind.FILE)]);
  const top = withModels(RUN, roots, own);
  expect(top.map((each) => each.name)).toEqual(["model", "a.txt"]);
  expect(top[0]?.places).toHaveLength(2);
});

test("paths", () => {
  expect([folderOf("a/b/c"), folderOf("a"), folderOf("")]).toEqual(["a/b", "", ""]);
  expect([foldersAbove("a/b/c"), foldersAbove("a"), foldersAbove("")]).toEqual([["", "a", "a/b"], [""], [""]]);
  expect(shownName("photo_\u202egpj.exe")).toBe("photo_\ufffdgpj.exe");
});
