import { assert, assertAlmostEquals, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { colours } = load("lib/colours.js");

Deno.test("activation darkens what is not active", () => {
  assertAlmostEquals(colours.activation(0), [0, 0, 0, 0.82]);
  assertAlmostEquals(colours.activation(1), [0, 0, 0, 0]);
});

Deno.test("attribution has one colour for, another against, and is fainter near zero", () => {
  const [strong, weak, against] = [1, 0.25, -0.5].map(colours.attribution);
  assertEquals(strong.slice(0, 3), weak.slice(0, 3));
  assert(strong.slice(0, 3).join() !== against.slice(0, 3).join());
  assertAlmostEquals([strong, weak, against].map((colour) => colour[3]), [1, 0.25, 0.5]);
  assertAlmostEquals(colours.attribution(-7)[3], 1);
  assertAlmostEquals(colours.attribution(0)[3], 0);
});

Deno.test("nine groups have colours of their own, light enough for dark numbers", () => {
  const found = Array.from({ length: 9 }, (_, i) => colours.group(i));
  assertEquals(new Set(found.map(String)).size, 9);
  assertEquals(colours.group(9), colours.group(0));
  for (const colour of found) assert(contrast(luminance(colour), luminance([29, 33, 38])) > 4.5);
});

/* WCAG's relative luminance, and the contrast of two of them. */
function luminance(colour) {
  const linear = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function contrast(light, dark) {
  return (light + 0.05) / (dark + 0.05);
}
