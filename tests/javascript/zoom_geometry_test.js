/* The zoom of the activation grids: what stays in its position, what stays within the picture. */

import { assert, assertAlmostEquals, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { zooms } = load("lib/cell_geometry.js", "lib/zoom_geometry.js");

/* The point of the picture at a point of the window. */
const pictureAt = ({ factor, middle }, at) =>
  middle.map((value, axis) => value + (at[axis] - 0.5) / factor);

Deno.test("a zoom stays within its limits and within the picture", () => {
  assertEquals(zooms.fit({ factor: 0.2, middle: [0.9, 0.1] }), { factor: 1, middle: [0.5, 0.5] });
  assertEquals(zooms.fit({ factor: 99, middle: [0.5, 0.5] }).factor, zooms.LARGEST);
  assertEquals(zooms.fit({ factor: 2, middle: [-3, 3] }), { factor: 2, middle: [0.25, 0.75] });
});

Deno.test("zooming around a point keeps what is there", () => {
  const before = { factor: 2, middle: [0.5, 0.4] };
  const at = [0.7, 0.6];
  const after = zooms.around(before, 5, at);
  assertEquals(after.factor, 5);
  assertAlmostEquals(pictureAt(after, at), pictureAt(before, at));
});

Deno.test("dragging moves the picture along with the pointer", () => {
  const before = { factor: 4, middle: [0.5, 0.5] };
  const after = zooms.dragged(before, [0.5, 0.5], [0.9, 0.4]);
  assertAlmostEquals(pictureAt(after, [0.9, 0.4]), pictureAt(before, [0.5, 0.5]));
  assertAlmostEquals(after.middle, [0.4, 0.525]);
});

Deno.test("a window shows the points around its middle", () => {
  const zoom = { factor: 4, middle: [0.5, 0.25] };
  assert(zooms.shows(zoom, [0.6, 0.2]));
  assert(!zooms.shows(zoom, [0.7, 0.2]));
  assert(!zooms.shows(zoom, [0.6, 0.6]));
});

Deno.test("the address holds a zoom, and nothing for the whole picture", () => {
  const zoom = { factor: 2.25, middle: [0.4, 0.625] };
  assertEquals(zooms.write(zoom), "225.400.625");
  assertEquals(zooms.parse("225.400.625"), zoom);
  assertEquals(zooms.write({ factor: 1, middle: [0.5, 0.5] }), null);
});

Deno.test("a damaged address gives a zoom all the same", () => {
  for (const text of [undefined, "", "x.y", "-5.0.0", "999999.1.1", "200"]) {
    const { factor, middle } = zooms.parse(text);
    assert(factor >= 1 && factor <= zooms.LARGEST, `${text}: ${factor}`);
    for (const value of middle) assert(value >= 0.5 / factor && value <= 1 - 0.5 / factor);
  }
});
