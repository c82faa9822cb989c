/* The activation vector: one cell's picture, and the channels that it is made of. */
"use strict";

customElements.define("atlas-activation-vector", class extends atlas.CellFigure {
  static figure = "activation_vector";

  build() {
    super.build();
    const find = (name) => this.querySelector(`.${name}`);
    Object.assign(this, { whole: find("whole .picture"), caption: find("whole figcaption"), rest: find("rest"), summary: find("vector-summary"), legend: find("legend") });
  }

  draw(row, column) {
    const { layer, grid, dead, length, block, peak, share } = this.layer, [count, height, width] = atlas.layer(layer).shape;
    const positions = (at, size) => (size > block ? Math.min(1, (at * block) / (size - block)) : 0) * 100;
    const failed = dead.some(([y, x]) => Math.floor(y / block) === row && Math.floor(x / block) === column);
    Object.assign(this.whole.style, {
      backgroundImage: `url("${atlas.address(grid ?? `photographs/${this.image}.webp`)}")`,
      backgroundSize: `${(100 * width) / block}% ${(100 * height) / block}%`,
      backgroundPosition: `${positions(column, width)}% ${positions(row, height)}%`,
    });
    this.whole.dataset.picture = failed && block === 1 ? "dead" : "alive";
    this.whole.setAttribute("aria-label", `${grid ? "Picture of the activation vector" : "Photograph"} at row ${row + 1}, column ${column + 1}`);
    const what = grid ? (block > 1 ? `${block} × ${block} activation vectors` : "activation vector") : "the photograph here; no activation grid has been rendered";
    this.caption.textContent = `${what}, ${block > 1 ? "mean " : ""}length ${atlas.activation(length.at(row, column))}${this.whole.dataset.picture === "dead" ? " (the picture found does not show what is active)" : ""}`;
    const left = count - this.strongest(row, column).length;
    this.rest.textContent = `+ ${left} more`;
    this.summary.textContent = `The channels shown make up ${atlas.percent(share.at(row, column))} of the vector (of its squared length); ${left} others make up the rest.`;
    this.legend.textContent = `A full bar is an activation of ${atlas.activation(peak)}, the largest in any cell of this layer for this photograph.`;
  }
});
