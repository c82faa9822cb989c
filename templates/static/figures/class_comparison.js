/* Class comparison: two classes, the channels that most favour each, their shares and the effects
   of removing them, and where they are active. */
"use strict";

{
  const { element, find, findAll, layer: layerOf, name: bdi, on, put } = atlas;
  const { number: decimal, percent, sentence, signed } = atlas;
  const { abs, max } = Math;

  const SMALLEST = 1e-9; // a scale is never zero

  /* Net, for A and for B. */
  const written = ({ net, a, b }) => [net, a, b].map((value) => signed(value));

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
      for (const select of this.selects) atlas.offerClasses(select, this.classes);
    }

    numbers() {
      const rows = this.shown.map(({ channel, share, removal }) => [
        `channel ${channel}`,
        ...written(share),
        ...written(removal),
      ]);
      return [this.dataset.headings.split("|"), rows];
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

    /* The channels of the pair, [for A, for B]: [{channel, row, share, removal}, …] each, the most
       for A first. Shares and removals: {net, a, b}. */
    evidence() {
      const [a, b] = this.pair;
      const { pairs, channels, share, removal } = this.layer;
      const found = pairs.find(([x, y]) => (x === a && y === b) || (x === b && y === a));
      if (!found) return [[], []];
      const values = (packed, row) => {
        const [forA, forB] = [packed.at(row, a), packed.at(row, b)];
        return { net: forA - forB, a: forA, b: forB };
      };
      const entry = (row) => {
        const channel = channels[row];
        return { row, channel, share: values(share, row), removal: values(removal, row) };
      };
      const [x, , forX, forY] = found;
      const sides = x === a ? [forX, forY] : [forY, forX];
      return sides.map((rows) => rows.map(entry).sort((p, q) => q.share.net - p.share.net));
    }

    /* -------------------------------------------------------------------------- columns */
    drawColumns() {
      const [left, right] = this.evidence();
      this.shown = [...left, ...right];
      const values = this.shown.flatMap(({ share, removal }) =>
        [share, removal].map(Object.values)
      );
      const most = max(...values.flat(2).map(abs), SMALLEST);
      const [a, b] = this.compared;
      const blocks = [this.block(left, a, "for-a", most), this.block(right, b, "for-b", most)];
      this.renew([this.rowNames(), ...blocks]);
      put(this.legend, sentence(this.legend, this.bars, decimal(most)));
      this.describeSums();
      this.table();
    }

    block(entries, compared, side, most) {
      const columns = entries.map((entry) => this.column(entry, most));
      const none = element("p.quiet", this.dataset.none);
      return element(
        `div.channel-block.${side}`,
        { role: "group", "aria-label": sentence(this, "block", compared.name) },
        element("p.block-title", "favours ", atlas.className(compared)),
        element("div.channel-row", ...(columns.length ? columns : [none])),
      );
    }

    rowNames() {
      const classes = this.compared.map(({ name }) => element("span", "for ", bdi(name)));
      const rows = ["", this.dataset[this.bars], ...classes].map((name) => element("span", name));
      return element("div.row-names", { "aria-hidden": "true" }, ...rows);
    }

    column(entry, most) {
      const { channel, [this.bars]: bars, [this.ticks]: ticks } = entry;
      // To which side a value counts: for A to the left (sign −1), for B to the right (sign 1).
      const value = (name, text, key, sign = -1) => {
        const [bar, tick] = [bars, ticks].map((each) => sign * each[key] / most);
        return atlas.evidence(name, text, ...atlas.marks(bar, tick, "right", "left"));
      };
      const { net, a, b } = bars;
      const netText = net > 0 ? `← ${decimal(net)}` : `${decimal(-net)} →`;
      return element(
        "button.channel",
        { "data-channel": channel, "aria-pressed": "false", "aria-label": this.describe(entry) },
        atlas.picture(this.layer.layer, `channel:${channel}`),
        element("span.channel-name", `channel ${channel}`),
        element("span.disagrees", this.disagreement(entry, most)),
        value("net", netText, "net"),
        value("for A", signed(a), "a"),
        value("for B", signed(b), "b", 1),
      );
    }

    /* Where share and effect of removal favour different classes, in words. */
    disagreement({ share, removal }, most) {
      const side = Math.sign(share.net); // for the class that its share favours, both count
      return atlas.disagreement(side * share.net, side * removal.net, most);
    }

    describe({ channel, share, removal }) {
      const classes = this.compared.map(({ name }) => name);
      const values = [share, removal].map((each) => written(each).join(", "));
      return sentence(this, "channel", channel, ...classes, ...values);
    }

    describeSums() {
      const [p, q] = this.pair;
      const [a, b] = this.compared;
      const { total, baseline, layer } = this.layer;
      const { title, shape } = layerOf(layer);
      const [all, left] = [total, baseline].map((packed) => packed.at(p) - packed.at(q));
      const whole = a.logit - b.logit;
      const shown = atlas.sum(this.shown.map(({ share }) => share.net));
      const sums = [left, whole - left, all, shown].map((sum) => signed(sum));
      const count = this.shown.length;
      const others = [signed(all - shown), shape[0] - count];
      atlas.fillIn(this.sums, a.name, b.name, signed(whole), title, ...sums, count, ...others);
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

    showEntry({ channel, row, share, removal }) {
      const { layer, maps, negative } = this.layer;
      const peak = this.showMap(maps, row);
      const title = bdi(layerOf(layer).title);
      const below = negative ? this.caption.dataset.negative : "";
      const where = sentence(this.caption, "shown", channel);
      put(this.caption, where, title, `, at most ${peak}.${below}`);
      const values = [share, removal].map(({ net }) => signed(net));
      this.announce(sentence(this, "shown", channel, ...values, peak));
    }
  }

  atlas.define("class_comparison", ClassComparison);
}
