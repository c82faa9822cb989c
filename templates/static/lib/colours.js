/* Colour scales and the heat maps drawn with them. A scale turns t (0…1, or −1…1) into red, green, blue, opacity. */
"use strict";

{
  const { min } = Math;

  atlas.colours = {
    /* Activation over a photograph: the less active, the darker. */
    activation: (t) => [0, 0, 0, 0.82 * (1 - t)],

    /* Attribution: teal for, salmon against; the pair is told apart by colour-blind readers too. */
    attribution: (t) => (t < 0 ? [222, 96, 58, min(1, -t)] : [24, 138, 126, min(1, t)]),

    /* Groups: light, so that they carry dark numbers and stand out on dark maps; P. Tol's scheme for all kinds of colour
       vision. Beyond nine they repeat, which is why a group always carries its number, too. */
    groups: [[119, 170, 221], [238, 136, 102], [238, 221, 136], [255, 170, 187], [68, 187, 153], [153, 221, 255], [187, 204, 51], [221, 221, 221], [170, 170, 0]],
    group: (i) => atlas.colours.groups[i % atlas.colours.groups.length],
  };

  /* The number of a group on its colour. */
  atlas.groupKey = (i) => {
    const key = atlas.element("span.key", i + 1);
    key.style.backgroundColor = `rgb(${atlas.colours.group(i)})`;
    return key;
  };

  /* Fill a canvas: fill(data) writes its pixels. */
  const painted = (canvas, width, height, fill) => {
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    fill(image.data);
    context.putImageData(image, 0, 0);
  };

  /* Paint values (a typed array, row by row) on a canvas, one pixel each; the style sheet enlarges it without smoothing. */
  atlas.paint = (canvas, values, rows, columns, colour, maximum) => painted(canvas, columns, rows, (data) => {
    for (let i = 0; i < rows * columns; i++) {
      const [red, green, blue, opacity] = colour(values[i] / (maximum || 1));
      data.set([red, green, blue, 255 * opacity], 4 * i);
    }
  });

  /* Paint signed values in the attribution's colours, those below zero hatched besides, so that the sign needs no colour. */
  atlas.paintSigned = (canvas, values, rows, columns, maximum) => {
    const side = Math.max(2, Math.ceil(168 / columns));
    const word = (red, green, blue, opacity) => (((255 * opacity) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    painted(canvas, columns * side, rows * side, ({ buffer }) => {
      const pixels = new Uint32Array(buffer);
      for (let i = 0; i < rows * columns; i++) {
        const t = values[i] / (maximum || 1), colour = atlas.colours.attribution(t), plain = word(...colour);
        const stripe = t < 0 ? word(118, 36, 12, colour[3]) : plain;
        const left = (i % columns) * side, top = Math.floor(i / columns) * side;
        for (let y = top; y < top + side; y++) for (let x = left; x < left + side; x++) pixels[y * canvas.width + x] = (x + y) % 6 < 2 ? stripe : plain;
      }
    });
  };
}
