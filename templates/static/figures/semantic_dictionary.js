/* The semantic dictionary: point at a place, see what its strongest channels look for. */
"use strict";

{
  const { activation, element, layer: layerOf, put } = atlas;

  atlas.define("semantic_dictionary", class extends atlas.CellFigure {
    static parts = { vector: ".vector", summary: ".vector-summary", layout: ".dictionary-layout", line: ".connector polyline" };

    build() {
      super.build();
      new ResizeObserver(() => this.layer && this.connect()).observe(this.layout);
    }

    draw(row, column) {
      const { layer, vector, length, positive, peak, block } = this.layer;
      const count = layerOf(layer).shape[0];
      this.connect();
      put(this.vector, 
        element("var", "a"), element("sub", `${row + 1}, ${column + 1}`), " = [",
        ...Array.from(vector.slice(row, column), (value) => element("span", { class: value > 0 ? "" : "quiet" }, activation(value))).flatMap((number, i) => (i ? [", ", number] : [number])),
        vector.shape[2] < count ? ", …]" : "]",
      );
      put(this.summary, `${count} numbers, ${positive.at(row, column)} of them positive; length ${activation(length.at(row, column))}${block > 1 ? `; mean over ${block} × ${block} positions of the layer` : ""}`);
    }

    /* A line from the cell to its vector, where they stand side by side. */
    connect() {
      const { left, top } = this.layout.getBoundingClientRect(), cell = this.grid.cell.getBoundingClientRect(), box = this.vector.getBoundingClientRect();
      const start = [cell.right - left, cell.top + cell.height / 2 - top], end = [box.left - left, box.top + 1.4 * 16 - top];
      const bend = end[0] - 20;
      this.line.setAttribute("points", box.left < cell.right ? "" : [start, [bend, start[1]], [bend, end[1]], end].join(" "));
    }
  });
}
