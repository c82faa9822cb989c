/* Class comparison: two classes, the channels that most support each, their evidence, and where
   they are active. */
"use strict";

{
  const { bar, element, find, findAll, layer: layerOf, name: bdi, on, put } = atlas;
  const { number: decimal, percent, signed } = atlas;
  const { abs, max } = Math;

  const SMALLEST = 1e-9; // a scale is never zero

  class ClassComparison extends atlas.Figure {
    static parts = { columns: ".channels" };

    build() {
      this.sides = findAll(this, ".side");
      this.selects = this.sides.map((side) => find(side, "select"));
      const [left, right] = this.selects;
      on(left, "change", () => this.choose({ a: left.value, channel: null }));
      on(right, "change", () => this.choose({ b: right.value, channel: null }));
      on(find(this, ".swap"), "click", () => {
        this.choose({ a: right.value, b: left.value, channel: null });
      });
      this.renew = atlas.pointing(this.columns, "channel", {
        look: (channel) => this.look(channel),
        pick: (channel) => this.choose({ channel: channel === this.pinned ? null : channel }),
      });
      on(this, "keydown", ({ key }) => {
        if (key === "Escape" && this.pinned) this.choose({ channel: null });
      });
    }

    show(data, image) {
      this.view.photograph(image);
      this.classes = data.classes;
      this.offer(data, "channel");
      // Of a single layer, the caption and the sums give the name.
      find(this, ".layer-choice").hidden = this.layers.size < 2;
      const option = ({ index, name }) => element("option", { value: index }, name);
      for (const select of this.selects) put(select, ...this.classes.map(option));
    }

    numbers() {
      const headings = [
        "Channel",
        "Net evidence (A − B), logits",
        "For A, logits",
        "For B, logits",
      ];
      const rows = this.shown.map(({ channel, net, a, b }) => [
        `channel ${channel}`,
        ...[net, a, b].map((value) => signed(value)),
      ]);
      return [headings, rows];
    }

    apply({ layer, a, b, channel }) {
      this.layer = this.layerNamed(layer);
      this.pair = this.pairOf(a, b);
      this.selects.forEach((_, side) => this.drawSide(side));
      this.drawColumns();
      const shown = this.shown.some((entry) => String(entry.channel) === channel);
      this.pinned = shown ? channel : null;
      for (const button of findAll(this.columns, "button")) {
        button.ariaPressed = button.dataset.channel === this.pinned;
      }
      this.look();
    }

    /* The ranks of two classes; where they are unknown or the same, those of the most probable. */
    pairOf(a, b) {
      const rank = (index) => this.classes.findIndex((each) => String(each.index) === index);
      const first = max(0, rank(a));
      const second = rank(b);
      if (second >= 0 && second !== first) return [first, second];
      return [first, first === 0 ? Math.min(1, this.classes.length - 1) : 0];
    }

    drawSide(side) {
      const select = this.selects[side];
      const { index, probability, logit } = this.classes[this.pair[side]];
      select.value = index;
      [...select.options].forEach((option, rank) => {
        option.disabled = rank === this.pair[1 - side];
      });
      const text = `${percent(probability)}, logit ${decimal(logit)}`;
      put(find(this.sides[side], ".prediction"), text);
    }

    /* The two classes that are compared. */
    get compared() {
      return this.pair.map((rank) => this.classes[rank]);
    }

    /* The channels of the pair, [for A, for B]: [{channel, row, net, a, b}, …] each, the most for A
       first. */
    evidence() {
      const [a, b] = this.pair;
      const { pairs, channels, attribution } = this.layer;
      const found = pairs.find(([x, y]) => (x === a && y === b) || (x === b && y === a));
      if (!found) return [[], []];
      const entry = (row) => {
        const forA = attribution.at(row, a);
        const forB = attribution.at(row, b);
        return { row, channel: channels[row], net: forA - forB, a: forA, b: forB };
      };
      const [x, , forX, forY] = found;
      const sides = x === a ? [forX, forY] : [forY, forX];
      return sides.map((rows) => rows.map(entry).sort((p, q) => q.net - p.net));
    }

    /* -------------------------------------------------------------------------- columns */
    drawColumns() {
      const [left, right] = this.evidence();
      this.shown = [...left, ...right];
      const values = this.shown.flatMap(({ net, a, b }) => [net, a, b]);
      const most = max(...values.map(abs), SMALLEST);
      const [a, b] = this.compared;
      const blocks = [this.block(left, a, "for-a", most), this.block(right, b, "for-b", most)];
      this.renew([this.rowNames(), ...blocks]);
      put(this.legend, `A full bar is ${decimal(most)} logits.${this.legend.dataset.sides}`);
      this.describeSums();
      this.table();
    }

    block(entries, { name }, side, most) {
      const columns = entries.map((entry) => this.column(entry, most));
      const none = element("p.quiet", "No channel of this layer does.");
      return element(
        `div.channel-block.${side}`,
        { role: "group", "aria-label": `Channels that support ${name}` },
        element("p.block-title", "supports ", bdi(name)),
        element("div.channel-row", ...(columns.length ? columns : [none])),
      );
    }

    rowNames() {
      const classes = this.compared.map(({ name }) => element("span", "for ", bdi(name)));
      const rows = ["", "net evidence", ...classes].map((name) => element("span", name));
      return element("div.row-names", { "aria-hidden": "true" }, ...rows);
    }

    column(entry, most) {
      const { channel, net, a, b } = entry;
      // To which side a value counts: for A to the left, for B to the right.
      const value = (name, text, number, towards) => {
        const fill = bar(abs(number) / most / 2, towards > 0 ? "left" : "right");
        return atlas.evidence(name, text, fill);
      };
      const netText = net > 0 ? `← ${decimal(net)}` : `${decimal(-net)} →`;
      return element(
        "button.channel",
        { "data-channel": channel, "aria-pressed": "false", "aria-label": this.describe(entry) },
        atlas.picture(this.layer.layer, `channel:${channel}`),
        element("span.channel-name", `channel ${channel}`),
        value("net", netText, net, net),
        value("for A", signed(a), a, a),
        value("for B", signed(b), b, -b),
      );
    }

    describe({ channel, net, a, b }) {
      const [left, right] = this.compared.map(({ name }) => name);
      const evidence = `net evidence ${decimal(abs(net))} logits for ${net > 0 ? left : right}`;
      const parts = `${signed(a)} for ${left}, ${signed(b)} for ${right}`;
      return `channel ${channel}: ${evidence}; ${parts}. Show where it is active.`;
    }

    describeSums() {
      const [a, b] = this.compared;
      const [p, q] = this.pair;
      const { total, layer } = this.layer;
      const { title, shape } = layerOf(layer);
      const all = signed(total.at(p) - total.at(q));
      const shown = signed(this.shown.reduce((sum, { net }) => sum + net, 0));
      put(
        this.sums,
        "Logit of ",
        bdi(a.name),
        " minus logit of ",
        bdi(b.name),
        `: ${signed(a.logit - b.logit)}. Attribution gives all ${shape[0]} channels of `,
        bdi(title),
        ` together ${all}, the ${this.shown.length} shown ${shown}.${this.sums.dataset.note}`,
      );
    }

    /* ------------------------------------------------------------------- the photograph */
    /* Show where a channel is active: the one pointed at, else the one that the keyboard is on,
       else the one that was clicked. */
    look(hovered) {
      const focused = find(this.columns, "button:focus-visible")?.dataset.channel;
      const channel = hovered ?? focused ?? this.pinned;
      const entry = this.shown.find((each) => String(each.channel) === channel);
      for (const button of findAll(this.columns, "button")) {
        button.classList.toggle("looked-at", button.dataset.channel === channel);
      }
      this.scale.hidden = !entry;
      if (entry) this.showEntry(entry);
      else this.showIdle();
    }

    showEntry({ channel, row, net }) {
      const { layer, maps, negative } = this.layer;
      const peak = this.showMap(maps, row);
      const title = bdi(layerOf(layer).title);
      const where = `Channel ${channel}: bright where it is active in `;
      const below = negative ? " Negative activations are shown as 0." : "";
      put(this.caption, where, title, `, at most ${peak}.${below}`);
      const evidence = `${signed(net)} logits of net evidence`;
      this.announce(`Channel ${channel}, ${evidence}, activation at most ${peak}`);
    }
  }

  atlas.define("class_comparison", ClassComparison);
}
