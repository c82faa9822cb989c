/* Spatial attribution. The maps have a subject (see later/spatial_evidence.js): the evidence as a
   whole, a cell, a class or one direction of the evidence, as the page calls its factors. The
   pointer or the focus looks at a subject; a click, a tap or Enter holds it, and then it is in the
   address; Escape lets go. */
"use strict";

{
  const { activation, describePosition, element, findAll, name: bdi, on, put } = atlas;
  const { evidenceRow, fillIn, fillRow, number: decimal, percent, sentence, signed } = atlas;
  const { largest } = atlas;
  const { abs, max } = Math;

  const HOLDING = ".evidence-list, .factor-lists, .cells"; // what looks at a subject

  const classButton = (shown, mapped) =>
    evidenceRow("button", shown, { "aria-pressed": "false", "data-mapped": mapped });

  /* What a single cell gives or takes: small numbers. */
  const precise = (value) => signed(value, 3);

  const subjectOf = (button) => {
    if (!button) return undefined;
    const { factor, mapped } = button.dataset;
    if (factor) return { kind: "factor", factor: Number(factor) };
    return { kind: "class", mapped: Number(mapped) };
  };

  class SpatialAttribution extends atlas.Figure {
    static later = true;
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
      this.between = {}; // by what maps show: the maps between layers, once a cell is looked at
      this.layers = data.layers.map((layer) => {
        const { share, removal } = layer;
        const [, rows, columns] = share.shape;
        const most = max(...[share, removal].map(({ values }) => largest(values.map(abs))));
        return { ...layer, rows, columns, most };
      });
      this.panels.forEach(({ view, grid }, i) => {
        const { grid: picture, rows, columns } = this.layers[i];
        view.photograph(image, picture);
        grid.shape(rows, columns);
      });
      // Only then does each cell have a name.
      for (const { grid } of this.panels) grid.moveTo(grid.rows >> 1, grid.columns >> 1);
      put(this.list, ...data.classes.map((each, i) => element("li", classButton(each, i))));
      this.rove[0]();
    }

    apply({ sign, ...keys }) {
      this.sign = sign === "against" ? sign : "for";
      this.markSign(this.sign);
      // Only when they change: a button that is drawn again loses the focus.
      if (this.drawn !== `${this.image} ${this.sign}`) this.drawFactors();
      const { layers, factors } = this;
      const { mapped } = this.data;
      this.held = atlas.spatialEvidence.parse(keys, { layers, mapped, factors: factors.length });
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
      const next = atlas.spatialEvidence.same(subject, this.held) ? null : subject;
      this.choose(atlas.spatialEvidence.write(next, this.data.mapped));
    }

    look(subject = this.held) {
      this.subject = subject;
      this.markButtons();
      const cell = subject?.kind === "cell" ? subject : null;
      if (cell) this.drawCellClasses(cell);
      else this.drawClasses();
      this.panels.forEach((panel, i) => this.drawPanel(panel, i));
      this.mark.hidden = !cell;
      if (cell) {
        this.link(cell);
        this.fetch();
      }
      this.showHint();
      put(this.now, ...this.sentence());
      this.table();
      this.announce(cell ? this.speak(cell) : this.now.textContent);
    }

    markButtons() {
      for (const button of findAll(this, ".evidence-row[data-mapped], .factor")) {
        const subject = subjectOf(button);
        button.classList.toggle("looked-at", atlas.spatialEvidence.same(subject, this.subject));
        button.ariaPressed = atlas.spatialEvidence.same(subject, this.held);
      }
    }

    /* Mark a cell in the photograph and at the same position of the other layers. */
    link({ panel, row, column }) {
      atlas.frame(this.mark, this.layers[panel], row, column);
      const held = atlas.spatialEvidence.same(this.held, this.subject);
      atlas.linkGrids(this.panels, panel, row, column, held);
    }

    fetch() {
      const { bars, between } = this;
      if (bars in between) return;
      between[bars] = null;
      const failed = (error) => {
        if (this.between === between) this.complain(error, "");
      };
      this.more(bars).then((pairs) => {
        between[bars] = pairs;
        if (this.between === between) this.look(this.subject);
      }).catch(failed);
    }

    /* ---------------------------------------------------------------------------- lists */
    drawFactors() {
      this.drawn = `${this.image} ${this.sign}`;
      const most = max(...this.factors.flat().map(([, amount]) => amount), 0);
      put(this.lists, ...this.factors.map((classes, i) => this.factorList(classes, i, most)));
      this.rove[1]();
      fillIn(this.legend, this.panels.at(-1).title, decimal(most));
    }

    factorList(classes, i, most) {
      const { palette, mapped, names } = this.data;
      const swatch = element("span.swatch", { "aria-hidden": "true" });
      swatch.style.background = `rgb(${palette[i]})`;
      const title = `Direction ${i + 1}`;
      const attributes = { "data-factor": i, "aria-pressed": "false" };
      const rows = classes.map(([index, amount]) => {
        const row = classButton({ index, name: names[index] }, mapped.indexOf(index));
        fillRow(row, this.direction * amount, most, signed(this.direction * amount));
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
      put(this.heading, this.heading.dataset.idle);
      this.list.classList.add("shares");
      findAll(this.list, ".evidence-row").forEach((row, i) => {
        const { probability } = this.data.classes[i];
        fillRow(row, probability, 1, percent(probability));
      });
      put(this.extremes, element("p.legend", this.extremes.dataset.idle));
    }

    /* What a cell gives the most probable classes, and those that it supports or opposes most. */
    drawCellClasses(cell) {
      const { most, attributed } = this.layers[cell.panel];
      put(this.heading, this.heading.dataset[this.bars]);
      this.list.classList.remove("shares");
      findAll(this.list, ".evidence-row").forEach((button, i) => {
        const both = this.both(cell, i);
        const [words] = atlas.disagreement(both.share, both.removal, most).split(":");
        this.fill(button, both, most, words);
      });
      const [supported, opposed] = this.extremesOf(cell);
      const { extremes } = this;
      const { for: heading, against, all } = extremes.dataset;
      const some = attributed ? sentence(extremes, "some", attributed) : all;
      put(
        extremes,
        this.extremesList(heading, supported, most),
        this.extremesList(against, opposed, most),
        element("p.legend", sentence(extremes, "legend", some, decimal(most, 3))),
      );
    }

    /* Share and effect of removal of a cell for class `mapped`. */
    both({ panel, row, column }, mapped) {
      const { share, removal } = this.layers[panel];
      return { share: share.at(mapped, row, column), removal: removal.at(mapped, row, column) };
    }

    fill(row, both, most, words) {
      const { [this.bars]: value, [this.ticks]: other } = both;
      fillRow(row, value, most, precise(value), other, words);
    }

    /* See spatialEvidence.extremes. */
    extremesOf({ panel, row, column }) {
      return atlas.spatialEvidence.extremes(this.layers[panel], this.data.names, row, column);
    }

    extremesList(title, classes, most) {
      const rows = classes.map(({ index, name, ...both }) => {
        const row = evidenceRow("div", { index, name });
        this.fill(row, both, most);
        return element("li", row);
      });
      return element("div", element("h4", title), element("ul", ...rows));
    }

    /* ----------------------------------------------------------------------------- maps */
    map(i) {
      const { bars: by, between, layers } = this;
      const data = { ...this.data, layers, by, pairs: between[by] };
      const map = atlas.spatialEvidence.map(i, this.subject, data, this.sign);
      return { ...map, relation: this.now.dataset[map.relation + this.bars] ?? "" };
    }

    drawPanel({ root, view, part }, i) {
      const { rows, columns } = this.layers[i];
      const map = this.map(i);
      root.dataset.map = map.kind;
      put(part("relation"), map.relation);
      part("map-scale").hidden = map.kind === "own";
      if (map.kind === "own") {
        view.clear();
      } else if (map.kind === "colours") {
        this.drawColours(view, this.layers[i]);
        part("ramp").className = "ramp ramp-directions";
        label(part, "", "", this.dataset.colours);
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
      const cell = { panel, row, column };
      const { share, removal } = this.both(cell, 0);
      const [first] = this.data.classes;
      const values = [share, removal].map(precise);
      const ends = this.extremesOf(cell).map(([end], i) =>
        end ? sentence(this, i ? "against" : "for", end.name, precise(end.share)) : ""
      );
      return sentence(this, "cell", describePosition(row, column), ...values, first.name, ...ends);
    }

    speak({ panel, row, column }) {
      return `${this.panels[panel].title}, ${this.describe(panel, row, column)}`;
    }

    /* What the maps show. */
    sentence() {
      const { subject, sign } = this;
      if (!subject) {
        return [sentence(this.now, "overview", sign, this.factors.length)];
      }
      if (subject.kind === "factor") {
        return [sentence(this.now, "factor", subject.factor + 1, sign)];
      }
      return subject.kind === "class" ? this.classSentence(subject) : this.cellSentence(subject);
    }

    classSentence({ mapped }) {
      const name = bdi(this.data.names[this.data.mapped[mapped]]);
      const { class: before, effect, together } = this.now.dataset;
      if (this.bars === "removal") return [before, name, effect];
      const sums = this.layers.flatMap(({ total, whole }, i) => [
        i ? ", " : "",
        bdi(this.panels[i].title),
        ` ${signed(total.at(mapped))} of ${signed(whole.at(mapped))}`,
      ]);
      return [before, name, together, ...sums, "."];
    }

    cellSentence({ panel, row, column }) {
      const { block } = this.layers[panel];
      const size = block > 1 ? sentence(this.now, "block", block, block) : "";
      const position = `, ${describePosition(row, column)}${size}`;
      const maps = this.now.dataset[this.bars];
      return [bdi(this.panels[panel].title), position, maps];
    }

    /* ------------------------------------------------------------------------ the table */
    numbers() {
      if (!this.subject) return this.factorNumbers();
      const other = this.bars === "share" ? "Effect of removal" : "Share";
      const headings = sentence(this, "headings", other).split("|");
      const cell = this.subject.kind === "cell" ? this.cellNumbers(this.subject) : [];
      return [headings, [...cell, ...this.mapNumbers()]];
    }

    factorNumbers() {
      const headings = sentence(this, "factorHeadings", this.sign).split("|");
      const rows = this.factors.flatMap((classes, i) =>
        classes.map(([index, amount]) => [
          `direction ${i + 1}`,
          bdi(this.data.names[index]),
          signed(this.direction * amount),
        ])
      );
      return [headings, rows];
    }

    cellNumbers(cell) {
      return this.data.classes.map(({ name }, i) => {
        const both = this.both(cell, i);
        const values = [both[this.bars], both[this.ticks]].map(precise);
        return [element("span", "class ", bdi(name)), "logits", "", "", ...values];
      });
    }

    mapNumbers() {
      return this.layers.flatMap(({ columns }, i) => {
        const { values, unit, relation } = this.map(i);
        if (!values) return [];
        const { positive, negative, strongest } = atlas.spatialEvidence.summary(values);
        const position = describePosition(Math.floor(strongest / columns), strongest % columns);
        return [[
          element("span", relation, " ", bdi(this.panels[i].title)),
          unit,
          precise(positive),
          precise(negative),
          `${position}: ${precise(values[strongest])}`,
          "",
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
