/* Neuron groups: a layer in a few groups. Pointing at a group, or reaching it with the keyboard,
   shows it alone; a click keeps it. Pointing at a position shows how strongly each group is present
   there; a click keeps that, too. The residual that groups leave is the last part of a layer. */
"use strict";

{
  const { activation, colours, describePosition, element, fillIn, find, on, percent, put } = atlas;
  const { name: bdi, number: decimal } = atlas;

  const FAINT = 0.02; // of the scale; a group that is less present at a position counts as absent
  const NAMED = 3; // groups of a position that are read out

  class NeuronGroups extends atlas.Figure {
    static parts = {
      cards: ".groups",
      peakText: ".maximum",
      negative: ".negative",
      pair: ".pair",
    };

    build() {
      const map = find(this, ".group-map");
      this.mapView = new atlas.PhotographView(map);
      this.grids = [this.view.root, map].map((root) => this.makeGrid(root));
      this.renew = atlas.pointing(this.cards, "group", {
        look: (group) => this.look({ group }),
        pick: (group) => this.pickGroup(Number(group)),
        back: () => this.pinned !== null && this.choose({ group: null }),
      });
    }

    makeGrid(root) {
      const grid = new atlas.Grid(root, {
        hover: (row, column) => this.look({ cell: [row, column] }),
        choose: (row, column) => this.pickCell(`${row}.${column}`),
        back: () => this.held && this.choose({ cell: null }),
        label: (row, column) => this.describe(row, column),
      });
      on(grid.root, "pointerleave", () => this.look());
      on(grid.cell, "focus", () => this.look({ cell: [grid.row, grid.column] }));
      on(grid.cell, "blur", () => this.look());
      return grid;
    }

    pickGroup(g) {
      this.choose({ group: g === this.pinned ? null : g + 1 });
    }

    pickCell(cell) {
      this.choose({ cell: cell === this.held?.join(".") ? null : cell });
    }

    show(data, image) {
      this.view.photograph(image);
      this.drawn = null;
      this.classes = data.classes;
      this.offer(data, "count", "group", "cell");
      find(this, ".layer-choice").hidden = this.layers.size < 2;
    }

    apply({ layer, count, group, cell }) {
      const { layer: name, count: first, baseline, factorizations } = this.layerNamed(layer);
      this.layer = name;
      this.baseline = baseline;
      this.shown = factorizations.find((each) => String(each.count) === count) ??
        factorizations.find((each) => each.count === first);
      this.offerCounts(factorizations.map((each) => each.count));
      if (this.drawn !== this.shown || this.drawnBars !== this.bars) this.draw();
      const [{ rows, columns }] = this.grids;
      this.pinned = this.parseGroup(group);
      this.held = atlas.parseCell(cell, rows, columns) ?? null;
      this.look();
    }

    offerCounts(counts) {
      const choose = (count) => this.choose({ count, group: null });
      const mark = atlas.countChoice(find(this, ".count-choice"), counts, choose);
      mark(this.shown.count);
    }

    /* The index of a group that the address counts from 1; null if there is no such group. */
    parseGroup(text) {
      const g = text - 1;
      return g in this.shown.units ? g : null;
    }

    // ------------------------------------------------------------------------------------- numbers
    /* How strongly a group is present at a cell, or else where it is strongest. */
    strength(g, cell) {
      const { presence } = this.shown;
      return cell ? presence.at(g, ...cell) : atlas.largest(presence.slice(g)) * presence.scale;
    }

    numbers() {
      const { positions } = this.shown;
      const { effects } = this;
      return [
        ["Part", "Where", "Presence, at most", ...atlas.Effects.headings(this.classes)],
        effects.parts.map((i) => [
          effects.nameOf(i),
          positions[i] ?? "",
          i in positions ? activation(this.strength(i)) : "",
          ...effects.cells(i),
        ]),
      ];
    }

    // ------------------------------------------------------------------------------------- drawing
    draw() {
      const { count, units, presence } = this.shown;
      this.drawn = this.shown;
      this.drawnBars = this.bars;
      this.peak = 255 * presence.scale;
      this.effects = new atlas.Effects(this.shown);
      this.drawGrids();
      this.cards.style.setProperty("--count", count);
      this.cards.style.setProperty("--rows", this.classes.length + 1);
      this.cards.classList.toggle("many", count > 9);
      this.buttons = units.map((unit, g) => this.card(unit, g));
      this.renew([this.rowNames(), ...this.buttons]);
      put(this.peakText, activation(this.peak));
      this.explain();
      this.table();
    }

    drawGrids() {
      const [, rows, columns] = this.shown.presence.shape;
      for (const grid of this.grids) {
        grid.shape(rows, columns);
        grid.moveTo(Math.min(grid.row, rows - 1), Math.min(grid.column, columns - 1));
      }
    }

    rowNames() {
      this.presentText = element("span", "present, at most");
      const classes = this.classes.map((each) => element("span", atlas.className(each)));
      const hidden = { "aria-hidden": "true" };
      return element("div.row-names", hidden, element("span", ""), this.presentText, ...classes);
    }

    card(unit, g) {
      const icon = atlas.picture(this.layer, unit, `group ${g + 1}`);
      icon.title = this.shown.positions[g];
      const presence = element(
        "span.evidence.presence",
        element("span.evidence-name", "present"),
        element("span.value"),
        element("span.track", element("span.fill")),
      );
      const attributes = {
        "data-group": g,
        "aria-pressed": "false",
        "aria-label": this.labelOf(g, icon),
      };
      const effects = this.classes.map((_, k) => this.evidenceFor(g, k));
      return element(
        "button.channel.group",
        attributes,
        atlas.groupKey(g),
        icon,
        presence,
        ...effects,
      );
    }

    labelOf(g, icon) {
      const effects = this.classes.map(({ name }, k) => `${name}: ${this.effects.describe(g, k)}`);
      const where = this.shown.positions[g];
      const action = this.cards.dataset.action;
      return `Group ${g + 1}, ${where}. ${effects.join("; ")}${atlas.flaw(icon)}. ${action}`;
    }

    /* A bar to the right where a group adds to class k, to the left where it takes from it. */
    evidenceFor(g, k) {
      const { effects } = this;
      const value = effects[this.bars].at(g, k);
      const both = [value, effects[this.ticks].at(g, k)].map((each) => each / effects.largest);
      const drawn = atlas.marks(...both, "for", "against");
      const shown = atlas.evidence(bdi(this.classes[k].name), atlas.signed(value), ...drawn);
      shown.title = this.effects.describe(g, k);
      return shown;
    }

    explain() {
      const { legend, sums, effects } = this;
      const meaning = legend.dataset[this.bars];
      fillIn(legend, activation(this.peak), meaning, decimal(effects.largest));
      const [{ name, logit }] = this.classes;
      const { count, explained, negative, together } = this.shown;
      const groups = [count, percent(explained), percent(negative), name];
      fillIn(sums, ...groups, ...effects.sums(0, logit, this.baseline[0]));
      this.negative.hidden = !negative;
      this.pair.hidden = !together.length;
      together.slice(0, 1).forEach((pair) => this.describePair(pair));
      legend.hidden = sums.hidden = false;
    }

    /* The two parts that act together most, for better or worse. */
    describePair({ parts, value }) {
      const names = parts.map((i) => this.effects.nameOf(i)).join(" and ");
      const more = value < 0 ? "less" : "more";
      const size = `${decimal(Math.abs(value))} logits ${more}`;
      fillIn(this.pair, names, this.pair.dataset[more], size);
    }

    // ------------------------------------------------------------------------------------- looking
    /* Show one group alone, or all; at a cell, or everywhere. A cell counts before a group, and
       what is pointed at before what has the focus, and that before what is kept. */
    look({ group, cell } = {}) {
      const focused = find(this.cards, "button:focus-visible")?.dataset.group;
      const looked = cell ? this.pinned : group ?? focused ?? this.pinned;
      const alone = looked === null ? null : Number(looked);
      const at = cell ?? this.held;
      if (alone === null) this.drawAll();
      else this.drawAlone(alone);
      this.moveGrids(at);
      this.markButtons(alone, at);
      put(this.presentText, at ? "present here" : "present, at most");
      put(this.caption, this.captionFor(alone, at));
      if (at) this.announce(this.describe(...at));
      else if (alone !== null) this.announce(this.buttons[alone].ariaLabel);
    }

    drawAll() {
      const [{ rows, columns }] = this.grids;
      this.view.clear();
      const cells = atlas.range(rows * columns);
      this.mapView.map(cells, rows, columns, (i) => this.mixedColour(i), 1);
    }

    drawAlone(g) {
      const { presence } = this.shown;
      const [{ rows, columns }] = this.grids;
      this.view.show(presence, g);
      this.mapView.map(presence.slice(g), rows, columns, (t) => [...colours.group(g), t], 255);
    }

    /* The colour of cell i: its groups' colours mixed by the squares of their strengths, the more
       opaque the stronger they are together. */
    mixedColour(i) {
      const [{ rows, columns }] = this.grids;
      const { count, presence } = this.shown;
      const mixed = [0, 0, 0];
      let sum = 0;
      for (let g = 0; g < count; g++) {
        const square = presence.values[g * rows * columns + i] ** 2;
        sum += square;
        colours.group(g).forEach((part, c) => mixed[c] += square * part);
      }
      const opacity = Math.min(1, Math.sqrt(sum) / 255);
      return [...mixed.map((part) => part / (sum || 1)), opacity];
    }

    moveGrids(at) {
      for (const grid of this.grids) {
        if (at) grid.moveTo(...at, Boolean(this.held));
        grid.cell.classList.toggle("idle", !at);
      }
    }

    markButtons(alone, at) {
      this.buttons.forEach((button, g) => {
        const value = this.strength(g, at);
        button.classList.toggle("looked-at", g === alone);
        button.classList.toggle("faint", Boolean(at) && value < FAINT * this.peak);
        button.ariaPressed = g === this.pinned;
        put(find(button, ".presence .value"), activation(value));
        find(button, ".presence .fill").style.width = `${(100 * value) / this.peak}%`;
      });
    }

    captionFor(alone, at) {
      const { dataset } = this.caption;
      const letGo = (thing) => ` Click ${thing} ${dataset.held}`;
      if (at) {
        const here = describePosition(...at).replace("r", "R");
        const hint = this.held ? letGo("the position") : "";
        return `${here}: ${dataset.cell}${hint}`;
      }
      if (alone === null) return dataset.idle;
      const group = `Group ${alone + 1} alone, ${this.shown.positions[alone]}`;
      const pairs = this.classes.map(({ name }, k) => [this.effects.disagreement(alone, k), name]);
      const found = atlas.listByWords(pairs);
      const words = found && `For ${found}.`;
      const hint = alone === this.pinned ? letGo("it") : "";
      return `${group}: ${dataset.group} ${words}${hint}`;
    }

    /* A cell in words, with the groups that are strongest there. */
    describe(row, column) {
      const strengths = this.shown.units.map((_, g) => [g, this.strength(g, [row, column])]);
      const present = strengths.filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]);
      const named = present.slice(0, NAMED)
        .map(([g, value]) => `group ${g + 1}, ${activation(value)}`);
      return `${describePosition(row, column)}: ${named.join("; ") || "no group"}`;
    }
  }

  atlas.define("neuron_groups", NeuronGroups);
}
