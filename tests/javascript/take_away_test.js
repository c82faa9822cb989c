import { assert, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { csvOf } = load("later/take_away.js");
const { svgOf } = load("later/painting.js");

Deno.test("numbers are written as CSV that programs read", () => {
  const element = { textContent: " tabby, cat " };
  const rows = [["plain", "−0.25"], [element, 'a "quoted" name'], ["131\u202f712", 3], [
    "two\nlines",
    "",
  ]];
  assertEquals(
    csvOf([["Class", "Share"], ...[rows]]),
    'Class,Share\r\nplain,-0.25\r\n"tabby, cat","a ""quoted"" name"\r\n' +
      '131712,3\r\n"two\nlines",\r\n',
  );
});

const FONT = { size: 16, family: '"Segoe UI", sans-serif', weight: "600", style: "normal" };
const drawing = (...shapes) => ({ width: 100, height: 50, background: "rgb(1, 2, 3)", shapes });

Deno.test("names are texts in a drawing, whatever they hold", () => {
  const text = '<img src="x"> & \u0001co';
  const svg = svgOf(
    drawing({ kind: "text", text, x: 1, y: 2, width: 30, fill: "#123", font: FONT }),
  );
  assert(svg.includes("&#60;img src=&#34;x&#34;&#62; &#38; co</text>"));
  assert(svg.includes('font-family="&#34;Segoe UI&#34;, sans-serif"'));
  assert(svg.includes('font-weight="600"'));
});

Deno.test("a drawing has a margin, a ground, and groups that close", () => {
  const clip = { x: 0, y: 0, width: 10, height: 10, radius: 5 };
  const svg = svgOf(drawing(
    { kind: "push", clip, opacity: 0.5, grey: 1 },
    { kind: "box", x: 1.23456, y: 2, width: 3, height: 4, radius: 0, fill: "red" },
    { kind: "pop" },
  ));
  assert(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 148 98"'));
  assert(svg.includes('<rect width="148" height="98" fill="rgb(1, 2, 3)">'));
  assert(svg.includes('<g clip-path="url(#d0)" opacity="0.5" style="filter:grayscale(1)">'));
  assert(svg.includes('<rect x="1.23" y="2" width="3" height="4" fill="red">'));
  assertEquals(svg.match(/<g[ >]/g).length, svg.match(/<\/g>/g).length);
});

Deno.test("what is against is hatched", () => {
  const path = { kind: "path", path: "M0 0h1", matrix: [1, 0, 0, 1, 2, 3], opacity: 1 };
  const hatching = {
    hatched: true,
    fill: "none",
    stroke: "none",
    strokeWidth: 1,
    colours: ["a", "b"],
  };
  const svg = svgOf(drawing({ ...path, ...hatching }));
  assert(svg.includes('<pattern id="d0"'));
  assert(svg.includes('d="M0 0h1" transform="matrix(1 0 0 1 2 3)" fill="url(#d0)"'));
});
