import { expect, test } from "vitest";

import { svgOf } from "~/charts/picture";

test("what is drawn is the elements of an SVG, with texts that cannot become elements", () => {
  const svg = svgOf(
    (surface) => {
      surface.strokeStyle = "#123456";
      surface.beginPath();
      surface.moveTo(1, 2);
      surface.lineTo(3.005001, 4);
      surface.stroke();
      surface.font = '600 12px "A", sans-serif';
      surface.fillText("<script>&\u0001", 5, 6);
    },
    { width: 20, height: 10 },
    "white",
  );
  expect(svg).toContain('<rect x="0" y="0" width="20" height="10" fill="white"/>');
  expect(svg).toContain('d="M1 2L3.01 4" fill="none" stroke="#123456"');
  expect(svg).toContain("&lt;script&gt;&amp;\ufffd</text>");
  expect(svg).toContain('font-family="&quot;A&quot;, sans-serif" font-weight="600"');
});
