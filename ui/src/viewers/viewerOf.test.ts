import { expect, test } from "vitest";

import { LARGEST_BYTES, viewerOf } from "~/viewers/viewerOf";

test.each([
  ["a.PNG", "", "image"],
  ["MLmodel", "application/octet-stream", "text"],
  ["map.geojson", "", "json"],
  ["eval", "application/json; charset=utf-8", "json"],
  ["report", "text/html", "html"],
  ["model.pkl", "application/octet-stream", "unknown"],
  ["constructor", "", "unknown"],
  ["x.constructor", "", "unknown"],
  ["data.csv", "text/html", "table"],
  ["song", "audio/mpeg", "audio"],
])("%s of type %s is shown as %s", (name, mediaType, kind) => {
  expect(viewerOf(name, mediaType, 10)).toBe(kind);
});

test("what is shown only as a whole may be too large, what is read in parts not", () => {
  expect(viewerOf("a.png", "", LARGEST_BYTES)).toBe("image");
  expect(viewerOf("a.png", "", LARGEST_BYTES + 1)).toBe("tooLarge");
  expect(viewerOf("a.parquet", "", LARGEST_BYTES * 100)).toBe("parquet");
  expect(viewerOf("a.log", "", LARGEST_BYTES * 100)).toBe("text");
});
