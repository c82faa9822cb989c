/* Neuron groups: a layer in a few groups. Pointing at a group, or reaching it with the keyboard,
   shows it alone; a click keeps it. Pointing at a position shows how strongly each group is present
   there; a click keeps that, too. */
"use strict";

{
  const { bar, colours, countChoice, describePosition, element, evidence, find } = atlas;
  const { flaw, groupKey, on, parseCell, percent, picture: pictureOf, pointing, put } = atlas;
  const { activation, name: bdi, number: decimal, signed } = atlas;

  const FAINT = 0.02; // of the scale; a group that is less present at a position counts as absent
  const NAMED = 3; // groups of a position that are read out

  const largest = (values) => Math.max(...values);

  class NeuronGroups extends atlas.Figure {
    static parts = {
      cards: ".groups",
      peakText: ".maximum",
      fullPresence: ".full-presence",
      fullAttribution: ".full-attribution",
    };

    build() {
      const map = find(this, ".group-map");
      this.mapView = new atlas.PhotographView(map);
      this.grids = [
        this.makeGrid(this.view.root),
        this.makeGrid(map, "Positions in the map of groups"),
      ];
      this.renew = pointing(this.cards, "group", {
        look: (group) => this.look({ group }),
        pick: (group) => this.pickGroup(Number(group)),
        back: () => this.pinned !== null && this.choose({ group: null }),
      });
    }

    makeGrid(root, name) {
      const grid = new atlas.Grid(root, {
        hover: (row, column) => this.look({ cell: [row, column] }),
        choose: (row, column) => this.pickCell(`${row}.${column}`),
        back: () => this.held && this.choose({ cell: null }),
        label: (row, column) => this.describe(row, column),
      }, name);
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
      const { layer: name, count: first, factorizations } = this.layerNamed(layer);
      this.layer = name;
      this.shown = factorizations.find((each) => String(each.count) === count) ??
        factorizations.find((each) => each.count === first);
      this.offerCounts(factorizations.map((each) => each.count));
      if (this.drawn !== this.shown) this.draw();
      const { rows, columns } = this.size();
      this.pinned = this.parseGroup(group);
      this.held = parseCell(cell, rows, columns) ?? null;
      this.look();
    }

    offerCounts(counts) {
      const choose = (count) => this.choose({ count, group: null });
      const mark = countChoice(find(this, ".count-choice"), counts, choose);
      mark(this.shown.count);
    }

    /* The index of a group that the address counts from 1; null if there is no such group. */
    parseGroup(text) {
      const g = Number(text) - 1;
      return Number.isInteger(g) && g >= 0 && g < this.shown.count ? g : null;
    }

    // ------------------------------------------------------------------------------------- numbers
    size() {
      const [, rows, columns] = this.shown.presence.shape;
      return { rows, columns };
    }

    /* How strongly a group is present at a cell, or else where it is strongest. */
    strength(g, cell) {
      const { presence } = this.shown;
      return cell ? presence.at(g, ...cell) : largest(presence.slice(g)) * presence.scale;
    }

    /* What a group, the residual and the whole layer add to each class, in logits. */
    ofGroup(g) {
      return this.classes.map((_, k) => this.shown.attribution.at(g, k));
    }

    ofResidual() {
      return this.classes.map((_, k) => this.shown.residual.at(k));
    }

    ofLayer() {
      const { units } = this.shown;
      const parts = [...units.map((_, g) => this.ofGroup(g)), this.ofResidual()];
      return this.classes.map((_, k) => parts.reduce((sum, values) => sum + values[k], 0));
    }

    numbers() {
      const { units, positions } = this.shown;
      const row = (name, values, where = "", strength = "") => [
        name,
        where,
        strength,
        ...values.map((value) => signed(value)),
      ];
      const headings = ["Part of the layer", "Where", "Presence, at most"];
      return [
        [...headings, ...this.classes.map(({ name }) => `To ${name}, logits`)],
        [
          ...units.map((_, g) =>
            row(`group ${g + 1}`, this.ofGroup(g), positions[g], activation(this.strength(g)))
          ),
          row("residual", this.ofResidual()),
          row("the whole layer", this.ofLayer()),
          row("logit", this.classes.map(({ logit }) => logit)),
        ],
      ];
    }

    // ------------------------------------------------------------------------------------- drawing
    draw() {
      const { count, units, presence, attribution } = this.shown;
      this.drawn = this.shown;
      this.peak = 255 * presence.scale;
      this.fullBar = Math.max(...attribution.values.map(Math.abs), 1e-9);
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
      const { rows, columns } = this.size();
      this.cellNumbers = Float32Array.from({ length: rows * columns }, (_, i) => i);
      for (const grid of this.grids) {
        grid.shape(rows, columns);
        grid.moveTo(Math.min(grid.row, rows - 1), Math.min(grid.column, columns - 1));
      }
    }

    rowNames() {
      this.presentText = element("span", "present, at most");
      const classes = this.classes.map(({ name }) => element("span", bdi(name)));
      const hidden = { "aria-hidden": "true" };
      return element("div.row-names", hidden, element("span", ""), this.presentText, ...classes);
    }

    card(unit, g) {
      const icon = pictureOf(this.layer, unit, `group ${g + 1}`);
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
      const effects = this.ofGroup(g).map((value, k) => this.evidenceFor(k, value));
      return element("button.channel.group", attributes, groupKey(g), icon, presence, ...effects);
    }

    labelOf(g, icon) {
      const values = this.ofGroup(g);
      const effects = this.classes.map(({ name }, k) => `${signed(values[k])} logits to ${name}`);
      const where = this.shown.positions[g];
      return `Group ${g + 1}, ${where}: ${effects.join("; ")}${flaw(icon)}. Show where it is.`;
    }

    /* A bar to the right where a group adds to class k, to the left where it takes from it. */
    evidenceFor(k, value) {
      const share = Math.abs(value) / this.fullBar / 2;
      const filled = bar(share, value > 0 ? "for" : "against");
      return evidence(bdi(this.classes[k].name), signed(value), filled);
    }

    explain() {
      put(this.fullPresence, activation(this.peak));
      put(this.fullAttribution, decimal(this.fullBar));
      this.legend.hidden = false;
      put(this.sums, this.describeShares(), " To the logit of ", ...this.describeSums());
    }

    describeShares() {
      const { count, explained, negative } = this.shown;
      const groups = `These ${count} groups hold ${percent(explained)} of the squared activations`;
      const rest = `${percent(negative)} of its activations are negative and in no group`;
      return `${groups} of this layer${negative ? `; ${rest}` : ""}.`;
    }

    describeSums() {
      const { name, logit } = this.classes[0];
      const [residual] = this.ofResidual();
      const [whole] = this.ofLayer();
      const groups = `the groups add ${signed(whole - residual)}`;
      const others = `the residual ${signed(residual)}, the whole layer ${signed(whole)}`;
      const missed = "the difference comes from biases and from curvature";
      return [bdi(name), ` ${groups}, ${others}; the logit is ${signed(logit)}, and ${missed}.`];
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
      const { rows, columns } = this.size();
      this.view.clear();
      this.mapView.map(this.cellNumbers, rows, columns, (i) => this.mixedColour(i), 1);
    }

    drawAlone(g) {
      const { presence } = this.shown;
      const { rows, columns } = this.size();
      this.view.show(presence, g);
      this.mapView.map(presence.slice(g), rows, columns, (t) => [...colours.group(g), t], 255);
    }

    /* The colour of cell i: its groups' colours mixed by the squares of their strengths, the more
       opaque the stronger they are together. */
    mixedColour(i) {
      const { rows, columns } = this.size();
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
      const letGo = (thing) => ` Click ${thing} again, or press Escape, to let go.`;
      if (at) {
        const here = `Row ${at[0] + 1}, column ${at[1] + 1}`;
        const hint = this.held ? letGo("the position") : "";
        return `${here}: how strongly each group is present there.${hint}`;
      }
      if (alone === null) return this.caption.dataset.idle;
      const group = `Group ${alone + 1} alone, ${this.shown.positions[alone]}`;
      return `${group}: the darker, the less of it.${alone === this.pinned ? letGo("it") : ""}`;
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
