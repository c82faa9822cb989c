/* Group flow: ribbons from the groups of a layer through those of a later one to the classes. The
   last part of each layer is the residual that its groups leave, so that ribbons add up to the
   whole layer. Pointing at a part shows where it is; a click follows it to all classes; clicking a
   class shows what makes it up. What is drawn where is found by lib/flow_layout.js. */
"use strict";

{
  const { countChoice, element, find, findAll, flaw, groupKey, on, parseNumbers, percent } = atlas;
  const { picture: pictureOf, pointing, put, signed } = atlas;
  const { layer: layerOf, name: bdi, number: decimal } = atlas;

  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const pixels = (value) => `${value}px`;

  class GroupFlow extends atlas.Figure {
    static parts = {
      flow: ".flow",
      drawing: ".flow svg",
      ribbonGroup: ".ribbons",
      nodes: ".nodes",
      heads: ".flow-heads",
      check: ".check",
      compatible: ".check input",
      pixelsPerLogit: ".pixels-per-logit",
      widened: ".widened",
      widening: ".widening",
      chosenClass: ".chosen-class",
    };

    build() {
      [this.lowerChoice, this.upperChoice] = findAll(this, ".count-choice");
      on(this.compatible, "change", () => {
        const factors = this.compatible.checked ? null : "independent";
        this.choose({ factors, group: null });
      });
      this.renew = pointing(this.nodes, "node", {
        look: (node) => this.look(node),
        pick: (node) => this.pick(node),
        back: () => this.followed && this.choose({ group: null }),
      });
      new ResizeObserver(() => this.resize()).observe(this.flow);
    }

    show(data, image) {
      this.view.photograph(image);
      this.data = data;
      this.layers = [data.lower, data.upper].filter((name) => name !== null);
      this.check.hidden = data.lower === null;
      this.lowerChoice.hidden = data.lower === null;
    }

    resize() {
      if (this.parts && this.flow.clientWidth !== this.width) this.draw();
    }

    // ------------------------------------------------------------------------------------- choices
    apply({ lower, upper, factors, class: index, group }) {
      const { data } = this;
      this.compatible.checked = factors !== "independent";
      const lowerCount = this.offerCounts("lower", this.lowerChoice, lower);
      const upperCount = this.offerCounts("upper", this.upperChoice, upper);
      this.useGroups(lowerCount, upperCount);
      this.k = Math.max(0, data.classes.findIndex((each) => String(each.index) === index));
      const groups = this.parts.flatMap(({ units }, column) =>
        units.map((_, i) => `${column}.${i}`)
      );
      this.followed = groups.find((node) => this.addressOf(node) === group);
      this.draw();
    }

    /* Offer the counts of groups of a layer, "lower" or "upper"; returns the one to be shown. */
    offerCounts(key, slider, wanted) {
      const layer = this.data[key];
      if (layer === null) return null;
      const counts = this.data.counts[layer];
      const first = this.data.first[key === "lower" ? 0 : 1];
      const count = counts.find((each) => String(each) === wanted) ?? first;
      countChoice(slider, counts, (each) => this.choose({ [key]: each, group: null }))(count);
      return count;
    }

    /* Find the numbers of the groups that are shown; `parts` are those of each layer. */
    useGroups(lowerCount, upperCount) {
      const { lower, upper, factorizations, shares, concentration } = this.data;
      const compatibleWith = this.compatible.checked ? `@${upperCount}` : "";
      const lowerKey = `${lower} ${lowerCount}${compatibleWith}`;
      const upperKey = `${upper} ${upperCount}`;
      const keys = lower === null ? [upperKey] : [lowerKey, upperKey];
      this.parts = keys.map((key) => factorizations[key]);
      this.shares = lower === null ? null : shares[`${lowerKey}>${upperKey}`];
      this.concentration = concentration[lowerKey];
      this.flowing = new atlas.Flow(this.parts.at(-1).attribution, this.shares);
    }

    pick(node) {
      const [column, i] = parseNumbers(node);
      if (column === this.parts.length) {
        this.choose({ class: this.data.classes[i].index, group: null });
      } else if (this.isResidual(column, i)) this.look(node);
      else this.choose({ group: node === this.followed ? null : this.addressOf(node) });
    }

    /* A group as the address has it: "upper.3". */
    addressOf(node) {
      const [column, i] = parseNumbers(node);
      return `${column === this.parts.length - 1 ? "upper" : "lower"}.${i + 1}`;
    }

    isResidual(column, i) {
      return i === this.parts[column].units.length;
    }

    // ------------------------------------------------------------------------------------- drawing
    draw() {
      this.width = this.flow.clientWidth;
      this.layout = atlas.layOutFlow({
        counts: [...this.parts.map(({ units }) => units.length + 1), this.data.classes.length],
        ribbons: this.ribbons(),
        scales: this.flowing.scales(),
        width: this.width,
      });
      const { height, boxes, bands } = this.layout;
      this.flow.style.height = pixels(height);
      this.drawing.setAttribute("width", this.width);
      this.drawing.setAttribute("height", height);
      this.buttons = new Map([...boxes].map(([node, box]) => [node, this.button(node, box)]));
      this.paths = bands.map((band) => this.path(band));
      put(this.ribbonGroup, ...this.paths);
      this.renew([...this.buttons.values()]);
      this.drawHeads();
      this.explain();
      this.table();
      this.look();
    }

    ribbons() {
      if (!this.followed) return this.flowing.ribbons(this.k);
      const [column, i] = parseNumbers(this.followed);
      const upper = column === this.flowing.upperColumn;
      return this.flowing.ribbons(this.k, upper ? { upper: i } : { lower: i });
    }

    drawHeads() {
      const titles = [...this.layers.map((name) => layerOf(name).title), "Classes"];
      this.heads.style.gridTemplateColumns = this.layout.columnWidths.map(pixels).join(" ");
      put(this.heads, ...titles.map((title) => element("span", bdi(title))));
    }

    path({ from, to, value, path }) {
      const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
      drawn.classList.add(value > 0 ? "for" : "against");
      drawn.setAttribute("d", path);
      if (value <= 0) drawn.setAttribute("fill", `url(#${this.id}-against)`);
      Object.assign(drawn.dataset, { from, to });
      return drawn;
    }

    button(node, { x, y, width, height }) {
      const [column, i] = parseNumbers(node);
      const button = element("button.node", { "data-node": node });
      const [left, top] = [pixels(x), pixels(y)];
      Object.assign(button.style, { left, top, width: pixels(width), height: pixels(height) });
      if (column === this.parts.length) this.fillClass(button, node, i);
      else this.fillPart(button, node, column, i);
      return button;
    }

    fillClass(button, node, k) {
      const { name, logit } = this.data.classes[k];
      let text = `logit ${decimal(logit)}`;
      if (this.followed) {
        const arriving = this.layout.bands.filter(({ to }) => to === node);
        text = `${signed(sum(arriving.map(({ value }) => value)))} of ${decimal(logit)}`;
      }
      button.classList.add("class-node");
      button.ariaPressed = k === this.k;
      const unit = this.followed ? " logits" : "";
      button.ariaLabel = `${name}: ${text}${unit}. Show what makes it up.`;
      button.append(bdi(name), element("span.quiet", text));
    }

    fillPart(button, node, column, i) {
      const text = signed(this.parts[column].attribution.at(i, this.k));
      const label = `${this.nameOf(node)}: ${text} logits to ${this.data.classes[this.k].name}`;
      const isGroup = !this.isResidual(column, i);
      const shown = isGroup ? this.icon(column, i) : element("span", "residual");
      const effect = isGroup ? " and what it does for all classes" : "";
      if (isGroup) button.ariaPressed = node === this.followed;
      button.ariaLabel = `${label}${flaw(shown)}. Show where it is${effect}.`;
      button.append(shown, element("span.value", text));
    }

    icon(column, i) {
      const icon = pictureOf(this.layers[column], this.parts[column].units[i], `group ${i + 1}`);
      icon.append(groupKey(i));
      icon.style.width = pixels(this.layout.side);
      return icon;
    }

    /* "group 3 of Block 4", "residual of Block 4". */
    nameOf(node) {
      const [column, i] = parseNumbers(node);
      const part = this.isResidual(column, i) ? "residual" : `group ${i + 1}`;
      return `${part} of ${layerOf(this.layers[column]).title}`;
    }

    // ---------------------------------------------------------------------------------------- text
    explain() {
      const { name, logit } = this.data.classes[this.k];
      const { toClasses, widening } = this.flowing.scales();
      const sums = this.parts.flatMap((_, column) => this.sumsOf(column, logit));
      put(this.sums, "Logit of ", bdi(name), ` ${signed(logit)}. `, ...sums, this.concentrated());
      put(this.pixelsPerLogit, Math.round(toClasses));
      put(this.widening, widening);
      this.widened.hidden = widening === 1;
      put(this.chosenClass, bdi(name));
      this.legend.hidden = false;
    }

    /* What a whole layer adds to the chosen class, and what its groups add. */
    sumsOf(column, logit) {
      const { units, attribution } = this.parts[column];
      const groups = sum(units.map((_, g) => attribution.at(g, this.k)));
      const residual = attribution.at(units.length, this.k);
      const whole = groups + residual;
      const parts = `groups ${signed(groups)}, residual ${signed(residual)}`;
      const missed = `biases and what the approximation misses ${signed(logit - whole)}`;
      const title = bdi(layerOf(this.layers[column]).title);
      return [title, `: ${parts}, together ${signed(whole)}; ${missed}. `];
    }

    concentrated() {
      if (!this.concentration) return "";
      const [compatible, independent] = this.concentration.map(percent);
      const goes = "A left group's attribution goes to one group in the middle";
      return `${goes} by ${compatible} on average (groups made independently: ${independent}).`;
    }

    // ------------------------------------------------------------------------------------- looking
    /* Show where a part is, and the ribbons that touch it: the part pointed at, else the one with
       the focus, else the one that is followed. */
    look(hovered) {
      const focused = find(this.nodes, "button:focus-visible")?.dataset.node;
      const node = hovered ?? focused ?? this.followed;
      const [column, i] = parseNumbers(node);
      const isPart = Boolean(node) && column < this.parts.length;
      this.flow.classList.toggle("some", Boolean(hovered ?? focused));
      this.light(node);
      // It keeps its room when hidden, because what moves under a finger cannot be tapped.
      this.scale.style.visibility = isPart ? "visible" : "hidden";
      if (isPart) {
        this.showMap(this.parts[column].presence, i);
        put(this.caption, ...this.story(node, column, i));
        this.announce(this.caption.textContent);
      } else {
        this.showIdle();
        if (node) this.announce(this.buttons.get(node).ariaLabel);
      }
    }

    light(node) {
      for (const { classList, dataset } of this.paths) {
        classList.toggle("lit", dataset.from === node || dataset.to === node);
      }
      for (const [each, button] of this.buttons) {
        button.classList.toggle("looked-at", each === node);
      }
    }

    story(node, column, i) {
      const { name } = this.data.classes[this.k];
      const { positions, attribution } = this.parts[column];
      const where = positions[i] ? `, ${positions[i]}` : "";
      const value = signed(attribution.at(i, this.k));
      const start = [`${this.nameOf(node)}${where}: ${value} logits to `, bdi(name), "."];
      return this.parts.length === 1 ? start : [...start, this.describeWay(column, i)];
    }

    /* How much of it comes from the layer before, or goes through the layer after. */
    describeWay(column, part) {
      const { flowing, k } = this;
      if (column === 0) {
        const through = sum(flowing.upperParts.map((g) => flowing.addsThrough(part, g, k)));
        return ` Through the parts in the middle: ${signed(through)}.`;
      }
      const from = sum(flowing.lowerParts.map((i) => flowing.addsThrough(i, part, k)));
      const remainder = "the remainder comes from biases and from ways around it";
      return ` Through the layer on the left: ${signed(from)}; ${remainder}.`;
    }

    numbers() {
      const { classes } = this.data;
      const upper = this.shares ? this.nodesOf(1) : [];
      const headings = [
        "Part",
        ...classes.map(({ name }) => `To ${name}, logits`),
        ...upper.map((node) => `Adds to ${this.nameOf(node)}`),
      ];
      const rows = this.parts.flatMap(({ attribution }, column) =>
        this.nodesOf(column).map((node, i) => [
          this.nameOf(node),
          ...classes.map((_, k) => signed(attribution.at(i, k))),
          ...upper.map((_, g) => column === 0 ? `${signed(100 * this.shares.at(i, g), 1)} %` : ""),
        ])
      );
      return [headings, rows];
    }

    nodesOf(column) {
      return [...this.parts[column].units, "residual"].map((_, i) => `${column}.${i}`);
    }
  }

  atlas.define("group_flow", GroupFlow);
}
