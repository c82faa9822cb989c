/* What figures share in which a cell of one layer is chosen on the photograph: the pointer or the focus chooses; a click,
   a tap or Enter holds, so that the pointer may leave by any way; Escape or another click lets go. They all show the same
   cell, that of the semantic dictionary. A class that extends this draws the cell with draw(row, column). */
"use strict";

atlas.CellFigure = class extends atlas.Figure {
  static state = "semantic-dictionary";

  build() {
    this.stage = new atlas.Stage(this.querySelector(".stage"));
    this.grid = new atlas.Grid(this.stage.root, "Places in the photograph", {
      hover: (row, column, keyed) => (keyed || !this.held) && this.move(row, column),
      choose: (row, column) => this.hold(row, column),
      back: () => this.held && this.choose({ held: null }),
      label: (row, column) => this.describe(row, column),
    });
    this.hint = this.querySelector(".hint");
    this.icons = [...this.querySelectorAll(".entry")];
    this.table = atlas.table(this.querySelector(".figure-table"), () => [["Rank", "Channel", "Activation"], this.strongest(this.grid.row, this.grid.column).map(([channel, value], i) => [i + 1, `channel ${channel}`, atlas.activation(value)])]);
    this.addEventListener("pointerenter", () => this.ahead(), { passive: true });
    this.addEventListener("focusin", () => this.ahead());
  }

  show(data, image) {
    this.stage.photograph(image);
    this.held = false;
    this.first = data.first;
    this.layers = new Map(data.layers.map((layer) => [layer.layer, Object.fromEntries(Object.entries(layer).map(([key, value]) => [key, value?.shape ? atlas.unpack(value) : value]))]));
    this.mark = atlas.layerChoice(this.querySelector(".layer-choice"), this.id, [...this.layers.keys()], (name) => this.choose({ layer: name, cell: null }));
  }

  apply({ layer, cell, held }) {
    this.layer = this.layers.get(layer) ?? this.layers.get(this.first);
    const [rows, columns] = this.layer.channels.shape;
    this.mark(this.layer.layer);
    this.grid.shape(rows, columns);
    const [row, column] = (cell ?? "").split(".").map(Number);
    const inside = Number.isInteger(row) && Number.isInteger(column) && row >= 0 && column >= 0 && row < rows && column < columns;
    this.held = inside && held === "yes";
    this.at(...(inside ? [row, column] : this.layer.cell));
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
    this.hint.textContent = this.held ? "Held. Click the cell again, or press Escape, to let go." : "Point at the photograph, or use the arrow keys. Click, tap or Enter holds a cell.";
    this.table();
    this.say(`${atlas.layer(this.layer.layer).title}, ${this.describe(row, column)}`);
  }

  drawChannels(found) {
    this.icons.forEach((entry, i) => {
      const [channel, value] = found[i] ?? [];
      entry.classList.toggle("empty", channel === undefined);
      if (channel === undefined) return;
      atlas.icon(entry.querySelector(".picture"), this.layer.layer, `channel:${channel}`);
      entry.querySelector(".fill").style.width = `${(100 * value) / this.layer.peak}%`;
      entry.querySelector(".value").textContent = atlas.activation(value);
      entry.querySelector(".channel-name").textContent = `channel ${channel}`;
    });
  }

  /* The channels of a cell, strongest first: [[channel, activation], …]; only positive ones. */
  strongest(row, column) {
    const { channels, values } = this.layer;
    return Array.from(channels.slice(row, column), (channel, i) => [channel, values.at(row, column, i)]).filter(([, value]) => value > 0);
  }

  describe(row, column) {
    const names = this.strongest(row, column).map(([channel, value]) => `channel ${channel}, ${atlas.activation(value)}`);
    return `row ${row + 1}, column ${column + 1}: ${names.join("; ") || "no positive channel"}`;
  }

  /* The reader is here: have all of this layer's pictures ready. */
  ahead() {
    if (!this.layer || this.fetched === `${this.image} ${this.layer.layer}`) return;
    this.fetched = `${this.image} ${this.layer.layer}`;
    atlas.preload(this.layer.layer, Array.from(new Set(this.layer.channels.values), (channel) => `channel:${channel}`));
  }
};
