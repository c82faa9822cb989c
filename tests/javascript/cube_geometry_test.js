/* The geometry of the activation cube: the corners that tests/unit/test_figure_activation_cube.py
   expects of the drawings without JavaScript, and faces that belong together. */

import { assert, assertAlmostEquals, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { cubeGeometry: cube } = load("later/cube_geometry.js");

const CORNERS = [
  [[0, 0, 0], [120, 130.8]],
  [[1, 0, 0], [285, 178.8]],
  [[0, 1, 0], [15, 192.8]],
  [[1, 1, 1], [180, 122]],
  [[0.5, 0.25, 0.5], [176.25, 110.9]],
];

const key = ([x, y]) => `${x.toFixed(6)},${y.toFixed(6)}`;

Deno.test("points are projected as in Python", () => {
  for (const [corner, pixel] of CORNERS) assertAlmostEquals(cube.point(...corner), pixel, 1e-9);
});

Deno.test("the visible faces of a box meet at its near upper corner", () => {
  const { top, left, right } = cube.box([0.2, 0.6], [0.1, 0.5], [0.3, 0.9]);
  const shared = top.map(key)
    .filter((each) => left.map(key).includes(each))
    .filter((each) => right.map(key).includes(each));
  assertEquals(shared, [key(cube.point(0.6, 0.5, 0.9))]);
});

Deno.test("the whole cube and the photograph below it fit into the drawing", () => {
  const faces = Object.values(cube.box(cube.WHOLE, cube.WHOLE, cube.WHOLE)).flat();
  for (const [x, y] of [...faces, ...cube.onPhotograph(cube.WHOLE, cube.WHOLE)]) {
    assert(0 <= x && x <= cube.SIZE[0]);
    assert(0 <= y && y <= cube.SIZE[1]);
  }
});

Deno.test("a picture is laid exactly below the cube", () => {
  const [a, b, c, d, e, f] = cube.pictureTransform(640, 480);
  const transformed = ([x, y]) => [a * x + c * y + e, b * x + d * y + f];
  const corners = [[0, 0], [640, 0], [640, 480], [0, 480]].map(transformed);
  const below = cube.onPhotograph(cube.WHOLE, cube.WHOLE);
  corners.forEach((corner, i) => assertAlmostEquals(corner, below[i], 1e-9));
});

Deno.test("equal parts fill the whole", () => {
  const parts = [0, 1, 2].map((i) => cube.part(i, 3));
  assertEquals(parts[0][0], 0);
  assertEquals(parts[2][1], 1);
  assertEquals(parts[0][1], parts[1][0]);
});

Deno.test("a channel is drawn at the height of its number, the last one within the cube", () => {
  assertAlmostEquals(cube.slab(10, 40), [0.25, 0.275]);
  assertEquals(cube.slab(255, 256)[1], 1);
});
