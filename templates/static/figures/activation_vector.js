/* The activation vector: one cell's picture, and the channels that it is made of. */
"use strict";

{
  const { activation, address, layer: layerOf, percent, put, spot } = atlas;
  const { floor } = Math;

  atlas.define("activation_vector", class extends atlas.CellFigure {
    static parts = { whole: ".whole .picture", caption: ".whole figcaption", rest: ".rest", summary: ".vector-summary" };

    draw(row, column) {
      const { layer, grid, dead, length, block, peak, share } = this.layer, [count, height, width] = layerOf(layer).shape;
      const positions = (at, size) => (size > block ? Math.min(1, (at * block) / (size - block)) : 0) * 100;
      const failed = dead.some(([y, x]) => floor(y / block) === row && floor(x / block) === column);
      Object.assign(this.whole.style, {
        backgroundImage: `url("${address(grid ?? `photographs/${this.image}.webp`)}")`,
        backgroundSize: `${(100 * width) / block}% ${(100 * height) / block}%`,
        backgroundPosition: `${positions(column, width)}% ${positions(row, height)}%`,
      });
      this.whole.dataset.picture = failed && block === 1 ? "dead" : "alive";
      this.whole.ariaLabel = `${grid ? "Picture of the activation vector" : "Photograph"} at ${spot(row, column)}`;
      const what = grid ? (block > 1 ? `${block} × ${block} activation vectors` : "activation vector") : "the photograph here; no activation grid has been rendered";
      put(this.caption, `${what}, ${block > 1 ? "mean " : ""}length ${activation(length.at(row, column))}${this.whole.dataset.picture === "dead" ? " (the picture found does not show what is active)" : ""}`);
      const left = count - this.strongest(row, column).length;
      put(this.rest, `+ ${left} more`);
      put(this.summary, `The channels shown make up ${percent(share.at(row, column))} of the vector (of its squared length); ${left} others make up the rest.`);
    }
  });
}
