/* What of a picture a window shows: a zoom is `{ factor, middle }`. The window shows 1 / factor of
   the picture a side; `middle` is the point [x, y] of the picture in the middle of the window.
   Points of the picture and of the window are shares of their width and height. */
"use strict";

{
  const { clamp } = atlas;
  const LARGEST = 12;

  /* The nearest zoom whose window lies within the picture. */
  const fit = ({ factor, middle }) => {
    const fitting = clamp(factor, 1, LARGEST);
    const half = 0.5 / fitting;
    return { factor: fitting, middle: middle.map((value) => clamp(value, half, 1 - half)) };
  };

  atlas.zooms = {
    LARGEST,
    fit,

    /* The same point of the picture stays at point `at` of the window. */
    around: (zoom, factor, at) => {
      const fitting = clamp(factor, 1, LARGEST);
      const change = 1 / zoom.factor - 1 / fitting;
      const middle = zoom.middle.map((value, axis) => value + (at[axis] - 0.5) * change);
      return fit({ factor: fitting, middle });
    },

    /* The picture moves along with a pointer that goes from one point of the window to another. */
    dragged: ({ factor, middle }, from, to) =>
      fit({
        factor,
        middle: middle.map((value, axis) => value - (to[axis] - from[axis]) / factor),
      }),

    /* Whether the window shows a point of the picture. */
    shows: ({ factor, middle }, point) =>
      point.every((value, axis) => Math.abs(value - middle[axis]) <= 0.5 / factor),

    /* As the address has it: "150.500.500" for a factor of 1.5 in the middle; null for all. */
    write: ({ factor, middle }) => {
      if (factor === 1) return null;
      return [100 * factor, ...middle.map((value) => 1000 * value)].map(Math.round).join(".");
    },

    /* What `write` wrote; anything else becomes the nearest zoom there is. */
    parse: (text) => {
      const [factor, x, y] = atlas.parseNumbers(text);
      return fit({ factor: factor / 100 || 1, middle: [x / 1000 || 0.5, y / 1000 || 0.5] });
    },
  };
}
