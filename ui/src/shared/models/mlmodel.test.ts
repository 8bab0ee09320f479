import { expect, test } from "vitest";

import { signatureIn } from "~/shared/models/mlmodel";

test("texts that go over several lines are read whole", () => {
  const mlmodel = `artifact_path: model
signature:
  inputs: '[{"name": "distance", "type": "double"}, {"type": "string",
    "name": "driver''s zone"}]'
  outputs: "[{\\"name\\": \\"gr\\\\u00f6\\xDFe\\", \\
    \\"type\\": \\"double\\"}]"
  params: null
utc_time_created: '2026-11-20'
inputs: 'of something else'
`;
  expect(signatureIn(mlmodel)).toEqual({
    inputs: `[{"name": "distance", "type": "double"}, {"type": "string", "name": "driver's zone"}]`,
    outputs: String.raw`[{"name": "gr\u00f6ße", "type": "double"}]`,
    params: "",
  });
});

test.each(["", "run_id: x\n", "signature: null\n", "signature:\n  inputs: null\n  outputs: null\n", "\u0000\u0001"])(
  "%j has no signature",
  (mlmodel) => {
    expect(signatureIn(mlmodel)).toBeNull();
  },
);
