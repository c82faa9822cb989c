/* Colour scales and the heat maps drawn with them. A scale turns t (0…1, or −1…1) into red, green, blue, opacity. */
"use strict";

atlas.colours = {
  /* Activation over a photograph: the less active, the darker. */
  activation: (t) => [0, 0, 0, 0.82 * (1 - t)],

  /* Attribution: teal for, salmon against; the pair is told apart by colour-blind readers too. */
  attribution: (t) => (t < 0 ? [222, 96, 58, Math.min(1, -t)] : [24, 138, 126, Math.min(1, t)]),
};

/* Paint values (a typed array, row by row) on a canvas, one pixel each; the style sheet enlarges it without smoothing. */
atlas.paint = (canvas, values, rows, columns, colour, maximum) => {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const [red, green, blue, opacity] = colour(values[i] / (maximum || 1));
    image.data.set([red, green, blue, 255 * opacity], 4 * i);
  }
  context.putImageData(image, 0, 0);
};
