/* Channel attribution: per layer, the channels that add most to a target and those that take most away. The target is a
   class or, at the end of a trail of clicks, a channel; then earlier layers show what feeds it, later ones what it feeds. */
"use strict";

customElements.define("atlas-channel-attribution", class extends atlas.Figure {
  static figure = "channel_attribution";
  static none = 65535; // the place of no channel

  build() {
    const find = (name) => this.querySelector(`.${name}`);
    Object.assign(this, { select: this.querySelector("select"), trailList: find("trail ol"), columns: find("layer-columns"), effects: find("effects"), effectsTitle: find("effects-title"), caption: find("stage-caption"), scale: find("map-scale") });
    this.stage = new atlas.Stage(find("stage"));
    this.table = atlas.table(find("figure-table"), () => [
      ["Layer", "Channel", `Attribution, ${this.target() ? "summed activation" : "logits"}`, "Relation"],
      this.drawn.flatMap(({ layer, entries, relation }) => entries.map(({ place, value }) => [atlas.name(atlas.layer(layer.layer).title), `channel ${layer.channels.at(place)}`, value === undefined ? "" : this.text(value), relation])),
    ]);
    this.select.addEventListener("change", () => this.choose({ class: this.select.value, trail: null }));
    this.roving = atlas.roving(this.columns, "button");
    this.columns.addEventListener("pointerover", (event) => event.pointerType !== "touch" && this.look(event.target.closest("button")));
    this.columns.addEventListener("pointerleave", () => this.look(null));
    this.columns.addEventListener("focusin", (event) => this.look(event.target.closest("button")));
    this.columns.addEventListener("focusout", (event) => this.columns.contains(event.relatedTarget) || this.look(null));
    this.columns.addEventListener("click", (event) => this.follow(event.target.closest("button")));
    this.trailList.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.go(this.trail.slice(0, Number(button.dataset.length)));
    });
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.trail?.length && this.go(this.trail.slice(0, -1)));
  }

  show(data, image) {
    this.stage.photograph(image);
    this.classes = data.classes;
    const unpacked = (object, ...keys) => ({ ...object, ...Object.fromEntries(keys.map((key) => [key, atlas.unpack(object[key])])) });
    this.layers = data.layers.map((layer) => ({
      ...unpacked(layer, "channels", "maps", "summed", "toClasses"),
      classes: unpacked(layer.classes, "places", "shares", "counts", "total"),
      lists: new Map(Object.entries(layer.lists).map(([other, list]) => [other, unpacked(list, "places", "values", "shares")])),
    }));
    this.strongest = Math.max(...this.layers.map(({ toClasses }) => toClasses.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9)));
    this.select.replaceChildren(...this.classes.map(({ index, name }) => atlas.element("option", { value: index }, name)));
  }

  apply({ class: index, trail = "" }) {
    this.k = Math.max(0, this.classes.findIndex((each) => String(each.index) === index));
    this.select.value = this.classes[this.k].index;
    const steps = trail.split("-").map((step) => step.split(".").map(Number)).map(([layer, channel]) => ({ layer, place: this.layers[layer]?.channels.values.indexOf(channel) ?? -1 }));
    const end = steps.findIndex(({ place }) => place < 0);
    this.trail = end < 0 ? steps : steps.slice(0, end);
    this.drawn = this.view(this.trail);
    this.drawTrail();
    this.drawColumns();
    this.table();
    this.look(null);
  }

  /* The channel that is asked about; undefined for a class. */
  target(trail = this.trail) {
    return trail.at(-1);
  }

  go(trail) {
    this.choose({ class: this.classes[this.k].index, trail: trail.map(({ layer, place }) => `${layer}.${this.layers[layer].channels.at(place)}`).join("-") || null });
  }

  follow(button) {
    if (!button) return;
    const step = { layer: Number(button.dataset.layer), place: Number(button.dataset.place) }, last = this.target();
    const before = this.trail.slice(0, -1);
    if (!last || step.layer !== last.layer) this.go([...this.trail, step]);
    else this.go(step.place === last.place ? before : [...before, step]);
  }

  /* What every column shows for a trail: {layer, entries: [{place, value}], relation, shares, counts, own, scale}. */
  view(trail) {
    const target = this.target(trail);
    const columns = this.layers.map((layer, m) => {
      if (!target) return { layer, relation: "to the class", entries: this.entries(layer.classes.places.slice(this.k), (place) => layer.toClasses.at(place, this.k)), shares: layer.classes.shares.slice(this.k), counts: layer.classes.counts.slice(this.k) };
      if (m === target.layer) return { layer, relation: "chosen here", own: true, entries: this.siblings(trail, m) };
      const from = this.layers[target.layer], list = from.lists.get(layer.layer), relation = m < target.layer ? "feeds it" : "is fed by it";
      if (target.place >= from.listed) return { layer, relation, entries: [], ends: true };
      return { layer, relation, entries: this.entries(list.places.slice(target.place), (_, i) => list.values.at(target.place, i)), shares: list.shares.slice(target.place) };
    });
    const most = (some) => Math.max(1e-9, ...some.flatMap(({ own, entries }) => (own ? [] : entries.map(({ value }) => Math.abs(value)))));
    // What adds up to one quantity is drawn on one scale.
    columns.forEach((column, m) => (column.scale = most(!target ? columns : m < target.layer ? columns.slice(0, target.layer) : [column])));
    return columns;
  }

  entries(places, value) {
    return Array.from(places, (place, i) => ({ place, value: place === this.constructor.none ? 0 : value(place, i) })).filter(({ place }) => place !== this.constructor.none);
  }

  /* The chosen channel among those that it was chosen from. */
  siblings(trail, m) {
    const { place } = this.target(trail);
    const found = this.view(trail.slice(0, -1))[m].entries.map((entry) => ({ place: entry.place }));
    return found.some((entry) => entry.place === place) ? found : [{ place }, ...found];
  }

  text(value) {
    return this.target() ? (value > 0 ? "+" : "") + atlas.activation(value) : atlas.signed(value);
  }

  called({ layer, place }) {
    const { layer: name, channels } = this.layers[layer];
    return [atlas.name(atlas.layer(name).title), ` channel ${channels.at(place)}`];
  }

  drawTrail() {
    const names = [[atlas.name(this.classes[this.k].name)], ...this.trail.map((step) => this.called(step))];
    this.trailList.replaceChildren(...names.map((name, length) => {
      const last = length === this.trail.length;
      const crumb = atlas.element(last ? "span" : "button", last ? { "aria-current": "true" } : { type: "button", "data-length": length }, ...name);
      return atlas.element("li", {}, crumb);
    }));
  }

  drawColumns() {
    const focused = this.columns.contains(document.activeElement) && document.activeElement.dataset;
    this.columns.replaceChildren(...this.drawn.map((column, m) => this.column(column, m)));
    const button = focused ? this.columns.querySelector(`[data-layer="${focused.layer}"][data-place="${focused.place}"]`) : null;
    this.roving(button ?? this.columns.querySelector("[aria-pressed=true]"));
    button?.focus({ preventScroll: true });
  }

  column(column, m) {
    const { layer, entries, relation, own, ends } = column, { title } = atlas.layer(layer.layer);
    const target = this.target();
    const words = !target ? ["supports", "opposes"] : m < target.layer ? ["adds to it", "takes from it"] : ["gains from it", "loses by it"];
    const [plus, minus] = [entries.filter(({ value }) => value > 0), entries.filter(({ value }) => value < 0)];
    const part = (some, word, kind) => atlas.element("div", { class: `tiles ${kind}`, role: "group", "aria-label": `${title}, ${word}` },
      atlas.element("p", { class: "tiles-title" }, word),
      ...(some.length ? some.map((entry) => this.tile(entry, column, m, word)) : [atlas.element("p", { class: "quiet fine" }, "none")]));
    const parts = ends ? [] : own ? [part(entries, "chosen among", "own")] : [part(plus, words[0], "adds"), part(minus, words[1], "takes")];
    return atlas.element("div", { class: own ? "layer-column own" : "layer-column" },
      atlas.element("p", { class: "layer-name" }, atlas.name(title), atlas.element("small", {}, target ? relation : "")),
      ...parts, atlas.element("p", { class: "fine column-note" }, this.note(column)));
  }

  note({ shares, counts, scale, own, ends, layer }) {
    if (ends) return "This page holds no lists for this channel; it is too many clicks away from the classes.";
    if (own) return "";
    const percent = (share, i) => `${Math.round(100 * share)} % of all ${i ? "opposition" : "support"}${counts ? `, which comes from ${counts[i]} channels` : ""}`;
    const total = counts ? ` All ${atlas.layer(layer.layer).shape[0]} channels together: ${atlas.signed(layer.classes.total.at(this.k))} logits.` : "";
    return `Shown: ${percent(shares[0], 0)}; ${percent(shares[1], 1)}.${total} Full bar: ${this.target() ? `${atlas.activation(scale)}, summed activation` : `${atlas.number(scale)} logits`}.`;
  }

  tile({ place, value }, { layer, own, scale }, m, word) {
    const channel = layer.channels.at(place), chosen = own && place === this.target().place;
    const spoken = own ? (chosen ? "chosen; press to go back" : "choose it instead") : `${word}, ${this.text(value)} ${this.target() ? "of summed activation" : "logits"}; press to follow it`;
    const picture = atlas.icon(atlas.element("span", { class: "picture" }), layer.layer, `channel:${channel}`);
    picture.setAttribute("aria-hidden", "true");
    if (picture.dataset.picture === "absent") this.place(picture, layer, place);
    const button = atlas.element("button", { type: "button", class: "tile", "data-layer": m, "data-place": place, "data-channel": channel, "aria-pressed": own ? String(chosen) : null,
      "aria-label": `${atlas.layer(layer.layer).title} channel ${channel}: ${spoken}${atlas.flaw(picture)}` }, picture, atlas.element("span", { class: "channel-name" }, `channel ${channel}`));
    if (own) return button;
    const fill = atlas.element("span", { class: "fill" });
    fill.style.width = `${(100 * Math.abs(value)) / scale}%`;
    button.append(atlas.element("span", { class: "value" }, this.text(value)), atlas.element("span", { class: "track" }, fill));
    return button;
  }

  /* Of a channel without a picture, show where in the photograph it is active. */
  place(picture, { maps }, place) {
    const canvas = atlas.element("canvas");
    atlas.paint(canvas, maps.slice(place), maps.shape[1], maps.shape[2], atlas.colours.activation, 255);
    picture.append(atlas.element("img", { src: this.stage.image.src, alt: "" }), canvas);
    picture.classList.add("where");
  }

  /* Show where a channel is active and what it does for the classes: the one pointed at, else that of the keyboard, else the target. */
  look(button) {
    const { dataset } = button ?? this.columns.querySelector("button:focus-visible") ?? {};
    const step = dataset ? { layer: Number(dataset.layer), place: Number(dataset.place) } : this.target();
    this.columns.querySelectorAll("button").forEach((each) => each.classList.toggle("looked-at", Boolean(step) && Number(each.dataset.layer) === step.layer && Number(each.dataset.place) === step.place));
    this.scale.hidden = !step;
    this.drawEffects(step);
    if (!step) {
      this.stage.clear();
      this.caption.textContent = "Point at a channel to see where it is active and what it does for each class. Click, tap or Enter follows it.";
      return;
    }
    const layer = this.layers[step.layer], { maps, block } = layer, map = maps.slice(step.place);
    this.stage.map(map, maps.shape[1], maps.shape[2], atlas.colours.activation, 255);
    this.scale.querySelector(".maximum").textContent = atlas.activation(255 * maps.scale);
    const peak = atlas.activation(Math.max(...map) * maps.scale);
    this.caption.replaceChildren(...this.called(step), `: bright where it is active, at most ${peak}${block > 1 ? ` (mean over ${block} × ${block} positions)` : ""}.${layer.negative ? " Negative activations are shown as 0." : ""}${this.trail.length ? " Escape goes one step back." : ""}`);
    this.say(this.caption.textContent);
  }

  /* Bars for the leading classes: a channel's attribution to them or, of no channel, their probabilities. */
  drawEffects(step) {
    this.effectsTitle.textContent = step ? `What it does for the classes, logits; half a bar is ${atlas.number(this.strongest)}` : "Probability of the classes";
    this.effects.replaceChildren(...this.classes.map(({ name, probability }, k) => {
      const value = step && this.layers[step.layer].toClasses.at(step.place, k);
      const fill = atlas.element("span", { class: `fill ${!step ? "probability" : value > 0 ? "adds" : "takes"}` });
      fill.style.width = step ? `${(50 * Math.abs(value)) / this.strongest}%` : `${100 * probability}%`;
      return atlas.element("li", { class: k === this.k ? "current" : null }, atlas.name(name), atlas.element("span", { class: "value" }, step ? atlas.signed(value) : atlas.percent(probability)), atlas.element("span", { class: "axis" }, fill));
    }));
  }
});
