/* Class comparison: two classes, the channels that most support each, their evidence, and where they are active. */
"use strict";

customElements.define("atlas-class-comparison", class extends atlas.Figure {
  static figure = "class_comparison";

  build() {
    const find = (name) => this.querySelector(`.${name}`);
    Object.assign(this, { sides: [find("side-a"), find("side-b")], columns: find("channels"), sums: find("sums"), scale: find("map-scale"), caption: find("stage-caption"), legend: find("legend") });
    this.selects = this.sides.map((side) => side.querySelector("select"));
    this.table = atlas.table(find("figure-table"), () => [
      ["Channel", "Net evidence (A − B), logits", "For A, logits", "For B, logits"],
      this.shown.map((entry) => [`channel ${entry.channel}`, ...[entry.net, entry.a, entry.b].map((value) => atlas.signed(value))]),
    ]);
    this.stage = new atlas.Stage(find("stage"));
    this.selects.forEach((select, side) => select.addEventListener("change", () => this.choose({ [side ? "b" : "a"]: select.value, channel: null })));
    find("swap").addEventListener("click", () => this.choose({ a: this.selects[1].value, b: this.selects[0].value, channel: null }));
    this.roving = atlas.roving(this.columns, "button");
    this.columns.addEventListener("pointerover", (event) => event.pointerType !== "touch" && this.look(event.target.closest("button")));
    this.columns.addEventListener("pointerleave", () => this.look(null));
    this.columns.addEventListener("focusin", (event) => this.look(event.target.closest("button")));
    this.columns.addEventListener("focusout", (event) => this.columns.contains(event.relatedTarget) || this.look(null));
    this.columns.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.choose({ channel: button.dataset.channel === this.pinned ? null : button.dataset.channel });
    });
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.pinned && this.choose({ channel: null }));
  }

  show(data, image) {
    this.stage.photograph(image);
    this.classes = data.classes;
    this.first = data.first;
    this.layers = new Map(data.layers.map((layer) => [layer.layer, {
      ...layer,
      ...Object.fromEntries(["attribution", "total", "maps"].map((key) => [key, atlas.unpack(layer[key])])),
    }]));
    this.mark = atlas.layerChoice(this.querySelector(".layer-choice"), this.id, [...this.layers.keys()], (name) => this.choose({ layer: name, channel: null }));
    this.selects.forEach((select) => select.replaceChildren(...this.classes.map(({ index, name }) => atlas.element("option", { value: index }, name))));
  }

  apply({ layer, a, b, channel }) {
    this.layer = this.layers.get(layer) ?? this.layers.get(this.first);
    this.mark(this.layer.layer);
    const place = (index) => this.classes.findIndex((each) => String(each.index) === index);
    let first = Math.max(0, place(a)), second = place(b);
    if (second < 0 || second === first) second = first === 0 ? Math.min(1, this.classes.length - 1) : 0;
    this.pair = [first, second];
    this.selects.forEach((select, side) => {
      select.value = this.classes[this.pair[side]].index;
      [...select.options].forEach((option, i) => (option.disabled = i === this.pair[1 - side]));
      const { probability, logit } = this.classes[this.pair[side]];
      this.sides[side].querySelector(".prediction").textContent = `${atlas.percent(probability)}, logit ${atlas.number(logit)}`;
    });
    this.drawColumns();
    this.pinned = this.shown.some((entry) => String(entry.channel) === channel) ? channel : null;
    this.columns.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", button.dataset.channel === this.pinned));
    this.look(null);
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
    const most = Math.max(...this.shown.flatMap((entry) => [entry.net, entry.a, entry.b].map(Math.abs)), 1e-9);
    const focused = document.activeElement?.dataset?.channel;
    const blocks = [[left, a, "a"], [right, b, "b"]].map(([entries, { name }, side]) =>
      atlas.element("div", { class: `channel-block for-${side}`, role: "group", "aria-label": `Channels that support ${name}` },
        atlas.element("p", { class: "block-title" }, "supports ", atlas.name(name)),
        atlas.element("div", { class: "channel-row" }, ...(entries.length ? entries.map((entry) => this.column(entry, most)) : [atlas.element("p", { class: "quiet" }, "No channel of this layer does.")]))));
    this.columns.replaceChildren(this.rowNames(), ...blocks);
    const button = focused && this.columns.querySelector(`[data-channel="${focused}"]`);
    this.roving(button);
    button?.focus();
    this.legend.textContent = `A full bar is ${atlas.number(most)} logits. Bars to the left, blue: for the class on the left; to the right, orange: for the class on the right.`;
    this.describeSums(a, b);
    this.table();
  }

  rowNames() {
    return atlas.element("div", { class: "row-names", "aria-hidden": "true" }, ...["", "net evidence", ...this.pair.map((place) => atlas.element("span", {}, "for ", atlas.name(this.classes[place].name)))].map((content) => atlas.element("span", {}, content)));
  }

  column(entry, most) {
    const [a, b] = this.pair.map((place) => this.classes[place].name);
    const name = `channel ${entry.channel}`;
    const button = atlas.element("button", { type: "button", class: "channel", "data-channel": entry.channel, "aria-pressed": "false",
      "aria-label": `${name}: net evidence ${atlas.number(Math.abs(entry.net))} logits for ${entry.net > 0 ? a : b}; ${atlas.signed(entry.a)} for ${a}, ${atlas.signed(entry.b)} for ${b}. Show where it is active.` });
    const picture = atlas.icon(atlas.element("span", { class: "picture" }), this.layer.layer, `channel:${entry.channel}`);
    picture.setAttribute("aria-hidden", "true");
    // To which side a value speaks: for A to the left, for B to the right.
    const value = (label, number, towards, text) => {
      const fill = atlas.element("span", { class: `fill ${towards > 0 ? "left" : "right"}` });
      fill.style.width = `${(50 * Math.abs(number)) / most}%`;
      return atlas.element("span", { class: "evidence" }, atlas.element("span", { class: "evidence-name" }, label), atlas.element("span", { class: "value" }, text), atlas.element("span", { class: "axis" }, fill));
    };
    button.append(picture, atlas.element("span", { class: "channel-name" }, name),
      value("net", entry.net, entry.net, entry.net > 0 ? `← ${atlas.number(entry.net)}` : `${atlas.number(-entry.net)} →`),
      value("for A", entry.a, entry.a, atlas.signed(entry.a)),
      value("for B", entry.b, -entry.b, atlas.signed(entry.b)));
    return button;
  }

  describeSums(a, b) {
    const [p, q] = this.pair, { total, layer } = this.layer;
    const shown = this.shown.reduce((sum, entry) => sum + entry.net, 0);
    this.sums.replaceChildren("Logit of ", atlas.name(a.name), " minus logit of ", atlas.name(b.name), `: ${atlas.signed(a.logit - b.logit)}. Attribution gives all ${atlas.layer(layer).shape[0]} channels of this layer together ${atlas.signed(total.at(p) - total.at(q))}, the ${this.shown.length} shown ${atlas.signed(shown)}. What lies between the first two numbers, this method of attribution does not explain.`);
  }

  /* Show where a channel is active: the one pointed at, else the one that the keyboard is on, else the one that was clicked. */
  look(button) {
    const channel = (button ?? this.columns.querySelector("button:focus-visible"))?.dataset.channel ?? this.pinned;
    const entry = this.shown.find((each) => String(each.channel) === channel);
    this.columns.querySelectorAll("button").forEach((each) => each.classList.toggle("looked-at", each.dataset.channel === channel));
    this.scale.hidden = !entry;
    if (!entry) {
      this.stage.clear();
      this.caption.textContent = "Point at a channel, or move to it with the keyboard, to see where it is active.";
      return;
    }
    const { maps, negative } = this.layer, [, rows, columns] = maps.shape;
    this.stage.map(maps.slice(entry.place), rows, columns, atlas.colours.activation, 255);
    this.scale.querySelector(".maximum").textContent = atlas.activation(255 * maps.scale);
    const peak = atlas.activation(Math.max(...maps.slice(entry.place)) * maps.scale);
    this.caption.textContent = `Channel ${entry.channel}: bright where it is active, at most ${peak}.${negative ? " Negative activations are shown as 0." : ""}`;
    this.say(`Channel ${entry.channel}, ${atlas.signed(entry.net)} logits of net evidence, activation at most ${peak}`);
  }
});
