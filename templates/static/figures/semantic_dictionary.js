/* The semantic dictionary: point at a place, see what its strongest channels look for. */
"use strict";

customElements.define("atlas-semantic-dictionary", class extends atlas.CellFigure {
  static figure = "semantic_dictionary";

  build() {
    super.build();
    const find = (name) => this.querySelector(`.${name}`);
    Object.assign(this, { vector: find("vector"), summary: find("vector-summary"), legend: find("legend"), layout: find("dictionary-layout"), line: find("connector polyline") });
    new ResizeObserver(() => this.layer && this.connect()).observe(this.layout);
  }

  draw(row, column) {
    const { layer, vector, length, positive, peak, block } = this.layer;
    const count = atlas.layer(layer).shape[0];
    this.connect();
    this.vector.replaceChildren(
      atlas.element("var", {}, "a"), atlas.element("sub", {}, `${row + 1}, ${column + 1}`), " = [",
      ...Array.from(vector.slice(row, column), (value) => atlas.element("span", { class: value > 0 ? "" : "quiet" }, atlas.activation(value))).flatMap((number, i) => (i ? [", ", number] : [number])),
      vector.shape[2] < count ? ", …]" : "]",
    );
    this.summary.textContent = `${count} numbers, ${positive.at(row, column)} of them positive; length ${atlas.activation(length.at(row, column))}${block > 1 ? `; mean over ${block} × ${block} positions of the layer` : ""}`;
    this.legend.textContent = `A full bar is an activation of ${atlas.activation(peak)}, the largest in any cell of this layer for this photograph.`;
  }

  /* A line from the cell to its vector, where they stand side by side. */
  connect() {
    const { left, top } = this.layout.getBoundingClientRect(), cell = this.grid.cell.getBoundingClientRect(), box = this.vector.getBoundingClientRect();
    const start = [cell.right - left, cell.top + cell.height / 2 - top], end = [box.left - left, box.top + 1.4 * 16 - top];
    const bend = end[0] - 20;
    this.line.setAttribute("points", box.left < cell.right ? "" : [start, [bend, start[1]], [bend, end[1]], end].join(" "));
  }
});
