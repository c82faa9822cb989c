/* Switchboard: groups of a layer and their residual are switched off and on, and the page shows
   what the network says then. Pointing at a switch, or reaching it with the keyboard, shows where
   its part is; a click, Space or Enter switches it. */
"use strict";

{
  const { bar, colours, countChoice, element, fillIn, find, findAll, flaw, groupKey, on, put } =
    atlas;
  const { name: bdi, percent, picture, pointing, range, signed, subsets, tick } = atlas;

  class Switchboard extends atlas.Figure {
    static parts = {
      switches: ".switches",
      sets: ".sets",
      verdict: ".verdict",
      list: ".class-bars",
    };

    build() {
      this.renew = pointing(this.switches, "part", {
        look: (part) => this.look(part),
        pick: (part) => this.flip(Number(part)),
        back: () => this.turn(this.intact),
      });
      on(this.switches, "focusin", ({ target }) => this.take(Number(target.dataset.part)));
      pointing(this.sets, "set", {
        look: () => {},
        pick: (set) => this.turn(this.offered[set]),
      });
    }

    show(data, image) {
      this.view.photograph(image);
      this.drawn = null;
      this.classes = data.classes;
      this.offer(data, "count", "on");
      find(this, ".layer-choice").hidden = this.layers.size < 2;
    }

    apply({ layer, count, on: subset }) {
      const { layer: name, count: first, factorizations } = this.layerNamed(layer);
      this.layer = name;
      this.shown = factorizations.find((each) => String(each.count) === count) ??
        factorizations.find((each) => each.count === first);
      this.offerCounts(factorizations.map((each) => each.count));
      if (this.drawn !== this.shown) this.draw();
      this.on = subsets.parse(subset, this.size);
      this.update();
    }

    offerCounts(counts) {
      const choose = (count) => this.choose({ count, on: null });
      const mark = countChoice(find(this, ".count-choice"), counts, choose);
      mark(this.shown.count);
    }

    flip(i) {
      this.flipped = String(i);
      this.looked = undefined;
      this.take(i);
      this.turn(this.on ^ (1 << i));
    }

    turn(subset) {
      this.choose({ on: subset === this.intact ? null : subset });
      this.announce(this.verdict.textContent);
    }

    /* Let "only" and "all but" be about part i. */
    take(i) {
      this.taken = i;
      this.offerSets();
    }

    // ------------------------------------------------------------------------------------- numbers
    get size() {
      return this.shown.names.length;
    }

    get intact() {
      return 2 ** this.size - 1;
    }

    namesOf(subset) {
      return subsets.parts(subset, this.size).map((i) => this.shown.names[i]).join(", ");
    }

    /* Classes that do not exclude each other have no common normalizer. */
    probability(subset, logit) {
      const { normalizer } = this.shown;
      return normalizer ? Math.exp(logit - normalizer.at(subset)) : 1 / (1 + Math.exp(-logit));
    }

    /* The class that is most probable then. */
    winner(subset) {
      const { best, first, winners } = this.shown;
      const probability = this.probability(subset, best.at(subset));
      return { ...winners[first.at(subset)], probability };
    }

    /* The probability of class k then. */
    chance(subset, k) {
      return this.probability(subset, this.shown.logits.at(subset, k));
    }

    numbers() {
      const { intact, on } = this;
      const single = range(this.size).map((i) => 1 << i);
      const shown = new Set([on, intact, ...single.map((part) => intact ^ part), ...single]);
      const headings = ["On", "Most probable", ...this.classes.map(({ name }) => name)];
      return [headings, [...shown].map((subset) => this.row(subset))];
    }

    row(subset) {
      const { name, probability } = this.winner(subset);
      const chances = this.classes.map((_, k) => percent(this.chance(subset, k)));
      return [this.namesOf(subset) || "nothing", `${name}, ${percent(probability)}`, ...chances];
    }

    // ------------------------------------------------------------------------------------- drawing
    draw() {
      this.drawn = this.shown;
      this.taken = 0;
      this.looked = undefined;
      this.renew(range(this.size).map((i) => this.switchFor(i)));
    }

    switchFor(i) {
      const { labels, names, units } = this.shown;
      const unit = units[i];
      const icon = unit ? picture(this.layer, unit, names[i]) : element("span.icon", names[i]);
      const attributes = { role: "switch", "data-part": i, "aria-label": labels[i] + flaw(icon) };
      const key = unit ? groupKey(i) : element("span.key", "+");
      return element("button.channel.switch", attributes, key, icon, element("span.lever"));
    }

    update() {
      const { intact, on } = this;
      const isOn = subsets.parts(on, this.size);
      [...this.switches.children].forEach((button, i) => button.ariaChecked = isOn.includes(i));
      this.offerSets();
      this.paint();
      const off = this.namesOf(intact ^ on);
      put(this.verdict, off ? `Without ${off}, ` : "With everything on, ", ...this.answer(on));
      put(this.list, ...this.lines());
      this.table();
    }

    /* What the network says then. */
    answer(subset) {
      const { name, probability } = this.winner(subset);
      return ["the network says ", element("b", bdi(name)), `, ${percent(probability)}.`];
    }

    offerSets() {
      const { intact, taken, shown: { changes, keeps, names } } = this;
      const only = 1 << taken;
      this.offered = { all: intact, none: 0, only, but: intact ^ only, keeps, changes };
      for (const button of findAll(this.sets, "button")) {
        const subset = this.offered[button.dataset.set];
        button.ariaPressed = subset === this.on;
        button.disabled = subset === null;
      }
      fillIn(this.sets, names[taken], names[taken]);
    }

    /* The classes, and the most probable one if it is another. */
    lines() {
      const { classes, intact, on, shown: { logits } } = this;
      const first = this.winner(on);
      const lines = classes.map((each, k) => {
        const change = `${signed(logits.at(on, k) - logits.at(intact, k))} logits`;
        return line(each, this.chance(on, k), change, tick(this.chance(intact, k)));
      });
      const isNew = classes.every((each) => each.index !== first.index);
      return isNew ? [...lines, line(first, first.probability, "now first")] : lines;
    }

    // ------------------------------------------------------------------------------------- looking
    /* Show a part alone. One that has just been switched stays unseen, so that what is dark now can
       be seen. */
    look(part) {
      if (part && part === this.flipped) return;
      this.flipped = null;
      this.looked = part;
      this.paint();
    }

    /* Darken the photograph where the parts are that are not shown. */
    paint() {
      const { looked, on, shown: { labels, shares } } = this;
      const [, rows, columns] = shares.shape;
      const part = 1 << looked;
      const map = subsets.map(shares, looked ? part : on);
      this.view.map(map, rows, columns, colours.activation, looked ? Math.max(...map) : 1);
      if (looked) put(this.caption, labels[looked], ". If switched, ", ...this.answer(on ^ part));
      else put(this.caption, this.caption.dataset.idle);
    }
  }

  /* A class with its probability, and a tick where that was before. */
  const line = (shown, probability, detail, ...tick) =>
    element(
      "li",
      element("span.class-name", atlas.className(shown)),
      element("span.track.ticked", bar(probability), ...tick),
      element("span.value", percent(probability)),
      element("span.value.quiet", detail),
    );

  atlas.define("switchboard", Switchboard);
}
