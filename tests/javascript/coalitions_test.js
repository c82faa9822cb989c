/* Subsets of a layer's parts: in the address, as lists, and over the photograph. */

import { assertAlmostEquals, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { subsets } = load("lib/numbers.js", "lib/coalitions.js");

Deno.test("an address names a subset by its number", () => {
  assertEquals(subsets.parse("0", 3), 0);
  assertEquals(subsets.parse("5", 3), 5);
  assertEquals(subsets.parse("1023", 10), 1023);
});

Deno.test("anything else in the address means all parts", () => {
  for (const text of [undefined, "", "8", "-1", "2.5", "1e0", "0x1", "all", " 1"]) {
    assertEquals(subsets.parse(text, 3), 7);
  }
});

Deno.test("bit i of a subset is part i", () => {
  assertEquals(subsets.parts(0, 3), []);
  assertEquals(subsets.parts(0b101, 3), [0, 2]);
  assertEquals(subsets.parts(0b1111111111, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  // Every list of parts is that of one subset.
  const lists = new Set(Array.from({ length: 16 }, (_, subset) => `${subsets.parts(subset, 4)}`));
  assertEquals(lists.size, 16);
});

Deno.test("the map of a subset is the sum of its parts' maps, in their unit", () => {
  const values = Uint8Array.of(1, 2, 3, 4, 10, 20, 30, 40, 100, 0, 0, 200);
  const maps = { shape: [3, 2, 2], values, scale: 0.5 };
  assertAlmostEquals([...subsets.map(maps, 0)], [0, 0, 0, 0]);
  assertAlmostEquals([...subsets.map(maps, 0b010)], [5, 10, 15, 20]);
  assertAlmostEquals([...subsets.map(maps, 0b101)], [50.5, 1, 1.5, 102]);
});
