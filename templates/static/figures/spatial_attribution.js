/* Spatial attribution. What is looked at, `view`, is one of
     null                    the evidence as a few directions
     {panel, row, column}    a cell of a layer: what it does for the classes, what fed it and what it feeds
     {mapped}                a class, by its place among the classes with maps: where the evidence for and against it is
     {factor}                one direction of the evidence, for or against classes
   The pointer or the focus looks; a click, a tap or Enter holds a view, which then is in the address; Escape lets go. */
"use strict";

{
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

customElements.define("atlas-spatial-attribution", class extends atlas.Figure {
  static figure = "spatial_attribution";

  build() {
    const find = (name) => this.querySelector(`.${name}`);
    Object.assign(this, { heading: find("classes h3"), list: find("evidence-list"), extremes: find("cell-extremes"), lists: find("factor-lists"), legend: find("factors .legend"), hint: find("hint"), now: find("shown-now") });
    this.photo = new atlas.Stage(find("evidence-head .stage"));
    this.mark = this.photo.root.appendChild(atlas.element("div", { class: "cell", hidden: true, "aria-hidden": "true" }));
    const view = (panel, row, column) => ({ panel, row, column });
    this.panels = atlas.layerGrids(this.querySelectorAll(".layer-map"), { hover: (...at) => this.look(view(...at)), choose: (...at) => this.hold(view(...at)), label: (...at) => this.describe(...at) });
    this.panels.forEach(({ grid }) => grid.root.addEventListener("pointerleave", () => this.look()));
    this.table = atlas.table(find("figure-table"), () => this.numbers());
    this.signs = [...this.querySelectorAll(".signs input")];
    this.signs.forEach((input) => input.addEventListener("change", () => this.choose({ sign: input.value === "for" ? null : input.value, factor: null })));
    this.rovings = [this.list, this.lists].map((list) => atlas.roving(list, "button"));
    for (const list of [this.list, this.lists]) {
      const seen = ({ target }) => this.viewOf(target.closest("button"));
      list.addEventListener("pointerover", (event) => event.pointerType !== "touch" && seen(event) && this.look(seen(event)));
      list.addEventListener("pointerleave", () => this.look());
      list.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && this.look(seen(event)));
      list.addEventListener("click", (event) => seen(event) && this.hold(seen(event)));
    }
    this.addEventListener("focusout", ({ relatedTarget }) => relatedTarget?.closest(".evidence-list, .factor-lists, .cells") || this.look());
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.hold(null));
  }

  show(data, image) {
    this.photo.photograph(image);
    this.data = data;
    this.pairs = Object.fromEntries(Object.entries(data.pairs).map(([key, packed]) => [key, atlas.unpack(packed)]));
    this.layers = data.layers.map((layer, i) => {
      const signs = (arrays) => ({ for: atlas.unpack(arrays.for), against: atlas.unpack(arrays.against) });
      const maps = atlas.unpack(layer.maps), [, rows, columns] = maps.shape, { stage, grid } = this.panels[i];
      stage.photograph(image, layer.grid);
      grid.shape(rows, columns);
      return { ...layer, rows, columns, maps, total: atlas.unpack(layer.total), extremes: atlas.unpack(layer.extremes), extreme: atlas.unpack(layer.extreme), colours: signs(layer.colours), factors: signs(layer.factors), most: maps.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
    });
    this.panels.forEach(({ grid }) => grid.place(grid.rows >> 1, grid.columns >> 1));
    this.list.replaceChildren(...data.classes.map(({ name }, i) => atlas.element("li", {}, this.row(name, { "data-mapped": i }))));
    this.rovings[0]();
  }

  apply({ sign, cell, class: index, factor }) {
    this.sign = sign === "against" ? sign : "for";
    this.signs.forEach((input) => (input.checked = input.value === this.sign));
    // Only when they change: a button that is drawn anew loses the focus.
    if (this.drawn !== `${this.image} ${this.sign}`) this.drawFactors();
    const [panel, row, column] = (cell ?? "").split(".").map(Number), layer = this.layers[panel];
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
    const text = `row ${row + 1}, column ${column + 1}: ${atlas.signed(maps.at(0, row, column), 3)} logits for ${first.name}`;
    if (!extremes.shape[2]) return text;
    const other = extremes.shape[2] / 2, [most, least] = [0, other].map((i) => `${this.data.names[extremes.at(row, column, i)]} (${atlas.signed(extreme.at(row, column, i), 3)})`);
    return `${text}; most for ${most}, most against ${least}`;
  }

  /* A line of a list: a class with a value and a bar, to the right for it and to the left against it. */
  row(name, attributes) {
    const bar = (kind) => atlas.element("span", { class: kind, "aria-hidden": "true" }, atlas.element("span", { class: "fill" }));
    return atlas.element(attributes ? "button" : "div", { ...(attributes && { type: "button", "aria-pressed": "false" }), class: "evidence-row", ...attributes }, atlas.element("span", { class: "class-name", title: name }, atlas.name(name)), atlas.element("span", { class: "value" }), bar("axis"));
  }

  fill(row, value, most, text) {
    const fill = row.querySelector(".fill");
    row.querySelector(".value").textContent = text;
    fill.className = `fill ${value < 0 ? "against" : "for"}`;
    fill.style.width = `${(50 * Math.min(1, Math.abs(value) / (most || 1))).toFixed(2)}%`;
  }

  drawFactors() {
    this.drawn = `${this.image} ${this.sign}`;
    const { palette, mapped, names } = this.data, last = this.panels.at(-1).title, sign = this.sign === "for" ? 1 : -1;
    const most = Math.max(...this.factors.flat().map(([, amount]) => amount), 0);
    this.lists.replaceChildren(...this.factors.map((classes, i) => {
      const swatch = atlas.element("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = `rgb(${palette[i]})`;
      const head = atlas.element("button", { type: "button", class: "factor", "data-factor": i, "aria-pressed": "false" }, swatch, `Direction ${i + 1}`);
      const rows = classes.map(([index, amount]) => {
        const row = this.row(names[index], { "data-mapped": mapped.indexOf(index) });
        this.fill(row, sign * amount, most, atlas.signed(sign * amount));
        return atlas.element("li", {}, row);
      });
      return atlas.element("div", { role: "group", "aria-label": `Direction ${i + 1}` }, head, atlas.element("ul", {}, ...rows));
    }));
    this.rovings[1]();
    this.legend.replaceChildren(`Logits that a direction's cells in `, atlas.name(last), ` give to its classes together; a full half is ${atlas.number(most)}.`);
  }

  look(view = this.held) {
    this.view = view;
    this.querySelectorAll(".evidence-row[data-mapped], .factor").forEach((button) => {
      const shows = this.viewOf(button);
      button.classList.toggle("looked-at", same(shows, view));
      button.setAttribute("aria-pressed", same(shows, this.held));
    });
    const cell = view?.panel === undefined ? null : view;
    this.drawClasses(cell);
    this.panels.forEach((panel, i) => this.drawPanel(panel, i, view));
    this.mark.hidden = !cell;
    if (cell) this.link(cell);
    this.hint.textContent = this.held ? "Held. Press Escape, or click it again, to let go." : "Point at a cell, a class or a direction, or move to it with the keys. Click, tap or Enter holds it.";
    this.now.replaceChildren(...this.sentence(view));
    this.table();
    this.say(cell ? `${this.panels[cell.panel].title}, ${this.describe(cell.panel, cell.row, cell.column)}` : this.now.textContent);
  }

  /* The same place in the photograph and in the other layers. */
  link({ panel, row, column }) {
    const { rows, columns } = this.layers[panel];
    Object.assign(this.mark.style, { width: `${100 / columns}%`, height: `${100 / rows}%`, left: `${(100 * column) / columns}%`, top: `${(100 * row) / rows}%` });
    atlas.linkGrids(this.panels, panel, row, column, same(this.held, this.view));
  }

  drawClasses(cell) {
    const { classes, names } = this.data, layer = cell && this.layers[cell.panel];
    this.heading.textContent = cell ? "What this cell gives the classes, logits" : "The most probable classes";
    [...this.list.querySelectorAll(".evidence-row")].forEach((row, i) => {
      const value = cell ? layer.maps.at(i, cell.row, cell.column) : classes[i].probability;
      this.fill(row, value, cell ? layer.most : 1, cell ? atlas.signed(value, 3) : atlas.percent(value));
    });
    this.list.classList.toggle("shares", !cell);
    if (!cell) return this.extremes.replaceChildren(atlas.element("p", { class: "legend" }, "Full bar: 100 %. Choose a cell to see what it gives them."));
    const { extremes, extreme } = layer, half = extremes.shape[2] / 2;
    const column = (title, from) => atlas.element("div", {}, atlas.element("h4", {}, title), atlas.element("ul", {}, ...Array.from({ length: half }, (_, i) => {
      const row = this.row(names[extremes.at(cell.row, cell.column, from + i)]), value = extreme.at(cell.row, cell.column, from + i);
      this.fill(row, value, layer.most, atlas.signed(value, 3));
      return atlas.element("li", {}, row);
    })));
    this.extremes.replaceChildren(column("Most for", 0), column("Most against", half), atlas.element("p", { class: "legend" }, `Most for and most against: of all classes. A full half of a bar is ${atlas.number(layer.most, 3)} logits.`));
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
    const from = i < view.panel, pair = this.pairs[from ? `${i}-${view.panel}` : `${view.panel}-${i}`];
    // Every cell of this layer for one of the later one, or one of an earlier one for every cell of this.
    const { columns } = this.layers[view.panel], count = this.layers[view.panel].rows * columns, place = view.row * columns + view.column;
    const values = from ? Float32Array.from({ length: layer.rows * layer.columns }, (_, k) => pair.values[k * count + place]) : pair.slice(view.row, view.column);
    return { kind: "pair", values, unit: "activation length", relation: from ? "What fed it in" : "What it feeds in" };
  }

  drawPanel({ root, stage, part }, i, view) {
    const layer = this.layers[i], map = this.mapOf(i, view), { rows, columns } = layer;
    const [relation, scale, ramp, low, high, unit] = ["relation", "map-scale", "ramp", "minimum", "maximum", "unit"].map(part);
    root.dataset.map = map.kind;
    relation.textContent = map.relation;
    scale.hidden = map.kind === "own";
    if (scale.hidden) return stage.clear();
    if (map.kind === "colours") {
      const { values } = layer.colours[this.sign];
      stage.map(Array.from({ length: rows * columns }, (_, k) => k), rows, columns, (k) => [values[3 * k], values[3 * k + 1], values[3 * k + 2], 1]);
      ramp.className = "ramp ramp-directions";
      [low.textContent, high.textContent, unit.textContent] = ["", "", "bright: much evidence; white: of all directions"];
      return;
    }
    const most = map.most ?? map.values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    stage.signed(map.values, rows, columns, most);
    ramp.className = "ramp ramp-attribution";
    [low.textContent, high.textContent, unit.textContent] = [atlas.activation(-most), `+${atlas.activation(most)}`, map.unit];
  }

  sentence(view) {
    if (!view) return [`At rest: evidence ${this.sign} the most probable classes, in ${this.factors.length} directions.`];
    if (view.factor !== undefined) return [`Direction ${view.factor + 1} of the evidence ${this.sign} classes. Each map has its own scale.`];
    if (view.mapped !== undefined) {
      const index = this.data.mapped[view.mapped];
      const sums = this.layers.flatMap(({ total }, i) => [i ? ", " : "", atlas.name(this.panels[i].title), ` ${atlas.signed(total.at(view.mapped))}`]);
      return ["Evidence for and against ", atlas.name(this.data.names[index]), ". All cells together, logits: ", ...sums, "."];
    }
    const { title } = this.panels[view.panel], { block } = this.layers[view.panel];
    return [atlas.name(title), `, row ${view.row + 1}, column ${view.column + 1}${block > 1 ? ` (a block of ${block} × ${block} positions)` : ""}: what fed it, and what it feeds. Each map has its own scale.`];
  }

  numbers() {
    const { view } = this;
    if (!view) return [["Direction", "Class", `Evidence ${this.sign} it, logits`], this.factors.flatMap((classes, i) => classes.map(([index, amount]) => [`direction ${i + 1}`, atlas.name(this.data.names[index]), atlas.signed((this.sign === "for" ? 1 : -1) * amount)]))];
    const rows = this.layers.flatMap((layer, i) => {
      const { values, unit, relation } = this.mapOf(i, view);
      if (!values) return [];
      const sum = (sign) => values.reduce((total, value) => total + Math.max(0, sign * value), 0) * sign;
      const best = values.reduce((most, value, k) => (Math.abs(value) > Math.abs(values[most]) ? k : most), 0);
      return [[atlas.element("span", {}, relation, " ", atlas.name(this.panels[i].title)), unit, atlas.signed(sum(1), 3), atlas.signed(sum(-1), 3), `row ${Math.floor(best / layer.columns) + 1}, column ${(best % layer.columns) + 1}: ${atlas.signed(values[best], 3)}`]];
    });
    const cell = view.panel === undefined ? [] : this.data.classes.map(({ name }, i) => [atlas.element("span", {}, "class ", atlas.name(name)), "logits", "", "", atlas.signed(this.layers[view.panel].maps.at(i, view.row, view.column), 3)]);
    return [["Map", "Unit", "Sum for", "Sum against", "Largest, or value"], [...cell, ...rows]];
  }
});
}
