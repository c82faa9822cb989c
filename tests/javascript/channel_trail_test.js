/* Channel attribution's trails and columns, for two channels' worth of data in three layers. */

import { assertEquals } from "./assert.js";
import { load } from "./load.js";

const { trail } = load("later/channel_trail.js");

const NONE = 65535;

/* Rows as an unpacked array. */
const array = (...rows) => ({
  values: rows.flat(),
  at: (...index) => index.reduce((part, i) => part[i], rows),
  slice: (i) => rows[i],
});

/* A layer that holds channels 7 and 9, of which the first has lists in the other layers. */
const layer = (name, others, list) => ({
  layer: name,
  channels: array(7, 9),
  listed: 1,
  toClasses: array([3, -1], [-2, 5]),
  removals: array([4, 0], [1, 2]),
  classes: {
    indexes: array([0, NONE, 1], [1, 0, NONE]),
    shares: array([0.5, 0.4], [0.3, 0.2]),
    counts: array([10, 20], [30, 40]),
  },
  lists: Object.fromEntries(others.map((other) => [other, list])),
});

const lists = {
  indexes: array([1, NONE, 0]),
  values: array([6, 0, -8]),
  removals: array([-9, 0, 7]),
  shares: array([1, 0.9]),
};
const layers = [
  layer("a", ["b", "c"], lists),
  layer("b", ["a", "c"], lists),
  layer("c", ["a", "b"], lists),
];
const first = { layer: 1, index: 0 };
const second = { layer: 1, index: 1 };

Deno.test("a trail comes back from the address", () => {
  const steps = [first, { layer: 0, index: 1 }];
  assertEquals(trail.write(steps, layers), "1.7-0.9");
  assertEquals(trail.parse("1.7-0.9", layers), steps);
  assertEquals(trail.write([], layers), null);
});

Deno.test("a damaged trail is kept up to the damage", () => {
  assertEquals(trail.parse("", layers), []);
  assertEquals(trail.parse("1.7-0.8-0.9", layers), [first]);
  assertEquals(trail.parse("9.7", layers), []);
  assertEquals(trail.parse("x", layers), []);
});

Deno.test("a click goes on, takes a sibling, or goes back", () => {
  assertEquals(trail.follow([], first), [first]);
  assertEquals(trail.follow([first], { layer: 0, index: 1 }), [first, { layer: 0, index: 1 }]);
  assertEquals(trail.follow([first], second), [second]);
  assertEquals(trail.follow([first], first), []);
});

Deno.test("without steps, columns are about the class and share a scale", () => {
  const columns = trail.columns(layers, 0, []);
  assertEquals(columns.map(({ kind }) => kind), ["class", "class", "class"]);
  assertEquals(columns[0].entries, [
    { index: 0, share: 3, removal: 4 },
    { index: 1, share: -2, removal: 1 },
  ]);
  assertEquals(columns[0].shares, [0.5, 0.4]);
  assertEquals(columns[0].counts, [10, 20]);
  assertEquals(columns.map(({ scale }) => scale), [4, 4, 4]);
  assertEquals(trail.columns(layers, 1, [])[0].entries, [
    { index: 1, share: 5, removal: 2 },
    { index: 0, share: -1, removal: 0 },
  ]);
});

Deno.test("a channel is fed by earlier layers and feeds later ones", () => {
  const columns = trail.columns(layers, 0, [first]);
  assertEquals(columns.map(({ kind }) => kind), ["feeds", "chosen", "fed"]);
  assertEquals(columns[0].entries, [
    { index: 1, share: 6, removal: -9 },
    { index: 0, share: -8, removal: 7 },
  ]);
  assertEquals(columns[2].scale, 9);
  assertEquals(columns[1].entries, [{ index: 0 }, { index: 1 }]);
});

Deno.test("the target stands among the channels that it was chosen from", () => {
  const steps = [{ layer: 0, index: 0 }, first];
  assertEquals(trail.columns(layers, 0, steps)[1].entries, [{ index: 1 }, { index: 0 }]);
});

Deno.test("a target that its list does not hold is put first", () => {
  const steps = [{ layer: 0, index: 0 }, first];
  const short = layer("a", ["b", "c"], { ...lists, indexes: array([1, NONE, NONE]) });
  const columns = trail.columns([short, layers[1], layers[2]], 0, steps);
  assertEquals(columns[1].entries, [{ index: 0 }, { index: 1 }]);
});

Deno.test("a channel that is too many clicks away has no lists", () => {
  const columns = trail.columns(layers, 0, [second]);
  assertEquals(columns.map(({ unlisted }) => Boolean(unlisted)), [true, false, true]);
  assertEquals(columns[0].entries, []);
});
