/* A photograph with a heat map over it:
   `<div class="photograph-view"><img><canvas></canvas></div>`. */
"use strict";

{
  const { colours, find } = atlas;

  atlas.PhotographView = class {
    constructor(root) {
      this.root = root;
      this.image = find(root, "img");
      this.canvas = find(root, "canvas");
    }

    /* Show a photograph, or its activation grid in the file `grid`. */
    photograph(name, grid) {
      const path = grid ?? `photographs/${name}.webp`;
      const shown = grid ? "Activation grid of the photograph" : "Photograph";
      this.image.src = atlas.address(path);
      this.image.alt = `${shown}: ${atlas.photograph(name).title}`;
      this.image.onerror = () => atlas.missing(this.root, path);
      this.root.classList.toggle("gridded", Boolean(grid));
    }

    /* Lay levels `values` [rows, columns] over it; `maximum` is the level of the full colour. */
    map(values, rows, columns, colour, maximum) {
      atlas.paint(this.canvas, values, rows, columns, colour, maximum);
      this.canvas.classList.add("shown");
    }

    /* Lay map `i` of activation maps [·, rows, columns] over it. */
    show(maps, i, maximum = maps.most) {
      const [rows, columns] = maps.shape.slice(1);
      this.map(maps.slice(i), rows, columns, colours.activation, maximum);
    }

    /* Lay signed values over it. */
    signed(values, rows, columns, maximum) {
      atlas.paintSigned(this.canvas, values, rows, columns, maximum);
      this.canvas.classList.add("shown");
    }

    clear() {
      this.canvas.classList.remove("shown");
    }
  };
}
