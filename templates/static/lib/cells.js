/* What figures share in which a cell of one layer is chosen on the photograph: the pointer or the focus chooses; a click,
   a tap or Enter holds, so that the pointer may leave by any way; Escape or another click lets go. They all show the same
   cell, that of the semantic dictionary. A class that extends this draws the cell with draw(row, column). */
"use strict";

{
  const { activation, cellOf, find, findAll, icon: iconOf, layer: layerOf, on, preload, put, spot } = atlas;

  atlas.CellFigure = class extends atlas.Figure {
    static state = "semantic-dictionary";

    build() {
      this.grid = new atlas.Grid(this.stage.root, {
        hover: (row, column, keyed) => (keyed || !this.held) && this.move(row, column),
        choose: (row, column) => this.hold(row, column),
        back: () => this.held && this.choose({ held: null }),
        label: (row, column) => this.describe(row, column),
      });
      this.icons = findAll(this, ".entry");
      on(this, "pointerenter", () => this.ahead(), { passive: true });
      on(this, "focusin", () => this.ahead());
    }

    show(data, image) {
      this.stage.photograph(image);
      this.held = false;
      this.offer(data, "cell");
    }

    apply({ layer, cell, held }) {
      this.layer = this.layerNamed(layer);
      const [rows, columns] = this.layer.channels.shape;
      this.grid.shape(rows, columns);
      const place = cellOf(cell, rows, columns);
      this.held = Boolean(place) && held === "yes";
      this.at(...(place ?? this.layer.cell));
    }

    move(row, column) {
      this.at(row, column);
      this.choose({ layer: this.layer.layer, cell: `${row}.${column}` }, { passing: true });
    }

    hold(row, column) {
      const again = this.held && row === this.grid.row && column === this.grid.column;
      this.choose({ layer: this.layer.layer, cell: `${row}.${column}`, held: again ? null : "yes" });
    }

    at(row, column) {
      this.grid.place(row, column, this.held);
      this.drawChannels(this.strongest(row, column));
      this.draw(row, column);
      put(this.legend, `A full bar is an activation of ${activation(this.layer.peak)}, the largest in any cell of this layer for this photograph.`);
      this.advise();
      this.table();
      this.say(`${layerOf(this.layer.layer).title}, ${this.describe(row, column)}`);
    }

    drawChannels(found) {
      this.icons.forEach((entry, i) => {
        const [channel, value] = found[i] ?? [];
        entry.classList.toggle("empty", channel === undefined);
        if (channel === undefined) return;
        iconOf(find(entry, ".picture"), this.layer.layer, `channel:${channel}`);
        find(entry, ".fill").style.width = `${(100 * value) / this.layer.peak}%`;
        put(find(entry, ".value"), activation(value));
        put(find(entry, ".channel-name"), `channel ${channel}`);
      });
    }

    /* The channels of a cell, strongest first: [[channel, activation], …]; only positive ones. */
    strongest(row, column) {
      const { channels, values } = this.layer;
      return Array.from(channels.slice(row, column), (channel, i) => [channel, values.at(row, column, i)]).filter(([, value]) => value > 0);
    }

    numbers() {
      return [["Rank", "Channel", "Activation"], this.strongest(this.grid.row, this.grid.column).map(([channel, value], i) => [i + 1, `channel ${channel}`, activation(value)])];
    }

    describe(row, column) {
      const names = this.strongest(row, column).map(([channel, value]) => `channel ${channel}, ${activation(value)}`);
      return `${spot(row, column)}: ${names.join("; ") || "no positive channel"}`;
    }

    /* The reader is here: have all of this layer's pictures ready. */
    ahead() {
      if (!this.layer || this.fetched === `${this.image} ${this.layer.layer}`) return;
      this.fetched = `${this.image} ${this.layer.layer}`;
      preload(this.layer.layer, Array.from(new Set(this.layer.channels.values), (channel) => `channel:${channel}`));
    }
  };
}
