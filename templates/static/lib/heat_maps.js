/* Heat maps on a canvas. Values are typed arrays, row by row; `maximum` has the full colour. */
"use strict";

{
  const { colours } = atlas;
  const SIDE = 168; // pixels a side, at least, of a map with hatching
  const PERIOD = 6; // pixels from one line of the hatching to the next
  const LINE = 2;

  /* Paint one pixel for each value; the style sheet enlarges them without smoothing. Where some are
     below zero, these are hatched. */
  atlas.paint = (canvas, values, rows, columns, colour, maximum) => {
    if (values.some((value) => value < 0)) {
      atlas.paintSigned(canvas, values, rows, columns, maximum, colour);
      return;
    }
    paintPixels(canvas, columns, rows, (data) => {
      for (let i = 0; i < rows * columns; i++) {
        const [red, green, blue, opacity] = colour(values[i] / (maximum || 1));
        data.set([red, green, blue, 255 * opacity], 4 * i);
      }
    });
  };

  /* Paint signed values as squares, in the attribution's colours if in no others; those below zero
     are hatched. */
  atlas.paintSigned = (canvas, values, rows, columns, maximum, scale = colours.attribution) => {
    const side = Math.max(2, Math.ceil(SIDE / columns));
    const width = columns * side;
    paintPixels(canvas, width, rows * side, ({ buffer }) => {
      const pixels = new Uint32Array(buffer);
      for (let i = 0; i < rows * columns; i++) {
        const left = (i % columns) * side;
        const top = Math.floor(i / columns) * side;
        const value = values[i] / (maximum || 1);
        fillSquare(pixels, width, left, top, side, value, scale(value));
      }
    });
  };

  function fillSquare(pixels, width, left, top, side, t, colour) {
    const plain = pixelOf(colour);
    const line = t < 0 ? pixelOf([...colours.hatching, colour[3]]) : plain;
    for (let y = top; y < top + side; y++) {
      for (let x = left; x < left + side; x++) {
        pixels[y * width + x] = (x + y) % PERIOD < LINE ? line : plain;
      }
    }
  }

  /* Four bytes in one number, as a canvas keeps them on processors that put the low byte first. */
  function pixelOf([red, green, blue, opacity]) {
    return (((255 * opacity) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }

  function paintPixels(canvas, width, height, fill) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    fill(image.data);
    context.putImageData(image, 0, 0);
  }
}
