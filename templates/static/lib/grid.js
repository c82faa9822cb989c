/* Cells over a photograph, to point at, walk through or tap. */
"use strict";

{
  const { element, on } = atlas;

  /* A grid of cells. Only the current cell is an element: it moves, so 784 cells cost as much as
     one. `hover(row, column, keyed)`: the pointer is there, or the focus (`keyed`);
     `choose(row, column)`: clicked, tapped, or Enter; `back()`: Escape; `label(row, column)`: its
     accessible name, if it is more than the position. */
  atlas.Grid = class {
    constructor(root, { hover, choose, back, label = atlas.describePosition }) {
      Object.assign(this, { hover, choose, back, label });
      Object.assign(this, { rows: 1, columns: 1, row: 0, column: 0, hasLeft: false });
      this.cell = element("div.cell", { role: "gridcell", tabindex: "0" });
      this.line = element("div", { role: "row" }, this.cell);
      const name = { "aria-label": root.dataset.cells };
      this.root = element("div.cells", { role: "grid" }, name, this.line);
      root.append(this.root);
      this.listen();
    }

    listen() {
      on(this.root, "pointerleave", () => (this.hasLeft = true));
      on(this.root, "pointermove", (event) => {
        if (event.pointerType !== "touch") this.point(event);
      });
      on(this.root, "click", (event) => {
        this.hasLeft = false;
        this.pick(...this.cellAt(event));
      });
      on(this.cell, "keydown", (event) => this.press(event));
    }

    shape(rows, columns) {
      Object.assign(this, { rows, columns });
      this.root.ariaRowCount = rows;
      this.root.ariaColCount = columns;
    }

    cellAt(event) {
      const box = this.root.getBoundingClientRect();
      return atlas.cellAtPoint(this, box, event.clientX, event.clientY);
    }

    point(event) {
      const [row, column] = this.cellAt(event);
      const isNew = this.hasLeft || row !== this.row || column !== this.column;
      if (isNew) this.hover(row, column);
      this.hasLeft = false;
    }

    /* Choose a cell, and select its position for the whole page. */
    pick(row, column) {
      atlas.state.select(`at:${[row, column, this.rows, this.columns].join(".")}`);
      this.choose(row, column);
      atlas.state.settle();
    }

    press(event) {
      if (atlas.isModified(event)) return;
      const next = atlas.cellAfterKey(this, event.key);
      if (next) this.hover(...next, true);
      else if (event.key === "Enter" || event.key === " ") this.pick(this.row, this.column);
      else if (event.key === "Escape") this.back?.();
      else return;
      event.preventDefault();
    }

    /* Show the cell at a position; `held`: chosen, so the pointer passes over it without effect. */
    moveTo(row, column, held = false) {
      Object.assign(this, { row, column });
      atlas.frame(this.cell, this, row, column);
      this.cell.classList.toggle("held", held);
      this.line.ariaRowIndex = row + 1;
      this.cell.ariaColIndex = column + 1;
      this.cell.ariaSelected = held;
      this.cell.ariaLabel = this.label(row, column);
    }
  };
}
