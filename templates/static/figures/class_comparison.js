/* Class comparison: two classes, the channels that most support each, their evidence, and where they are active. */
"use strict";

{
  const { bar, element, evidence, find, findAll, layer: layerOf, name: bdi, number: decimal, on, percent, picture: pictureOf, pointing, put, signed } = atlas;
  const { abs, max } = Math;

  atlas.define("class_comparison", class extends atlas.Figure {
    static parts = { columns: ".channels" };

    build() {
      this.sides = findAll(this, ".side");
      this.selects = this.sides.map((side) => find(side, "select"));
      this.selects.forEach((select, side) => on(select, "change", () => this.choose({ [side ? "b" : "a"]: select.value, channel: null })));
      on(find(this, ".swap"), "click", () => this.choose({ a: this.selects[1].value, b: this.selects[0].value, channel: null }));
      this.renew = pointing(this.columns, "channel", {
        look: (channel) => this.look(channel),
        pick: (channel) => this.choose({ channel: channel === this.pinned ? null : channel }),
      });
      on(this, "keydown", (event) => event.key === "Escape" && this.pinned && this.choose({ channel: null }));
    }

    show(data, image) {
      this.stage.photograph(image);
      this.classes = data.classes;
      this.offer(data, "channel");
      find(this, ".layer-choice").hidden = this.layers.size < 2; // the caption and the sums name the layer
      this.selects.forEach((select) => put(select, ...this.classes.map(({ index, name }) => element("option", { value: index }, name))));
    }

    numbers() {
      const rows = this.shown.map((entry) => [`channel ${entry.channel}`, ...[entry.net, entry.a, entry.b].map((value) => signed(value))]);
      return [["Channel", "Net evidence (A − B), logits", "For A, logits", "For B, logits"], rows];
    }

    apply({ layer, a, b, channel }) {
      this.layer = this.layerNamed(layer);
      const place = (index) => this.classes.findIndex((each) => String(each.index) === index);
      let first = max(0, place(a)), second = place(b);
      if (second < 0 || second === first) second = first === 0 ? Math.min(1, this.classes.length - 1) : 0;
      this.pair = [first, second];
      this.selects.forEach((select, side) => {
        select.value = this.classes[this.pair[side]].index;
        [...select.options].forEach((option, i) => (option.disabled = i === this.pair[1 - side]));
        const { probability, logit } = this.classes[this.pair[side]];
        put(find(this.sides[side], ".prediction"), `${percent(probability)}, logit ${decimal(logit)}`);
      });
      this.drawColumns();
      this.pinned = this.shown.some((entry) => String(entry.channel) === channel) ? channel : null;
      findAll(this.columns, "button").forEach((button) => (button.ariaPressed = button.dataset.channel === this.pinned));
      this.look();
    }

    /* Evidence of the channels of this pair in this layer: [{channel, place, net, a, b}], the most for A first. */
    evidence() {
      const [a, b] = this.pair, { pairs, channels, attribution } = this.layer;
      const found = pairs.find(([x, y]) => (x === a && y === b) || (x === b && y === a));
      if (!found) return [[], []];
      const entry = (place) => {
        const forA = attribution.at(place, a), forB = attribution.at(place, b);
        return { place, channel: channels[place], net: forA - forB, a: forA, b: forB };
      };
      const [x, , ...sides] = found;
      const [left, right] = (x === a ? sides : sides.reverse()).map((places) => places.map(entry));
      const order = (p, q) => q.net - p.net;
      return [left.sort(order), right.sort(order)];
    }

    drawColumns() {
      const [left, right] = this.evidence();
      const [a, b] = this.pair.map((place) => this.classes[place]);
      this.shown = [...left, ...right];
      const most = max(...this.shown.flatMap((entry) => [entry.net, entry.a, entry.b].map(abs)), 1e-9);
      const blocks = [[left, a, "a"], [right, b, "b"]].map(([entries, { name }, side]) =>
        element("div", { class: `channel-block for-${side}`, role: "group", "aria-label": `Channels that support ${name}` },
          element("p.block-title", "supports ", bdi(name)),
          element("div.channel-row", ...(entries.length ? entries.map((entry) => this.column(entry, most)) : [element("p.quiet", "No channel of this layer does.")]))));
      this.renew([this.rowNames(), ...blocks]);
      put(this.legend, `A full bar is ${decimal(most)} logits.${this.legend.dataset.sides}`);
      this.describeSums(a, b);
      this.table();
    }

    rowNames() {
      return element("div.row-names", { "aria-hidden": "true" }, ...["", "net evidence", ...this.pair.map((place) => element("span", "for ", bdi(this.classes[place].name)))].map((content) => element("span", content)));
    }

    column(entry, most) {
      const [a, b] = this.pair.map((place) => this.classes[place].name);
      const name = `channel ${entry.channel}`;
      const button = element("button.channel", { "data-channel": entry.channel, "aria-pressed": "false",
        "aria-label": `${name}: net evidence ${decimal(abs(entry.net))} logits for ${entry.net > 0 ? a : b}; ${signed(entry.a)} for ${a}, ${signed(entry.b)} for ${b}. Show where it is active.` });
      const picture = pictureOf(this.layer.layer, `channel:${entry.channel}`);
      // To which side a value speaks: for A to the left, for B to the right.
      const value = (label, number, towards, text) => evidence(label, text, bar(abs(number) / most / 2, towards > 0 ? "left" : "right"));
      button.append(picture, element("span.channel-name", name),
        value("net", entry.net, entry.net, entry.net > 0 ? `← ${decimal(entry.net)}` : `${decimal(-entry.net)} →`),
        value("for A", entry.a, entry.a, signed(entry.a)),
        value("for B", entry.b, -entry.b, signed(entry.b)));
      return button;
    }

    describeSums(a, b) {
      const [p, q] = this.pair, { total, layer } = this.layer, { title, shape } = layerOf(layer);
      const shown = this.shown.reduce((sum, entry) => sum + entry.net, 0);
      put(this.sums, "Logit of ", bdi(a.name), " minus logit of ", bdi(b.name), `: ${signed(a.logit - b.logit)}. Attribution gives all ${shape[0]} channels of `, bdi(title), ` together ${signed(total.at(p) - total.at(q))}, the ${this.shown.length} shown ${signed(shown)}.${this.sums.dataset.rest}`);
    }

    /* Show where a channel is active: the one pointed at, else the one that the keyboard is on, else the one that was clicked. */
    look(hovered) {
      const channel = hovered ?? find(this.columns, "button:focus-visible")?.dataset.channel ?? this.pinned;
      const entry = this.shown.find((each) => String(each.channel) === channel);
      findAll(this.columns, "button").forEach((each) => each.classList.toggle("looked-at", each.dataset.channel === channel));
      this.scale.hidden = !entry;
      if (!entry) return this.rest();
      const { layer, maps, negative } = this.layer, peak = this.shade(maps, entry.place);
      put(this.caption, `Channel ${entry.channel}: bright where it is active in `, bdi(layerOf(layer).title), `, at most ${peak}.${negative ? " Negative activations are shown as 0." : ""}`);
      this.say(`Channel ${entry.channel}, ${signed(entry.net)} logits of net evidence, activation at most ${peak}`);
    }
  });
}
