/* Subsets of the parts of a layer, without the page. A subset is a number whose bit i is 1 where
   part i is in it. */
"use strict";

atlas.subsets = {
  /* The subset that a text of the address names; that of all parts where it names none. */
  parse(text, count) {
    const all = 2 ** count - 1;
    return /^\d+$/.test(text) && text <= all ? Number(text) : all;
  },

  parts: (subset, count) => atlas.range(count).filter((i) => (subset >> i) & 1),

  /* The sum of the maps [parts, rows, columns] of a subset's parts, in their unit. */
  map({ shape: [count, rows, columns], values, scale }, subset) {
    const size = rows * columns;
    const parts = atlas.subsets.parts(subset, count);
    const sumAt = (cell) => parts.reduce((sum, i) => sum + scale * values[i * size + cell], 0);
    return Float32Array.from(atlas.range(size), sumAt);
  },
};
