/* The activation vector: one cell's activations as a picture, and the channels they consist of. */
"use strict";

{
  const { activation, address, describePosition, percent, put, sentence } = atlas;

  class ActivationVector extends atlas.CellFigure {
    static parts = {
      whole: ".whole .picture",
      caption: ".whole figcaption",
      residual: ".residual",
      summary: ".vector-summary",
    };

    draw(row, column) {
      const [count] = atlas.layer(this.layer.layer).shape;
      const others = count - this.strongest(row, column).length;
      const share = percent(this.layer.share.at(row, column));
      this.drawPicture(row, column);
      put(this.caption, this.captionOf(row, column));
      put(this.residual, `+ ${others} more`);
      atlas.fillIn(this.summary, share, others);
    }

    /* The cell's part of the activation grid, or of the photograph where there is no grid. */
    drawPicture(row, column) {
      const { layer, grid, block } = this.layer;
      const [, height, width] = atlas.layer(layer).shape;
      const path = grid ?? `photographs/${this.image}.webp`;
      const name = grid ? "picture" : "photograph";
      const offset = (index, size) => {
        const share = size > block ? Math.min(1, (index * block) / (size - block)) : 0;
        return `${100 * share}%`;
      };
      Object.assign(this.whole.style, {
        backgroundImage: `url("${address(path)}")`,
        backgroundSize: `${(100 * width) / block}% ${(100 * height) / block}%`,
        backgroundPosition: `${offset(column, width)} ${offset(row, height)}`,
      });
      this.whole.dataset.picture = this.isDead(row, column) ? "dead" : "alive";
      this.whole.ariaLabel = sentence(this.caption, name, describePosition(row, column));
    }

    /* Whether the picture failed; among the several of a block, some may have. */
    isDead(row, column) {
      const { block, dead } = this.layer;
      return block === 1 && dead.some(([y, x]) => y === row && x === column);
    }

    captionOf(row, column) {
      const { block, length } = this.layer;
      const written = activation(length.at(row, column));
      const measure = block > 1 ? `mean length ${written}` : `length ${written}`;
      const flaw = this.isDead(row, column) ? this.caption.dataset.flaw : "";
      return `${this.kindOfPicture()}, ${measure}${flaw}`;
    }

    kindOfPicture() {
      const { grid, block } = this.layer;
      if (!grid) return this.caption.dataset.without;
      return block > 1 ? `${block} × ${block} activation vectors` : "activation vector";
    }
  }

  atlas.define("activation_vector", ActivationVector);
}
