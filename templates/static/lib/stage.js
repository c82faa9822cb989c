/* A photograph on which things are shown: a heat map over it, and a grid of cells to point at, walk through or tap.
   The markup is `<div class="stage"><img><canvas></canvas></div>`. */
"use strict";

{
  const { address, colours, element, find, on, paint, paintSigned, photograph: photographOf } = atlas;
  const { floor, max, min } = Math;

  atlas.Stage = class {
    constructor(root) {
      this.root = root;
      this.image = find(root, "img");
      this.canvas = find(root, "canvas");
    }

    /* Show a photograph, or the activation grid of it at `grid`. */
    photograph(name, grid) {
      const { title } = photographOf(name), path = grid ?? `photographs/${name}.webp`;
      this.image.src = address(path);
      this.root.classList.toggle("gridded", Boolean(grid));
      this.image.alt = `${grid ? "Activation grid of the photograph" : "Photograph"}: ${title}`;
      this.image.onerror = () => atlas.missing(this.root, path);
    }

    /* Lay levels `values` [rows, columns] over the photograph; `maximum` is the level of the full colour. */
    map(values, rows, columns, colour, maximum) {
      paint(this.canvas, values, rows, columns, colour, maximum);
      this.canvas.classList.add("shown");
    }

    /* The same of array `i` of some maps [·, rows, columns] of activation. */
    show(maps, i, maximum = 255) {
      this.map(maps.slice(i), ...maps.shape.slice(1), colours.activation, maximum);
    }

    /* Lay signed values over it; what lies below turns grey, so that the colours stand out. */
    signed(values, rows, columns, maximum) {
      paintSigned(this.canvas, values, rows, columns, maximum);
      this.canvas.classList.add("shown");
    }

    clear() {
      this.canvas.classList.remove("shown");
    }
  };

  /* Put an element where a cell of a grid lies on the stage. */
  const frame = atlas.frame = ({ style }, { rows, columns }, row, column) =>
    Object.assign(style, { width: `${100 / columns}%`, height: `${100 / rows}%`, left: `${(100 * column) / columns}%`, top: `${(100 * row) / rows}%` });

  /* Cells over a stage. Only the current cell is an element: it moves, so that 784 cells cost as much as one.
     `hover(row, column)`: the pointer or the focus is there; `choose(row, column)`: clicked, tapped, or Enter;
     `back()`: Escape; `label(row, column)`: its name for those who do not see it. */
  atlas.Grid = class {
    constructor(root, { hover, choose, back, label }, name = "Places in the photograph") {
      Object.assign(this, { rows: 1, columns: 1, row: 0, column: 0, hover, choose, back, label });
      this.cell = element("div", { role: "gridcell", tabindex: "0", class: "cell" });
      this.line = element("div", { role: "row" }, this.cell);
      this.root = element("div", { role: "grid", class: "cells", "aria-label": name }, this.line);
      root.append(this.root);
      on(this.root, "pointerleave", () => (this.left = true));
      on(this.root, "pointermove", (event) => event.pointerType !== "touch" && this.at(event, this.hover));
      on(this.root, "click", (event) => this.at(event, this.choose));
      on(this.cell, "keydown", (event) => this.key(event));
    }

    shape(rows, columns) {
      Object.assign(this, { rows, columns });
      this.root.ariaRowCount = rows;
      this.root.ariaColCount = columns;
    }

    at(event, act) {
      const box = this.root.getBoundingClientRect();
      const place = (offset, size, count) => max(0, min(count - 1, floor((offset / size) * count)));
      const row = place(event.clientY - box.top, box.height, this.rows), column = place(event.clientX - box.left, box.width, this.columns);
      if (act === this.choose || this.left || row !== this.row || column !== this.column) act(row, column);
      this.left = false;
    }

    key(event) {
      const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -this.columns], End: [0, this.columns], PageUp: [-this.rows, 0], PageDown: [this.rows, 0] };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in steps) {
        const [down, right] = steps[event.key];
        this.hover(max(0, min(this.rows - 1, this.row + down)), max(0, min(this.columns - 1, this.column + right)), true);
      } else if (event.key === "Enter" || event.key === " ") this.choose(this.row, this.column);
      else if (event.key === "Escape") this.back?.();
      else return;
      event.preventDefault();
    }

    /* Show the cell at a place; `held`: chosen, so that the pointer passes over without effect. */
    place(row, column, held = false) {
      Object.assign(this, { row, column });
      frame(this.cell, this, row, column);
      this.cell.classList.toggle("held", held);
      this.line.ariaRowIndex = row + 1;
      this.cell.ariaColIndex = column + 1;
      this.cell.ariaSelected = held;
      this.cell.ariaLabel = this.label(row, column);
    }
  };

  /* One stage with cells for each layer, in the elements `roots`; handlers as for a grid, with the layer's place first. */
  atlas.layerGrids = (roots, { hover, choose, back, label }) => [...roots].map((root, i) => {
    const stage = new atlas.Stage(find(root, ".stage")), { name, title } = atlas.site.layers[i], part = (text) => find(root, `.${text}`);
    const grid = new atlas.Grid(stage.root, { hover: (...at) => hover(i, ...at), choose: (...at) => choose(i, ...at), back, label: (...at) => label(i, ...at) }, `Cells of ${title}`);
    on(grid.cell, "focus", () => grid.cell.matches(":focus-visible") && hover(i, grid.row, grid.column, true));
    return { root, stage, grid, name, title, part, window: part("window"), lens: part("lens"), text: part("lens-text") };
  });

  /* Place the cells of all layers where a cell of layer `i` is in the photograph. */
  atlas.linkGrids = (panels, i, row, column, held) => {
    const { rows, columns } = panels[i].grid;
    panels.forEach(({ grid }, each) => grid.place(...(each === i ? [row, column] : [floor(((row + 0.5) * grid.rows) / rows), floor(((column + 0.5) * grid.columns) / columns)]), each === i && held));
  };
}
