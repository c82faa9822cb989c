/* Neuron groups: a layer in a few groups. Pointing at a group, or reaching it with the keyboard, shows it alone; a click
   keeps it. Pointing at a place shows how strongly each group is present there. */
"use strict";

{
  const { activation, bar, cellOf, colours, countChoice, element, evidence, find, findAll, flaw, groupKey, name: bdi, number: decimal, on, percent, picture: pictureOf, pointing, put, signed, spot } = atlas;
  const { abs, max, min } = Math;

  atlas.define("neuron_groups", class extends atlas.Figure {
    static parts = { cards: ".groups", most: ".maximum" };

    build() {
      const roots = findAll(this, ".stage");
      [this.photo, this.map] = roots.map((root) => new atlas.Stage(root));
      this.grids = roots.map((root, i) => {
        const grid = new atlas.Grid(root, {
          hover: (row, column) => this.look({ cell: [row, column] }),
          choose: (row, column) => this.choose({ cell: `${row}.${column}` === this.held?.join(".") ? null : `${row}.${column}` }),
          back: () => this.held && this.choose({ cell: null }),
          label: (row, column) => this.describe(row, column),
        }, i ? "Places in the map of groups" : undefined);
        on(grid.root, "pointerleave", () => this.look());
        on(grid.cell, "focus", () => this.look({ cell: [grid.row, grid.column] }));
        on(grid.cell, "blur", () => this.look());
        return grid;
      });
      this.renew = pointing(this.cards, "group", {
        look: (group) => this.look({ group }),
        pick: (group) => this.choose({ group: Number(group) === this.pinned ? null : Number(group) + 1 }),
        back: () => this.pinned !== null && this.choose({ group: null }),
      });
    }

    show(data, image) {
      this.photo.photograph(image);
      this.drawn = null;
      this.classes = data.classes;
      this.offer(data, "count", "group", "cell");
      find(this, ".layer-choice").hidden = this.layers.size < 2;
    }

    apply({ layer, count, group, cell }) {
      const chosen = this.layerNamed(layer), all = chosen.factors;
      this.layer = chosen.layer;
      this.factors = all.find((each) => String(each.count) === count) ?? all.find((each) => each.count === chosen.count);
      countChoice(find(this, ".count-choice"), all.map((each) => each.count), (n) => this.choose({ count: n, group: null }))(this.factors.count);
      if (this.drawn !== this.factors) this.drawGroups();
      const [, rows, columns] = this.presence.shape;
      const number = Number(group) - 1;
      this.pinned = Number.isInteger(number) && number >= 0 && number < this.factors.count ? number : null;
      this.held = cellOf(cell, rows, columns) ?? null;
      this.look();
    }

    drawGroups() {
      const { factors } = this, { count, units, explained, negative } = factors;
      this.drawn = factors;
      Object.assign(this, { presence: factors.presence, effect: factors.effect, rest: factors.rest });
      const [, rows, columns] = this.presence.shape;
      this.grids.forEach((grid) => {
        grid.shape(rows, columns);
        grid.place(min(grid.row, rows - 1), min(grid.column, columns - 1));
      });
      this.places = Float32Array.from({ length: rows * columns }, (_, i) => i);
      this.peak = 255 * this.presence.scale;
      this.full = max(...this.effect.values.map(abs), 1e-9);
      this.cards.style.setProperty("--count", count);
      this.cards.style.setProperty("--rows", this.classes.length + 1);
      this.cards.classList.toggle("many", count > 9);
      const names = ["", "present, at most", ...this.classes.map(({ name }) => bdi(name))].map((name) => element("span", name));
      this.present = names[1];
      this.buttons = units.map((unit, g) => this.card(unit, g));
      this.renew([element("div.row-names", { "aria-hidden": "true" }, ...names), ...this.buttons]);
      put(this.most, activation(this.peak));
      put(this.legend, `A full bar of presence is ${activation(this.peak)}, of effect ${decimal(this.full)} logits; to the right: for the class, to the left and hatched: against it.`);
      this.describeSums(explained, negative);
      this.table();
    }

    numbers() {
      const { units, places } = this.factors, empty = ["", ""];
      const row = (name, values, ...before) => [name, ...before, ...values.map((value) => signed(value))];
      return [["Part of the layer", "Where", "Presence, at most", ...this.classes.map(({ name }) => `To ${name}, logits`)], [
        ...units.map((_, g) => row(`group ${g + 1}`, this.effects(g), places[g], activation(this.strength(g)))),
        row("what the groups leave", this.classes.map((_, k) => this.rest.at(k)), ...empty),
        row("the whole layer", this.classes.map((_, k) => this.total(k)), ...empty),
        row("logit", this.classes.map(({ logit }) => logit), ...empty),
      ]];
    }

    card(unit, g) {
      const picture = pictureOf(this.layer, unit, `group ${g + 1}`);
      picture.title = this.factors.places[g];
      const values = this.effects(g);
      return element("button.channel.group", { "data-group": g, "aria-pressed": "false",
        "aria-label": `Group ${g + 1}, ${this.factors.places[g]}: ${this.classes.map(({ name }, k) => `${signed(values[k])} logits to ${name}`).join("; ")}${flaw(picture)}. Show where it is.` },
      groupKey(g), picture,
      element("span.evidence.presence", element("span.evidence-name", "present"), element("span.value"), element("span.track", element("span.fill"))),
      // What it adds to the logits: to the right for the class, to the left against it.
      ...values.map((value, k) => evidence(bdi(this.classes[k].name), signed(value), bar(abs(value) / this.full / 2, value > 0 ? "for" : "against"))));
    }

    effects(g) {
      return this.classes.map((_, k) => this.effect.at(g, k));
    }

    total(k) {
      return this.factors.units.reduce((sum, _, g) => sum + this.effect.at(g, k), this.rest.at(k));
    }

    /* How strongly a group is present at a place, or where it is strongest. */
    strength(g, cell) {
      return (cell ? this.presence.at(g, ...cell) : max(...this.presence.slice(g)) * this.presence.scale);
    }

    describeSums(explained, negative) {
      const { name, logit } = this.classes[0], sum = this.total(0) - this.rest.at(0);
      put(this.sums, `These ${this.factors.count} groups hold ${percent(explained)} of the squared activations of this layer${negative ? `; ${percent(negative)} of its activations are negative and in no group` : ""}. To the logit of `, bdi(name), ` they add ${signed(sum)}, what they leave ${signed(this.rest.at(0))}, the whole layer ${signed(this.total(0))}; the logit is ${signed(logit)}, and the difference comes from biases and from curvature.`);
    }

    describe(row, column) {
      const here = this.factors.units.map((_, g) => [g, this.strength(g, [row, column])]).filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]).slice(0, 3);
      return `${spot(row, column)}: ${here.map(([g, value]) => `group ${g + 1}, ${activation(value)}`).join("; ") || "no group"}`;
    }

    /* The colour of a place: its groups' colours mixed by the squares of their strengths, the brighter the stronger. */
    mixed(i) {
      const [, rows, columns] = this.presence.shape, colour = [0, 0, 0];
      let sum = 0;
      for (let g = 0; g < this.factors.count; g++) {
        const square = this.presence.values[g * rows * columns + i] ** 2;
        sum += square;
        colours.group(g).forEach((part, c) => (colour[c] += square * part));
      }
      return [...colour.map((part) => part / (sum || 1)), min(1, Math.sqrt(sum) / 255)];
    }

    /* Show one group alone, or all; at a place, or everywhere. */
    look({ group, cell } = {}) {
      const focused = find(this.cards, "button:focus-visible")?.dataset.group;
      const g = cell ? this.pinned : group ?? focused ?? this.pinned, alone = g != null;
      const place = cell ?? this.held, [, rows, columns] = this.presence.shape;
      if (alone) this.photo.show(this.presence, Number(g));
      else this.photo.clear();
      const values = alone ? this.presence.slice(Number(g)) : this.places;
      this.map.map(values, rows, columns, alone ? (t) => [...colours.group(Number(g)), t] : (i) => this.mixed(i), alone ? 255 : 1);
      this.grids.forEach((grid) => {
        if (place) grid.place(...place, Boolean(this.held));
        grid.cell.classList.toggle("idle", !place);
      });
      this.buttons.forEach((button, each) => {
        button.classList.toggle("looked-at", each === Number(g) && alone);
        button.ariaPressed = each === this.pinned;
        const value = this.strength(each, place);
        put(find(button, ".presence .value"), activation(value));
        find(button, ".presence .fill").style.width = `${(100 * value) / this.peak}%`;
        button.classList.toggle("faint", Boolean(place) && value < 0.02 * this.peak);
      });
      put(this.present, place ? "present here" : "present, at most");
      this.caption.textContent = place ? `Row ${place[0] + 1}, column ${place[1] + 1}: how strongly each group is present there.${this.held ? " Click the place again, or press Escape, to let go." : ""}`
        : alone ? `Group ${Number(g) + 1} alone, ${this.factors.places[g]}: the darker, the less of it.${this.pinned === Number(g) ? " Click it again, or press Escape, to let go." : ""}`
        : this.caption.dataset.rest;
      if (place) this.say(this.describe(...place));
      else if (alone) this.say(this.buttons[g].ariaLabel);
    }
  });
}
