/* The semantic dictionary: point at a position, see what its strongest channels respond to. */
"use strict";

{
  const { activation, element, put, sentence } = atlas;
  const FIRST_LINE = 1.4 * 16; // pixels from the top of the vector's box to its first line
  const BEND = 20; // pixels between the connecting line's last bend and the vector

  class SemanticDictionary extends atlas.CellFigure {
    static parts = {
      vector: ".vector",
      summary: ".vector-summary",
      layout: ".dictionary-layout",
      line: ".connector polyline",
    };

    build() {
      super.build();
      const resized = new ResizeObserver(() => {
        if (this.layer) this.connect();
      });
      resized.observe(this.layout);
    }

    draw(row, column) {
      this.connect();
      put(this.vector, ...this.writtenVector(row, column));
      put(this.summary, this.summaryOf(row, column));
    }

    /* "a₁,₂ = [0.5, 1.2, …]", negative numbers and zeros paler. */
    writtenVector(row, column) {
      const { vector } = this.layer;
      const shortened = vector.shape[2] < this.channelCount;
      const numbers = Array.from(
        vector.slice(row, column),
        (value) => element("span", { class: value > 0 ? "" : "quiet" }, activation(value)),
      );
      return [
        element("var", "a"),
        element("sub", `${row + 1}, ${column + 1}`),
        " = [",
        ...numbers.flatMap((number, i) => i ? [", ", number] : [number]),
        shortened ? ", …]" : "]",
      ];
    }

    summaryOf(row, column) {
      const { length, positive, block } = this.layer;
      const averaged = block > 1 ? sentence(this.summary, "mean", block, block) : "";
      const [count, size] = [positive, length].map((each) => each.at(row, column));
      return sentence(this.summary, "all", this.channelCount, count, activation(size), averaged);
    }

    get channelCount() {
      return atlas.layer(this.layer.layer).shape[0];
    }

    /* A line from the cell to its vector, where they stand side by side. */
    connect() {
      const { left, top } = this.layout.getBoundingClientRect();
      const cell = this.grid.cell.getBoundingClientRect();
      const vector = this.vector.getBoundingClientRect();
      const start = [cell.right - left, cell.top + cell.height / 2 - top];
      const end = [vector.left - left, vector.top + FIRST_LINE - top];
      const bend = end[0] - BEND;
      const points = [start, [bend, start[1]], [bend, end[1]], end];
      const sideBySide = vector.left >= cell.right;
      this.line.setAttribute("points", sideBySide ? points.join(" ") : "");
    }
  }

  atlas.define("semantic_dictionary", SemanticDictionary);
}
