/* Figures in which a cell of one layer is chosen on the photograph. The pointer or the focus
   chooses; a click, a tap or Enter holds the cell, so that the pointer may leave; Escape or a click
   on the cell lets it go. They all show the same cell, that of the semantic dictionary. A class
   that extends this draws the cell in draw(row, column). */
"use strict";

{
  const { activation, findAll, on, put } = atlas;
  const unitOf = (channel) => `channel:${channel}`;

  atlas.CellFigure = class extends atlas.Figure {
    static state = "semantic-dictionary";

    build() {
      this.grid = new atlas.Grid(this.view.root, {
        hover: (row, column, keyed) => {
          if (keyed || !this.held) this.move(row, column);
        },
        choose: (row, column) => this.hold(row, column),
        back: () => {
          if (this.held) this.choose({ held: null });
        },
        label: (row, column) => this.describe(row, column),
      });
      this.icons = findAll(this, ".entry");
      on(this, "pointerenter", () => this.preload(), { passive: true });
      on(this, "focusin", () => this.preload());
    }

    show(data, image) {
      this.view.photograph(image);
      this.held = false;
      this.offer(data, "cell");
    }

    apply({ layer, cell, held }) {
      this.layer = this.layerNamed(layer);
      const [rows, columns] = this.layer.channels.shape;
      this.grid.shape(rows, columns);
      const position = atlas.parseCell(cell, rows, columns);
      this.held = Boolean(position) && held === "yes";
      this.at(...(position ?? this.layer.cell));
    }

    move(row, column) {
      this.at(row, column);
      const keys = { layer: this.layer.layer, cell: `${row}.${column}` };
      this.choose(keys, { passing: true });
    }

    hold(row, column) {
      const isSame = row === this.grid.row && column === this.grid.column;
      const held = this.held && isSame ? null : "yes";
      this.choose({ layer: this.layer.layer, cell: `${row}.${column}`, held });
    }

    at(row, column) {
      this.grid.moveTo(row, column, this.held);
      this.drawChannels(this.strongest(row, column));
      this.draw(row, column);
      atlas.fillIn(this.legend, activation(this.layer.peak));
      this.showHint();
      this.table();
      const { title } = atlas.layer(this.layer.layer);
      this.announce(`${title}, ${this.describe(row, column)}`);
    }

    drawChannels(strongest) {
      this.icons.forEach((entry, i) => {
        entry.classList.toggle("empty", i >= strongest.length);
        if (i < strongest.length) this.drawEntry(entry, ...strongest[i]);
      });
    }

    drawEntry(entry, channel, value) {
      const part = (name) => atlas.find(entry, `.${name}`);
      const icon = atlas.icon(part("picture"), this.layer.layer, unitOf(channel));
      Object.assign(icon, { role: "button", tabIndex: 0 }); // a click selects the channel
      part("fill").style.width = `${(100 * value) / this.layer.peak}%`;
      put(part("value"), activation(value));
      put(part("channel-name"), `channel ${channel}`);
    }

    /* The positive channels of a cell, strongest first: [[channel, activation], …]. */
    strongest(row, column) {
      const { channels, values } = this.layer;
      const all = Array.from(channels.slice(row, column), (channel, i) => {
        return [channel, values.at(row, column, i)];
      });
      return all.filter(([, value]) => value > 0);
    }

    numbers() {
      const rows = this.strongest(this.grid.row, this.grid.column).map(([channel, value], i) => {
        return [i + 1, `channel ${channel}`, activation(value)];
      });
      return [this.dataset.headings.split("|"), rows];
    }

    describe(row, column) {
      const channels = this.strongest(row, column).map(([channel, value]) => {
        return `channel ${channel}, ${activation(value)}`;
      });
      const list = channels.join("; ") || "no positive channel";
      return `${atlas.describePosition(row, column)}: ${list}`;
    }

    /* The reader is here: have all of this layer's feature visualizations ready. */
    preload() {
      const wanted = this.layer && `${this.image} ${this.layer.layer}`;
      if (!wanted || this.preloaded === wanted) return;
      this.preloaded = wanted;
      const channels = new Set(this.layer.channels.values);
      atlas.preload(this.layer.layer, Array.from(channels, unitOf));
    }
  };
}
