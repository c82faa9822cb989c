/* Spatial attribution. The maps have a subject (see lib/spatial_evidence.js): the evidence as a
   whole, a cell, a class or one direction of the evidence, as the page calls its factors. The
   pointer or the focus looks at a subject; a click, a tap or Enter holds it, and then it is in the
   address; Escape lets go. */
"use strict";

{
  const { activation, describePosition, element, find, findAll, name: bdi, on, put } = atlas;
  const { number: decimal, percent, signed, spatialEvidence: evidence } = atlas;
  const { abs, max, min } = Math;

  const HOLDING = ".evidence-list, .factor-lists, .cells"; // what looks at a subject

  /* A line of a list: a class, a value, and a bar to the right for it or to the left against it. */
  const line = (tag, name, attributes) =>
    element(
      `${tag}.evidence-row`,
      attributes,
      element("span.class-name", { title: name }, bdi(name)),
      element("span.value"),
      element("span.axis", { "aria-hidden": "true" }, element("span.fill")),
    );

  const classButton = (name, mapped) =>
    line("button", name, { "aria-pressed": "false", "data-mapped": mapped });

  const fill = (row, value, most, text) => {
    const share = min(1, abs(value) / (most || 1));
    const bar = find(row, ".fill");
    bar.className = `fill ${value < 0 ? "against" : "for"}`;
    bar.style.width = `${(50 * share).toFixed(2)}%`;
    put(find(row, ".value"), text);
  };

  /* What a single cell gives or takes: small numbers. */
  const precise = (value) => signed(value, 3);

  const subjectOf = (button) => {
    if (!button) return undefined;
    const { factor, mapped } = button.dataset;
    if (factor) return { kind: "factor", factor: Number(factor) };
    return { kind: "class", mapped: Number(mapped) };
  };

  class SpatialAttribution extends atlas.Figure {
    static parts = {
      heading: ".classes h3",
      list: ".evidence-list",
      extremes: ".cell-extremes",
      lists: ".factor-lists",
      legend: ".factors .legend",
      now: ".shown-now",
    };

    build() {
      this.mark = element("div.cell", { hidden: true, "aria-hidden": "true" });
      this.view.root.append(this.mark);
      const cell = (panel, row, column) => ({ kind: "cell", panel, row, column });
      this.panels = atlas.layerGrids(findAll(this, ".layer-map"), {
        hover: (panel, row, column) => this.look(cell(panel, row, column)),
        choose: (panel, row, column) => this.hold(cell(panel, row, column)),
        label: (panel, row, column) => this.describe(panel, row, column),
      });
      for (const { grid } of this.panels) on(grid.root, "pointerleave", () => this.look());
      this.markSign = atlas.radios(findAll(this, ".signs input"), (sign) => {
        this.choose({ sign: sign === "for" ? null : sign, factor: null });
      });
      this.rove = [this.list, this.lists].map((list) => this.listenTo(list));
      on(this.controls, "focusout", ({ relatedTarget }) => {
        if (!relatedTarget?.closest(HOLDING)) this.look();
      });
      on(this, "keydown", ({ key }) => {
        if (key === "Escape") this.hold(null);
      });
    }

    /* Look at what a list's button is about, and hold it when clicked. Returns what to call after
       the buttons have changed. */
    listenTo(list) {
      const subject = ({ target }) => subjectOf(target.closest("button"));
      on(list, "pointerover", (event) => {
        if (event.pointerType !== "touch" && subject(event)) this.look(subject(event));
      });
      on(list, "pointerleave", () => this.look());
      on(list, "focusin", (event) => {
        if (event.target.matches(":focus-visible")) this.look(subject(event));
      });
      on(list, "click", (event) => {
        if (subject(event)) this.hold(subject(event));
      });
      return atlas.roving(list, "button");
    }

    show(data, image) {
      this.view.photograph(image);
      this.data = data;
      this.layers = data.layers.map((layer) => {
        const [, rows, columns] = layer.maps.shape;
        return { ...layer, rows, columns, most: evidence.largest(layer.maps.values) };
      });
      this.panels.forEach(({ view, grid }, i) => {
        const { grid: picture, rows, columns } = this.layers[i];
        view.photograph(image, picture);
        grid.shape(rows, columns);
      });
      // Only then does each cell have a name.
      for (const { grid } of this.panels) grid.moveTo(grid.rows >> 1, grid.columns >> 1);
      put(this.list, ...data.classes.map(({ name }, i) => element("li", classButton(name, i))));
      this.rove[0]();
    }

    apply({ sign, ...keys }) {
      this.sign = sign === "against" ? sign : "for";
      this.markSign(this.sign);
      // Only when they change: a button that is drawn again loses the focus.
      if (this.drawn !== `${this.image} ${this.sign}`) this.drawFactors();
      const { layers, factors } = this;
      const { mapped } = this.data;
      this.held = evidence.parse(keys, { layers, mapped, factors: factors.length });
      this.look();
    }

    /* Of each factor of the present sign: [[class, logits], …]. */
    get factors() {
      return this.data.factors[this.sign];
    }

    /* 1 for evidence for classes, −1 for evidence against them. */
    get direction() {
      return this.sign === "for" ? 1 : -1;
    }

    /* Hold a subject; the same one again, or null, lets go. */
    hold(subject) {
      if (!subject && !this.held) return;
      const next = evidence.same(subject, this.held) ? null : subject;
      this.choose(evidence.write(next, this.data.mapped));
    }

    look(subject = this.held) {
      this.subject = subject;
      this.markButtons();
      const cell = subject?.kind === "cell" ? subject : null;
      if (cell) this.drawCellClasses(cell);
      else this.drawClasses();
      this.panels.forEach((panel, i) => this.drawPanel(panel, i));
      this.mark.hidden = !cell;
      if (cell) this.link(cell);
      this.showHint();
      put(this.now, ...this.sentence());
      this.table();
      this.announce(cell ? this.speak(cell) : this.now.textContent);
    }

    markButtons() {
      for (const button of findAll(this, ".evidence-row[data-mapped], .factor")) {
        const subject = subjectOf(button);
        button.classList.toggle("looked-at", evidence.same(subject, this.subject));
        button.ariaPressed = evidence.same(subject, this.held);
      }
    }

    /* Mark a cell in the photograph and at the same position of the other layers. */
    link({ panel, row, column }) {
      atlas.frame(this.mark, this.layers[panel], row, column);
      const held = evidence.same(this.held, this.subject);
      atlas.linkGrids(this.panels, panel, row, column, held);
    }

    /* ---------------------------------------------------------------------------- lists */
    drawFactors() {
      this.drawn = `${this.image} ${this.sign}`;
      const most = max(...this.factors.flat().map(([, amount]) => amount), 0);
      put(this.lists, ...this.factors.map((classes, i) => this.factorList(classes, i, most)));
      this.rove[1]();
      const layer = bdi(this.panels.at(-1).title);
      const full = `a full half is ${decimal(most)}.`;
      put(this.legend, "Logits that a direction's cells in ", layer);
      this.legend.append(` give to its classes together; ${full}`);
    }

    factorList(classes, i, most) {
      const { palette, mapped, names } = this.data;
      const swatch = element("span.swatch", { "aria-hidden": "true" });
      swatch.style.background = `rgb(${palette[i]})`;
      const title = `Direction ${i + 1}`;
      const attributes = { "data-factor": i, "aria-pressed": "false" };
      const rows = classes.map(([index, amount]) => {
        const row = classButton(names[index], mapped.indexOf(index));
        fill(row, this.direction * amount, most, signed(this.direction * amount));
        return element("li", row);
      });
      return element(
        "div",
        { role: "group", "aria-label": title },
        element("button.factor", attributes, swatch, title),
        element("ul", ...rows),
      );
    }

    drawClasses() {
      put(this.heading, "The most probable classes");
      this.list.classList.add("shares");
      findAll(this.list, ".evidence-row").forEach((row, i) => {
        const { probability } = this.data.classes[i];
        fill(row, probability, 1, percent(probability));
      });
      const text = "Full bar: 100 %. Choose a cell to see what it gives them.";
      put(this.extremes, element("p.legend", text));
    }

    /* What a cell gives the most probable classes, and those that it supports or opposes most. */
    drawCellClasses({ panel, row, column }) {
      const { maps, most, extremes } = this.layers[panel];
      put(this.heading, "What this cell gives the classes, logits");
      this.list.classList.remove("shares");
      findAll(this.list, ".evidence-row").forEach((button, i) => {
        const value = maps.at(i, row, column);
        fill(button, value, most, precise(value));
      });
      const half = extremes.shape[2] / 2;
      const found = this.extremesOf(panel, row, column);
      const text = "Most for and most against: of all classes. A full half of a bar is";
      put(
        this.extremes,
        this.extremesList("Most for", found.slice(0, half), most),
        this.extremesList("Most against", found.slice(half), most),
        element("p.legend", `${text} ${decimal(most, 3)} logits.`),
      );
    }

    /* The classes that a cell supports most, then those that it opposes most:
       [[name, logits], …]. */
    extremesOf(panel, row, column) {
      const { extremes, extreme } = this.layers[panel];
      return atlas.range(extremes.shape[2]).map((i) => [
        this.data.names[extremes.at(row, column, i)],
        extreme.at(row, column, i),
      ]);
    }

    extremesList(title, classes, most) {
      const rows = classes.map(([name, value]) => {
        const row = line("div", name);
        fill(row, value, most, precise(value));
        return element("li", row);
      });
      return element("div", element("h4", title), element("ul", ...rows));
    }

    /* ----------------------------------------------------------------------------- maps */
    map(i) {
      return evidence.map(i, this.subject, { ...this.data, layers: this.layers }, this.sign);
    }

    drawPanel({ root, view, part }, i) {
      const { rows, columns } = this.layers[i];
      const map = this.map(i);
      root.dataset.map = map.kind;
      put(part("relation"), map.relation ?? "");
      part("map-scale").hidden = map.kind === "own";
      if (map.kind === "own") {
        view.clear();
      } else if (map.kind === "colours") {
        this.drawColours(view, this.layers[i]);
        part("ramp").className = "ramp ramp-directions";
        label(part, "", "", "bright: much evidence; white: of all directions");
      } else {
        view.signed(map.values, rows, columns, map.most);
        part("ramp").className = "ramp ramp-attribution";
        label(part, activation(-map.most), `+${activation(map.most)}`, map.unit);
      }
    }

    drawColours(view, { rows, columns, colours }) {
      const { values } = colours[this.sign];
      const cells = atlas.range(rows * columns);
      view.map(cells, rows, columns, (k) => [...values.slice(3 * k, 3 * k + 3), 1]);
    }

    /* ------------------------------------------------------------------------- in words */
    /* What a cell does. */
    describe(panel, row, column) {
      const value = this.layers[panel].maps.at(0, row, column);
      const [first] = this.data.classes;
      const position = describePosition(row, column);
      const text = `${position}: ${precise(value)} logits for ${first.name}`;
      const found = this.extremesOf(panel, row, column);
      if (!found.length) return text;
      const ends = [found[0], found[found.length / 2]];
      const [most, least] = ends.map(([name, logits]) => `${name} (${precise(logits)})`);
      return `${text}; most for ${most}, most against ${least}`;
    }

    speak({ panel, row, column }) {
      return `${this.panels[panel].title}, ${this.describe(panel, row, column)}`;
    }

    /* What the maps show. */
    sentence() {
      const { subject, sign } = this;
      if (!subject) {
        const count = this.factors.length;
        return [`Overview: evidence ${sign} the most probable classes, in ${count} directions.`];
      }
      if (subject.kind === "factor") {
        const direction = `Direction ${subject.factor + 1}`;
        return [`${direction} of the evidence ${sign} classes. Each map has its own scale.`];
      }
      return subject.kind === "class" ? this.classSentence(subject) : this.cellSentence(subject);
    }

    classSentence({ mapped }) {
      const name = bdi(this.data.names[this.data.mapped[mapped]]);
      const sums = this.layers.flatMap(({ total }, i) => [
        i ? ", " : "",
        bdi(this.panels[i].title),
        ` ${signed(total.at(mapped))}`,
      ]);
      return ["Evidence for and against ", name, ". All cells together, logits: ", ...sums, "."];
    }

    cellSentence({ panel, row, column }) {
      const { block } = this.layers[panel];
      const size = block > 1 ? ` (a block of ${block} × ${block} positions)` : "";
      const position = `, ${describePosition(row, column)}${size}`;
      const maps = ": what fed it, and what it feeds. Each map has its own scale.";
      return [bdi(this.panels[panel].title), position, maps];
    }

    /* ------------------------------------------------------------------------ the table */
    numbers() {
      if (!this.subject) return this.factorNumbers();
      const headings = ["Map", "Unit", "Sum for", "Sum against", "Largest, or value"];
      const cell = this.subject.kind === "cell" ? this.cellNumbers(this.subject) : [];
      return [headings, [...cell, ...this.mapNumbers()]];
    }

    factorNumbers() {
      const headings = ["Direction", "Class", `Evidence ${this.sign} it, logits`];
      const rows = this.factors.flatMap((classes, i) =>
        classes.map(([index, amount]) => [
          `direction ${i + 1}`,
          bdi(this.data.names[index]),
          signed(this.direction * amount),
        ])
      );
      return [headings, rows];
    }

    cellNumbers({ panel, row, column }) {
      const { maps } = this.layers[panel];
      return this.data.classes.map(({ name }, i) => {
        const value = precise(maps.at(i, row, column));
        return [element("span", "class ", bdi(name)), "logits", "", "", value];
      });
    }

    mapNumbers() {
      return this.layers.flatMap(({ columns }, i) => {
        const { values, unit, relation = "" } = this.map(i);
        if (!values) return [];
        const { positive, negative, strongest } = evidence.summary(values);
        const position = describePosition(Math.floor(strongest / columns), strongest % columns);
        return [[
          element("span", relation, " ", bdi(this.panels[i].title)),
          unit,
          precise(positive),
          precise(negative),
          `${position}: ${precise(values[strongest])}`,
        ]];
      });
    }
  }

  /* Write the ends of a map's scale and its unit. */
  const label = (part, low, high, unit) => {
    put(part("minimum"), low);
    put(part("maximum"), high);
    put(part("unit"), unit);
  };

  atlas.define("spatial_attribution", SpatialAttribution);
}
