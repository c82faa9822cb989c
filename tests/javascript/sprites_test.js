import { assert, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { spriteCrop, unit } = load("lib/sprites.js");
const LAYOUT = { columns: 6, part: 24 };

/* What a browser shows of the background: column and row, from the percentages of the style. */
function shown({ size, position }) {
  const [width, height] = size.split(" ").map(parseFloat);
  const [x, y] = position.split(" ").map(parseFloat);
  const columns = width / 100;
  const rows = height / 100;
  return [(x / 100) * (columns - 1), (y / 100) * (rows - 1)].map((value) => Math.round(value));
}

Deno.test("every picture of a sprite sheet is found in its part", () => {
  const total = 50;
  for (let i = 0; i < total; i++) {
    const crop = spriteCrop(i, total, LAYOUT);
    const within = i % 24;
    assertEquals([crop.part, crop.within], [Math.floor(i / 24), within]);
    assertEquals(shown(crop), [within % 6, Math.floor(within / 6)]);
  }
});

Deno.test("the last part is as high as its pictures need", () => {
  assertEquals(spriteCrop(0, 50, LAYOUT).size, "600% 400%");
  assertEquals(spriteCrop(49, 50, LAYOUT).size, "600% 100%");
  assertEquals(spriteCrop(30, 31, LAYOUT).size, "600% 200%");
});

Deno.test("a part of one row is not moved down", () => {
  assert(spriteCrop(2, 3, LAYOUT).position.endsWith(" 0%"));
});

Deno.test("units have names that can be read", () => {
  assertEquals(unit("channel:12"), "channel 12");
});
