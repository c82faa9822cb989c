/* The effects of parts: their sums and disagreements in words. */
import { load } from "./load.js";
import { assertEquals } from "./assert.js";

const atlas = load("lib/numbers.js", "lib/parts.js", "lib/effects.js");

/* A matrix as the page's arrays are. */
const array = (rows) => ({
  shape: [rows.length, rows[0].length],
  values: Float32Array.from(rows.flat()),
  at: (i, j) => rows[i][j],
});

// Two groups and their residual, two classes
const share = array([[3, -1], [-2, 0.5], [8, 0]]);
const removal = array([[-0.5, -2], [-1, 0.125], [-0.5, 1]]);
const effects = new atlas.Effects({ share, removal });
const WORDS = "alone not missed: others do the same";

Deno.test("a full bar is the largest of any group, and not that of the residual", () => {
  assertEquals(effects.largest, 3);
  const nothing = array([[0], [0]]);
  const ofNothing = new atlas.Effects({ share: nothing, removal: nothing });
  assertEquals(ofNothing.largest > 0, true);
});

Deno.test("both numbers are given, and words where their signs differ", () => {
  assertEquals(effects.describe(0, 0), `share +3.00, effect of removal −0.50 (${WORDS})`);
  assertEquals(effects.describe(1, 0), "share −2.00, effect of removal −1.00");
});

Deno.test("shares that add up are the logit less that with the layer at its baseline", () => {
  const texts = ["−0.50", "0.00", "−0.50", ":", "+1.50", "+2.00", "", ""];
  assertEquals(effects.sums(1, 1.5, 2), texts);
});

Deno.test("what shares do not account for is given", () => {
  const sums = ["+1.00", "+8.00", "+9.00", ";"];
  const words = `Of these, group 1, residual – ${WORDS}.`;
  const more = effects.sums(0, 9, -1);
  assertEquals(more, [...sums, "+9.00", "−1.00", " is 1.00 more", words]);
  const less = effects.sums(0, 9, 0.25);
  assertEquals(less[6], " is 0.25 less");
});

Deno.test("the table has both numbers for each class", () => {
  const classes = [{ name: "cat" }, { name: "dog" }];
  const headings = atlas.Effects.headings(classes);
  const ofEffects = "Effect of removal";
  assertEquals(headings, ["Share in cat, logits", ofEffects, "Share in dog, logits", ofEffects]);
  assertEquals(effects.cells(2), ["+8.00", "−0.50", "0.00", "+1.00"]);
});

Deno.test("names that the same is said of stand together", () => {
  const pairs = [["x", "a"], ["", "b"], ["y", "c"], ["x", "d"]];
  assertEquals(atlas.listByWords(pairs), "a, d – x; c – y");
  assertEquals(atlas.listByWords([["", "a"]]), "");
});
