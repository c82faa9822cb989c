/* Channel attribution: per layer, the channels that add most to a target and those that take most away. The target is a
   class or, at the end of a trail of clicks, a channel; then earlier layers show what feeds it, later ones what it feeds. */
"use strict";

{
  const { activation, bar, colours, element, find, findAll, flaw, layer: layerOf, name: bdi, number: decimal, on, paint, percent, picture: pictureOf, pointing, put, signed } = atlas;
  const { abs, max } = Math;

  const NONE = 65535; // the place of no channel

  atlas.define("channel_attribution", class extends atlas.Figure {
    static parts = { select: "select", trailList: ".trail ol", columns: ".layer-columns", effects: ".effects", effectsTitle: ".effects-title" };

    build() {
      on(this.select, "change", () => this.choose({ class: this.select.value, trail: null }));
      this.renew = pointing(this.columns, "step", { look: (step) => this.look(step), pick: (step) => this.follow(step) });
      on(this.trailList, "click", (event) => {
        const button = event.target.closest("button");
        if (button) this.go(this.trail.slice(0, Number(button.dataset.length)));
      });
      on(this, "keydown", (event) => event.key === "Escape" && this.trail?.length && this.go(this.trail.slice(0, -1)));
    }

    show(data, image) {
      this.stage.photograph(image);
      this.classes = data.classes;
      this.layers = data.layers;
      this.strongest = max(...this.layers.map(({ toClasses }) => toClasses.values.reduce((most, value) => max(most, abs(value)), 1e-9)));
      put(this.select, ...this.classes.map(({ index, name }) => element("option", { value: index }, name)));
    }

    numbers() {
      const rows = ({ layer, entries, relation }) => entries.map(({ place, value }) => [bdi(layerOf(layer.layer).title), `channel ${layer.channels.at(place)}`, value === undefined ? "" : this.text(value), relation]);
      return [["Layer", "Channel", `Attribution, ${this.target() ? "summed activation" : "logits"}`, "Relation"], this.drawn.flatMap(rows)];
    }

    apply({ class: index, trail = "" }) {
      this.k = max(0, this.classes.findIndex((each) => String(each.index) === index));
      this.select.value = this.classes[this.k].index;
      const steps = trail.split("-").map((step) => step.split(".").map(Number)).map(([layer, channel]) => ({ layer, place: this.layers[layer]?.channels.values.indexOf(channel) ?? -1 }));
      const end = steps.findIndex(({ place }) => place < 0);
      this.trail = end < 0 ? steps : steps.slice(0, end);
      this.drawn = this.view(this.trail);
      this.drawTrail();
      this.renew(this.drawn.map((column, m) => this.column(column, m)), "[aria-pressed=true]");
      this.table();
      this.look();
    }

    /* The channel that is asked about; undefined for a class. */
    target(trail = this.trail) {
      return trail.at(-1);
    }

    go(trail) {
      this.choose({ class: this.classes[this.k].index, trail: trail.map(({ layer, place }) => `${layer}.${this.layers[layer].channels.at(place)}`).join("-") || null });
    }

    /* A step "layer.place", as buttons carry it. */
    stepOf(text) {
      const [layer, place] = text.split(".").map(Number);
      return { layer, place };
    }

    follow(text) {
      const step = this.stepOf(text), last = this.target();
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
        const from = this.layers[target.layer], list = from.lists[layer.layer], relation = m < target.layer ? "feeds it" : "is fed by it";
        if (target.place >= from.listed) return { layer, relation, entries: [], ends: true };
        return { layer, relation, entries: this.entries(list.places.slice(target.place), (_, i) => list.values.at(target.place, i)), shares: list.shares.slice(target.place) };
      });
      const most = (some) => max(1e-9, ...some.flatMap(({ own, entries }) => (own ? [] : entries.map(({ value }) => abs(value)))));
      // What adds up to one quantity is drawn on one scale.
      columns.forEach((column, m) => (column.scale = most(!target ? columns : m < target.layer ? columns.slice(0, target.layer) : [column])));
      return columns;
    }

    entries(places, value) {
      return Array.from(places, (place, i) => ({ place, value: place === NONE ? 0 : value(place, i) })).filter(({ place }) => place !== NONE);
    }

    /* The chosen channel among those that it was chosen from. */
    siblings(trail, m) {
      const { place } = this.target(trail);
      const found = this.view(trail.slice(0, -1))[m].entries.map((entry) => ({ place: entry.place }));
      return found.some((entry) => entry.place === place) ? found : [{ place }, ...found];
    }

    text(value) {
      return this.target() ? (value > 0 ? "+" : "") + activation(value) : signed(value);
    }

    called({ layer, place }) {
      const { layer: name, channels } = this.layers[layer];
      return [bdi(layerOf(name).title), ` channel ${channels.at(place)}`];
    }

    drawTrail() {
      const names = [[bdi(this.classes[this.k].name)], ...this.trail.map((step) => this.called(step))];
      put(this.trailList, ...names.map((name, length) => {
        const last = length === this.trail.length;
        const crumb = element(last ? "span" : "button", last ? { "aria-current": "true" } : { type: "button", "data-length": length }, ...name);
        return element("li", crumb);
      }));
    }

    column(column, m) {
      const { layer, entries, relation, own, ends } = column, { title } = layerOf(layer.layer);
      const target = this.target();
      const words = !target ? ["supports", "opposes"] : m < target.layer ? ["adds to it", "takes from it"] : ["gains from it", "loses by it"];
      const [plus, minus] = [entries.filter(({ value }) => value > 0), entries.filter(({ value }) => value < 0)];
      const part = (some, word, kind) => element("div", { class: `tiles ${kind}`, role: "group", "aria-label": `${title}, ${word}` },
        element("p.tiles-title", word),
        ...(some.length ? some.map((entry) => this.tile(entry, column, m, word)) : [element("p.quiet.fine", "none")]));
      const parts = ends ? [] : own ? [part(entries, "chosen among", "own")] : [part(plus, words[0], "adds"), part(minus, words[1], "takes")];
      return element("div", { class: own ? "layer-column own" : "layer-column" },
        element("p.layer-name", bdi(title), element("small", target ? relation : "")),
        ...parts, element("p.fine.column-note", this.note(column)));
    }

    note({ shares, counts, scale, own, ends, layer }) {
      if (ends) return this.columns.dataset.ends;
      if (own) return "";
      const percent = (share, i) => `${Math.round(100 * share)} % of all ${i ? "opposition" : "support"}${counts ? `, which comes from ${counts[i]} channels` : ""}`;
      const total = counts ? ` All ${layerOf(layer.layer).shape[0]} channels together: ${signed(layer.classes.total.at(this.k))} logits.` : "";
      return `Shown: ${percent(shares[0], 0)}; ${percent(shares[1], 1)}.${total} Full bar: ${this.target() ? `${activation(scale)}, summed activation` : `${decimal(scale)} logits`}.`;
    }

    tile({ place, value }, { layer, own, scale }, m, word) {
      const channel = layer.channels.at(place), chosen = own && place === this.target().place;
      const spoken = own ? (chosen ? "chosen; press to go back" : "choose it instead") : `${word}, ${this.text(value)} ${this.target() ? "of summed activation" : "logits"}; press to follow it`;
      const picture = pictureOf(layer.layer, `channel:${channel}`);
      if (picture.dataset.picture === "absent") this.place(picture, layer, place);
      const button = element("button.tile", { "data-step": `${m}.${place}`, "data-channel": channel, "aria-pressed": own ? String(chosen) : null,
        "aria-label": `${layerOf(layer.layer).title} channel ${channel}: ${spoken}${flaw(picture)}` }, picture, element("span.channel-name", `channel ${channel}`));
      if (own) return button;
      button.append(element("span.value", this.text(value)), element("span.track", bar(abs(value) / scale)));
      return button;
    }

    /* Of a channel without a picture, show where in the photograph it is active. */
    place(picture, { maps }, place) {
      const canvas = element("canvas");
      paint(canvas, maps.slice(place), maps.shape[1], maps.shape[2], colours.activation, 255);
      picture.append(element("img", { src: this.stage.image.src, alt: "" }), canvas);
      picture.classList.add("where");
    }

    /* Show where a channel is active and what it does for the classes: the one pointed at, else that of the keyboard, else the target. */
    look(hovered) {
      const text = hovered ?? find(this.columns, "button:focus-visible")?.dataset.step, step = text ? this.stepOf(text) : this.target();
      findAll(this.columns, "button").forEach((each) => each.classList.toggle("looked-at", each.dataset.step === `${step?.layer}.${step?.place}`));
      this.scale.hidden = !step;
      this.drawEffects(step);
      if (!step) return this.rest();
      const layer = this.layers[step.layer], { maps, block } = layer, peak = this.shade(maps, step.place);
      put(this.caption, ...this.called(step), `: bright where it is active, at most ${peak}${block > 1 ? ` (mean over ${block} × ${block} positions)` : ""}.${layer.negative ? " Negative activations are shown as 0." : ""}${this.trail.length ? " Escape goes one step back." : ""}`);
      this.say(this.caption.textContent);
    }

    /* Bars for the leading classes: a channel's attribution to them or, of no channel, their probabilities. */
    drawEffects(step) {
      put(this.effectsTitle, step ? `What it does for the classes, logits; half a bar is ${decimal(this.strongest)}` : "Probability of the classes");
      put(this.effects, ...this.classes.map(({ name, probability }, k) => {
        const value = step && this.layers[step.layer].toClasses.at(step.place, k);
        const fill = step ? bar(abs(value) / this.strongest / 2, value > 0 ? "adds" : "takes") : bar(probability, "probability");
        return element("li", { class: k === this.k ? "current" : null }, bdi(name), element("span.value", step ? signed(value) : percent(probability)), element("span.axis", fill));
      }));
    }
  });
}
