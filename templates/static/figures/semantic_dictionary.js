/* The semantic dictionary: point at a place, see what its strongest channels look for. The pointer or the focus chooses a
   cell; a click, a tap or Enter holds it, so that the pointer may leave by any way; Escape or another click lets go. */
"use strict";

customElements.define("atlas-semantic-dictionary", class extends atlas.Figure {
  static figure = "semantic_dictionary";

  build() {
    const find = (name) => this.querySelector(`.${name}`);
    Object.assign(this, { vector: find("vector"), summary: find("vector-summary"), entries: find("entries"), hint: find("hint"), legend: find("legend") });
    this.table = atlas.table(find("figure-table"), () => [["Rank", "Channel", "Activation"], this.strongest(this.grid.row, this.grid.column).map(([channel, value], i) => [i + 1, `channel ${channel}`, atlas.activation(value)])]);
    this.stage = new atlas.Stage(find("stage"));
    this.grid = new atlas.Grid(this.stage.root, "Places in the photograph", {
      hover: (row, column, keyed) => (keyed || !this.held) && this.move(row, column),
      choose: (row, column) => this.hold(row, column),
      back: () => this.release(),
      label: (row, column) => this.describe(row, column),
    });
    this.layout = find("dictionary-layout");
    this.line = find("connector polyline");
    new ResizeObserver(() => this.layer && this.connect()).observe(this.layout);
    this.icons = [...this.entries.querySelectorAll(".entry")];
    this.addEventListener("pointerenter", () => this.ahead(), { passive: true });
    this.addEventListener("focusin", () => this.ahead());
  }

  show(data, image) {
    this.stage.photograph(image);
    this.held = false;
    this.first = data.first;
    this.layers = new Map(data.layers.map((layer) => [layer.layer, {
      ...layer,
      ...Object.fromEntries(["channels", "values", "vector", "length", "positive"].map((key) => [key, atlas.unpack(layer[key])])),
    }]));
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
    this.draw(...(inside ? [row, column] : this.layer.cell));
  }

  move(row, column) {
    this.draw(row, column);
    this.choose({ layer: this.layer.layer, cell: `${row}.${column}` }, { passing: true });
  }

  hold(row, column) {
    const again = this.held && row === this.grid.row && column === this.grid.column;
    this.choose({ layer: this.layer.layer, cell: `${row}.${column}`, held: again ? null : "yes" });
  }

  release() {
    if (this.held) this.choose({ held: null });
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

  draw(row, column) {
    const { layer, vector, length, positive, peak, block } = this.layer;
    const count = atlas.layer(layer).shape[0];
    this.grid.place(row, column, this.held);
    this.connect();
    this.vector.replaceChildren(
      atlas.element("var", {}, "a"), atlas.element("sub", {}, `${row + 1}, ${column + 1}`), " = [",
      ...Array.from(vector.slice(row, column), (value) => atlas.element("span", { class: value > 0 ? "" : "quiet" }, atlas.activation(value))).flatMap((number, i) => (i ? [", ", number] : [number])),
      vector.shape[2] < count ? ", …]" : "]",
    );
    this.summary.textContent = `${count} numbers, ${positive.at(row, column)} of them positive; length ${atlas.activation(length.at(row, column))}${block > 1 ? `; mean over ${block} × ${block} positions of the layer` : ""}`;
    const found = this.strongest(row, column);
    this.icons.forEach((entry, i) => {
      const [channel, value] = found[i] ?? [];
      entry.classList.toggle("empty", channel === undefined);
      if (channel === undefined) return;
      atlas.icon(entry.querySelector(".picture"), layer, `channel:${channel}`);
      entry.querySelector(".fill").style.width = `${(100 * value) / peak}%`;
      entry.querySelector(".value").textContent = atlas.activation(value);
      entry.querySelector(".channel-name").textContent = `channel ${channel}`;
    });
    this.legend.textContent = `A full bar is an activation of ${atlas.activation(peak)}, the largest in any cell of this layer for this photograph.`;
    this.hint.textContent = this.held ? "Held. Click the cell again, or press Escape, to let go." : "Point at the photograph, or use the arrow keys. Click, tap or Enter holds a cell.";
    this.table();
    this.say(`${atlas.layer(layer).title}, ${this.describe(row, column)}`);
  }

  /* A line from the cell to its vector, where they stand side by side. */
  connect() {
    const { left, top } = this.layout.getBoundingClientRect(), cell = this.grid.cell.getBoundingClientRect(), box = this.vector.getBoundingClientRect();
    const start = [cell.right - left, cell.top + cell.height / 2 - top], end = [box.left - left, box.top + 1.4 * 16 - top];
    const bend = end[0] - 20;
    this.line.setAttribute("points", box.left < cell.right ? "" : [start, [bend, start[1]], [bend, end[1]], end].join(" "));
  }

  /* The reader is here: have all of this layer's pictures ready. */
  ahead() {
    if (!this.layer || this.fetched === `${this.image} ${this.layer.layer}`) return;
    this.fetched = `${this.image} ${this.layer.layer}`;
    atlas.preload(this.layer.layer, Array.from(new Set(this.layer.channels.values), (channel) => `channel:${channel}`));
  }
});
