/* Spatial attribution. What is looked at, `view`, is one of
     null                    the evidence as a few directions
     {panel, row, column}    a cell of a layer: what it does for the classes, what fed it and what it feeds
     {mapped}                a class, by its place among the classes with maps: where the evidence for and against it is
     {factor}                one direction of the evidence, for or against classes
   The pointer or the focus looks; a click, a tap or Enter holds a view, which then is in the address; Escape lets go. */
"use strict";

{
  const { activation, element, find, findAll, frame, layerGrids, linkGrids, name: bdi, number: decimal, numbersOf, on, percent, put, radios, roving, signed, spot } = atlas;
  const { abs, max } = Math;
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  atlas.define("spatial_attribution", class extends atlas.Figure {
    static parts = { heading: ".classes h3", list: ".evidence-list", extremes: ".cell-extremes", lists: ".factor-lists", legend: ".factors .legend", now: ".shown-now" };

    build() {
      this.mark = this.stage.root.appendChild(element("div.cell", { hidden: true, "aria-hidden": "true" }));
      const view = (panel, row, column) => ({ panel, row, column });
      this.panels = layerGrids(findAll(this, ".layer-map"), { hover: (...at) => this.look(view(...at)), choose: (...at) => this.hold(view(...at)), label: (...at) => this.describe(...at) });
      this.panels.forEach(({ grid }) => on(grid.root, "pointerleave", () => this.look()));
      this.markSign = radios(findAll(this, ".signs input"), (sign) => this.choose({ sign: sign === "for" ? null : sign, factor: null }));
      this.rovings = [this.list, this.lists].map((list) => roving(list, "button"));
      for (const list of [this.list, this.lists]) {
        const seen = ({ target }) => this.viewOf(target.closest("button"));
        on(list, "pointerover", (event) => event.pointerType !== "touch" && seen(event) && this.look(seen(event)));
        on(list, "pointerleave", () => this.look());
        on(list, "focusin", (event) => event.target.matches(":focus-visible") && this.look(seen(event)));
        on(list, "click", (event) => seen(event) && this.hold(seen(event)));
      }
      on(this.use, "focusout", ({ relatedTarget }) => relatedTarget?.closest(".evidence-list, .factor-lists, .cells") || this.look());
      on(this, "keydown", (event) => event.key === "Escape" && this.hold(null));
    }

    show(data, image) {
      this.stage.photograph(image);
      this.data = data;
      this.layers = data.layers.map((layer, i) => {
        const { maps } = layer, [, rows, columns] = maps.shape, { stage, grid } = this.panels[i];
        stage.photograph(image, layer.grid);
        grid.shape(rows, columns);
        return { ...layer, rows, columns, most: maps.values.reduce((most, value) => max(most, abs(value)), 0) };
      });
      this.panels.forEach(({ grid }) => grid.place(grid.rows >> 1, grid.columns >> 1));
      put(this.list, ...data.classes.map(({ name }, i) => element("li", this.row(name, { "data-mapped": i }))));
      this.rovings[0]();
    }

    apply({ sign, cell, class: index, factor }) {
      this.sign = sign === "against" ? sign : "for";
      this.markSign(this.sign);
      // Only when they change: a button that is drawn anew loses the focus.
      if (this.drawn !== `${this.image} ${this.sign}`) this.drawFactors();
      const [panel, row, column] = numbersOf(cell), layer = this.layers[panel];
      const inside = (value, count) => Number.isInteger(value) && value >= 0 && value < count;
      const mapped = this.data.mapped.findIndex((each) => String(each) === index);
      this.held = layer && inside(row, layer.rows) && inside(column, layer.columns) ? { panel, row, column }
        : mapped >= 0 ? { mapped } : /^\d+$/.test(factor) && this.factors[factor] ? { factor: Number(factor) } : null;
      this.look();
    }

    get factors() {
      return this.data.factors[this.sign];
    }

    viewOf(button) {
      return button && (button.dataset.factor ? { factor: Number(button.dataset.factor) } : { mapped: Number(button.dataset.mapped) });
    }

    hold(view) {
      const { panel, row, column, mapped, factor } = (!same(view, this.held) && view) || {};
      if (view || this.held) this.choose({ cell: panel === undefined ? null : `${panel}.${row}.${column}`, class: mapped === undefined ? null : this.data.mapped[mapped], factor: factor ?? null });
    }

    /* What a cell does, in words. */
    describe(panel, row, column) {
      const { maps, extremes, extreme } = this.layers[panel], [first] = this.data.classes;
      const text = `${spot(row, column)}: ${signed(maps.at(0, row, column), 3)} logits for ${first.name}`;
      if (!extremes.shape[2]) return text;
      const other = extremes.shape[2] / 2, [most, least] = [0, other].map((i) => `${this.data.names[extremes.at(row, column, i)]} (${signed(extreme.at(row, column, i), 3)})`);
      return `${text}; most for ${most}, most against ${least}`;
    }

    /* A line of a list: a class with a value and a bar, to the right for it and to the left against it. */
    row(name, attributes) {
      const bar = (kind) => element("span", { class: kind, "aria-hidden": "true" }, element("span.fill"));
      return element(attributes ? "button" : "div", { ...(attributes && { type: "button", "aria-pressed": "false" }), class: "evidence-row", ...attributes }, element("span.class-name", { title: name }, bdi(name)), element("span.value"), bar("axis"));
    }

    fill(row, value, most, text) {
      const fill = find(row, ".fill");
      put(find(row, ".value"), text);
      fill.className = `fill ${value < 0 ? "against" : "for"}`;
      fill.style.width = `${(50 * Math.min(1, abs(value) / (most || 1))).toFixed(2)}%`;
    }

    drawFactors() {
      this.drawn = `${this.image} ${this.sign}`;
      const { palette, mapped, names } = this.data, last = this.panels.at(-1).title, sign = this.sign === "for" ? 1 : -1;
      const most = max(...this.factors.flat().map(([, amount]) => amount), 0);
      put(this.lists, ...this.factors.map((classes, i) => {
        const swatch = element("span.swatch", { "aria-hidden": "true" });
        swatch.style.background = `rgb(${palette[i]})`;
        const head = element("button.factor", { "data-factor": i, "aria-pressed": "false" }, swatch, `Direction ${i + 1}`);
        const rows = classes.map(([index, amount]) => {
          const row = this.row(names[index], { "data-mapped": mapped.indexOf(index) });
          this.fill(row, sign * amount, most, signed(sign * amount));
          return element("li", row);
        });
        return element("div", { role: "group", "aria-label": `Direction ${i + 1}` }, head, element("ul", ...rows));
      }));
      this.rovings[1]();
      put(this.legend, `Logits that a direction's cells in `, bdi(last), ` give to its classes together; a full half is ${decimal(most)}.`);
    }

    look(view = this.held) {
      this.view = view;
      findAll(this, ".evidence-row[data-mapped], .factor").forEach((button) => {
        const shows = this.viewOf(button);
        button.classList.toggle("looked-at", same(shows, view));
        button.ariaPressed = same(shows, this.held);
      });
      const cell = view?.panel === undefined ? null : view;
      this.drawClasses(cell);
      this.panels.forEach((panel, i) => this.drawPanel(panel, i, view));
      this.mark.hidden = !cell;
      if (cell) this.link(cell);
      this.advise();
      put(this.now, ...this.sentence(view));
      this.table();
      this.say(cell ? `${this.panels[cell.panel].title}, ${this.describe(cell.panel, cell.row, cell.column)}` : this.now.textContent);
    }

    /* The same place in the photograph and in the other layers. */
    link({ panel, row, column }) {
      frame(this.mark, this.layers[panel], row, column);
      linkGrids(this.panels, panel, row, column, same(this.held, this.view));
    }

    drawClasses(cell) {
      const { classes, names } = this.data, layer = cell && this.layers[cell.panel];
      put(this.heading, cell ? "What this cell gives the classes, logits" : "The most probable classes");
      findAll(this.list, ".evidence-row").forEach((row, i) => {
        const value = cell ? layer.maps.at(i, cell.row, cell.column) : classes[i].probability;
        this.fill(row, value, cell ? layer.most : 1, cell ? signed(value, 3) : percent(value));
      });
      this.list.classList.toggle("shares", !cell);
      if (!cell) return put(this.extremes, element("p.legend", "Full bar: 100 %. Choose a cell to see what it gives them."));
      const { extremes, extreme } = layer, half = extremes.shape[2] / 2;
      const column = (title, from) => element("div", element("h4", title), element("ul", ...Array.from({ length: half }, (_, i) => {
        const row = this.row(names[extremes.at(cell.row, cell.column, from + i)]), value = extreme.at(cell.row, cell.column, from + i);
        this.fill(row, value, layer.most, signed(value, 3));
        return element("li", row);
      })));
      put(this.extremes, column("Most for", 0), column("Most against", half), element("p.legend", `Most for and most against: of all classes. A full half of a bar is ${decimal(layer.most, 3)} logits.`));
    }

    /* A map of a layer in the present view: {kind, values, most, unit, relation}. */
    mapOf(i, view) {
      const layer = this.layers[i];
      if (!view) return { kind: "colours", relation: "" };
      if (view.factor !== undefined) {
        const { scale, slice } = layer.factors[this.sign], values = slice(view.factor);
        return { kind: "factor", values: Float32Array.from(values, (level) => level * scale * (this.sign === "for" ? 1 : -1)), unit: "mean evidence = 1", relation: "" };
      }
      if (view.mapped !== undefined) return { kind: "class", values: layer.maps.slice(view.mapped), most: layer.most, unit: "logits", relation: "" };
      if (view.panel === i) return { kind: "own", relation: "This cell of" };
      const from = i < view.panel, pair = this.data.pairs[from ? `${i}-${view.panel}` : `${view.panel}-${i}`];
      // Every cell of this layer for one of the later one, or one of an earlier one for every cell of this.
      const { columns } = this.layers[view.panel], count = this.layers[view.panel].rows * columns, place = view.row * columns + view.column;
      const values = from ? Float32Array.from({ length: layer.rows * layer.columns }, (_, k) => pair.values[k * count + place]) : pair.slice(view.row, view.column);
      return { kind: "pair", values, unit: "activation length", relation: from ? "What fed it in" : "What it feeds in" };
    }

    drawPanel({ root, stage, part }, i, view) {
      const layer = this.layers[i], map = this.mapOf(i, view), { rows, columns } = layer;
      const [relation, scale, ramp, low, high, unit] = ["relation", "map-scale", "ramp", "minimum", "maximum", "unit"].map(part);
      root.dataset.map = map.kind;
      put(relation, map.relation);
      scale.hidden = map.kind === "own";
      if (scale.hidden) return stage.clear();
      if (map.kind === "colours") {
        const { values } = layer.colours[this.sign];
        stage.map(Array.from({ length: rows * columns }, (_, k) => k), rows, columns, (k) => [values[3 * k], values[3 * k + 1], values[3 * k + 2], 1]);
        ramp.className = "ramp ramp-directions";
        [low.textContent, high.textContent, unit.textContent] = ["", "", "bright: much evidence; white: of all directions"];
        return;
      }
      const most = map.most ?? map.values.reduce((largest, value) => max(largest, abs(value)), 0);
      stage.signed(map.values, rows, columns, most);
      ramp.className = "ramp ramp-attribution";
      [low.textContent, high.textContent, unit.textContent] = [activation(-most), `+${activation(most)}`, map.unit];
    }

    sentence(view) {
      if (!view) return [`At rest: evidence ${this.sign} the most probable classes, in ${this.factors.length} directions.`];
      if (view.factor !== undefined) return [`Direction ${view.factor + 1} of the evidence ${this.sign} classes. Each map has its own scale.`];
      if (view.mapped !== undefined) {
        const index = this.data.mapped[view.mapped];
        const sums = this.layers.flatMap(({ total }, i) => [i ? ", " : "", bdi(this.panels[i].title), ` ${signed(total.at(view.mapped))}`]);
        return ["Evidence for and against ", bdi(this.data.names[index]), ". All cells together, logits: ", ...sums, "."];
      }
      const { title } = this.panels[view.panel], { block } = this.layers[view.panel];
      return [bdi(title), `, ${spot(view.row, view.column)}${block > 1 ? ` (a block of ${block} × ${block} positions)` : ""}: what fed it, and what it feeds. Each map has its own scale.`];
    }

    numbers() {
      const { view } = this;
      if (!view) return [["Direction", "Class", `Evidence ${this.sign} it, logits`], this.factors.flatMap((classes, i) => classes.map(([index, amount]) => [`direction ${i + 1}`, bdi(this.data.names[index]), signed((this.sign === "for" ? 1 : -1) * amount)]))];
      const rows = this.layers.flatMap((layer, i) => {
        const { values, unit, relation } = this.mapOf(i, view);
        if (!values) return [];
        const sum = (sign) => values.reduce((total, value) => total + max(0, sign * value), 0) * sign;
        const best = values.reduce((most, value, k) => (abs(value) > abs(values[most]) ? k : most), 0);
        return [[element("span", relation, " ", bdi(this.panels[i].title)), unit, signed(sum(1), 3), signed(sum(-1), 3), `${spot(Math.floor(best / layer.columns), best % layer.columns)}: ${signed(values[best], 3)}`]];
      });
      const cell = view.panel === undefined ? [] : this.data.classes.map(({ name }, i) => [element("span", "class ", bdi(name)), "logits", "", "", signed(this.layers[view.panel].maps.at(i, view.row, view.column), 3)]);
      return [["Map", "Unit", "Sum for", "Sum against", "Largest, or value"], [...cell, ...rows]];
    }
  });
}
