/* Spatial attribution's subjects in the address, its maps and their sums. */

import { assert, assertAlmostEquals, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { spatialEvidence } = load(
  "lib/numbers.js",
  "lib/cell_geometry.js",
  "later/spatial_evidence.js",
);

/* An early layer of 2 × 3 cells and a late one of 1 × 2; three classes, two factors a sign. */
const factor = { scale: 0.5, slice: (i) => Uint8Array.of(2, 4 + i) };
const layers = [
  { rows: 2, columns: 3, most: 9 },
  {
    rows: 1,
    columns: 2,
    most: 4,
    share: { slice: (i) => Float32Array.of(i, -4) },
    removal: { slice: (i) => Float32Array.of(-i, 3) },
  },
];
layers[1].factors = { for: factor, against: factor };

/* pairs[k, target]: what cell k of the early layer gives a cell of the late one. */
const values = Float32Array.from({ length: 12 }, (_, i) => i);
const pair = { values, slice: (row, column) => values.slice(6 * row + 2 * column).slice(0, 2) };
const negative = values.map((value) => -value);
const removed = {
  values: negative,
  slice: (row, column) => pair.slice(row, column).map((v) => -v),
};
const data = { layers, pairs: { "0-1": pair }, by: "share" };
const measured = { layers, pairs: { "0-1": removed }, by: "removal" };
const known = { layers, mapped: [31, 7, 2], factors: 2 };

const parse = (keys) => spatialEvidence.parse(keys, known);
const map = (i, subject, sign = "for", of = data) => spatialEvidence.map(i, subject, of, sign);

Deno.test("every subject comes back from the address", () => {
  const subjects = [
    { kind: "cell", panel: 0, row: 1, column: 2 },
    { kind: "class", mapped: 1 },
    { kind: "factor", factor: 1 },
    null,
  ];
  for (const subject of subjects) {
    const keys = spatialEvidence.write(subject, known.mapped);
    const written = Object.entries(keys).filter(([, value]) => value !== null);
    const texts = Object.fromEntries(written.map(([key, value]) => [key, String(value)]));
    assertEquals(parse(texts), subject);
  }
});

Deno.test("an address that names nothing known has no subject", () => {
  for (const cell of ["9.0.0", "1.9.0", "0.0.3", "0.0", "x", "0.-1.0"]) {
    assertEquals(parse({ cell }), null);
  }
  assertEquals(parse({ class: "77" }), null);
  assertEquals(parse({ factor: "2" }), null);
  assertEquals(parse({ factor: "-1" }), null);
  assertEquals(parse({}), null);
});

Deno.test("subjects are compared by what they are", () => {
  const cell = { kind: "cell", panel: 0, row: 1, column: 2 };
  assert(spatialEvidence.same(cell, { ...cell }));
  assert(!spatialEvidence.same(cell, { ...cell, row: 0 }));
  assert(!spatialEvidence.same(cell, null));
});

Deno.test("a class has one map a layer, on the layer's scale", () => {
  const found = map(1, { kind: "class", mapped: 2 });
  assertEquals(found.kind, "class");
  assertEquals(found.values, Float32Array.of(2, -4));
  assertEquals(found.most, 4);
});

Deno.test("a factor against the classes counts as negative", () => {
  const [supports, opposes] = ["for", "against"].map((sign) =>
    map(1, { kind: "factor", factor: 1 }, sign)
  );
  assertEquals(supports.values, Float32Array.of(1, 2.5));
  assertEquals(opposes.values, Float32Array.of(-1, -2.5));
  assertEquals(opposes.most, 2.5);
});

Deno.test("a late cell shows what fed it, an early one what it feeds", () => {
  const late = { kind: "cell", panel: 1, row: 0, column: 1 };
  assertEquals(map(0, late).values, Float32Array.of(1, 3, 5, 7, 9, 11));
  assertEquals(map(0, late).relation, "before");
  assertEquals(map(1, late).kind, "own");
  const early = { kind: "cell", panel: 0, row: 1, column: 1 };
  assertEquals(map(1, early).values, Float32Array.of(8, 9));
  assertEquals(map(1, early).relation, "after");
  assertEquals(map(1, early).most, 9);
});

Deno.test("a cell has no maps while those between layers are loading", () => {
  const cell = { kind: "cell", panel: 1, row: 0, column: 1 };
  for (const [i, relation] of ["before", "own"].entries()) {
    const found = map(i, cell, "for", { ...data, pairs: null });
    assertEquals([found.kind, found.relation, found.values], ["own", relation, undefined]);
  }
});

Deno.test("maps show effects of removal in place of shares", () => {
  const show = (i, subject) => map(i, subject, "for", measured);
  assertEquals(show(1, { kind: "class", mapped: 2 }).values, Float32Array.of(-2, 3));
  const late = { kind: "cell", panel: 1, row: 0, column: 1 };
  assertEquals(show(0, late).values, Float32Array.of(-1, -3, -5, -7, -9, -11));
  const early = { kind: "cell", panel: 0, row: 1, column: 1 };
  assertEquals(show(1, early).values, Float32Array.of(-8, -9));
});

Deno.test("a class with a negative share is not said to be supported", () => {
  const array = (...values) => ({ shape: [1, 1, values.length], at: (_, __, i) => values[i] });
  const extreme = { share: array(2, -1, -3, -1), removal: array(5, 6, 7, 8) };
  const layer = { ends: [4, 5, 6], extremes: array(0, 1, 2, 1), extreme };
  const names = { 4: "cat", 5: "dog", 6: "cup" };
  assertEquals(spatialEvidence.extremes(layer, names, 0, 0), [
    [{ index: 4, name: "cat", share: 2, removal: 5 }],
    [
      { index: 6, name: "cup", share: -3, removal: 7 },
      { index: 5, name: "dog", share: -1, removal: 8 },
    ],
  ]);
});

Deno.test("a map is summed up by sign and by its strongest cell", () => {
  const { positive, negative, strongest } = spatialEvidence.summary(Float32Array.of(1, -5, 2, 0.5));
  assertAlmostEquals([positive, negative], [3.5, -5]);
  assertEquals(strongest, 1);
});
