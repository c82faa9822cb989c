/* Group flow: ribbons from the groups of a layer through those of a later one to the classes. The
   last part of each layer is the residual that its groups leave, so that ribbons add up to the
   whole layer. Pointing at a part shows where it is; a click follows it to all classes; clicking a
   class shows what makes it up. Ribbons may show what is lost without a part, instead, which does
   not add up. What is drawn where is found by later/flow_layout.js. */
"use strict";

{
  const { element, fillIn, find, on, parseNumbers, percent, put, signed, sum } = atlas;
  const { layer: layerOf, name: bdi } = atlas;

  const pixels = (value) => `${value}px`;

  class GroupFlow extends atlas.Figure {
    static later = true;
    static parts = {
      flow: ".flow",
      drawing: ".flow svg",
      ribbonGroup: ".ribbons",
      nodes: ".nodes",
      heads: ".flow-heads",
      compatible: ".check input",
      widened: ".widened",
      concentrated: ".concentrated",
    };

    build() {
      on(this.compatible, "change", () => {
        const factors = this.compatible.checked ? null : "independent";
        this.choose({ factors, group: null });
      });
      this.renew = atlas.pointing(this.nodes, "node", {
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
    }

    resize() {
      if (this.parts && this.flow.clientWidth !== this.width) this.draw();
    }

    // ------------------------------------------------------------------------------------- choices
    apply({ lower, upper, factors, class: index, group }) {
      const { data } = this;
      this.compatible.checked = factors !== "independent";
      const lowerCount = this.offerCounts("lower", lower);
      const upperCount = this.offerCounts("upper", upper);
      this.useGroups(lowerCount, upperCount);
      this.k = Math.max(0, data.classes.findIndex((each) => String(each.index) === index));
      const groups = this.parts.flatMap(({ units }, column) =>
        units.map((_, i) => `${column}.${i}`)
      );
      this.followed = groups.find((node) => this.addressOf(node) === group);
      this.draw();
    }

    /* Offer the counts of groups of a layer, "lower" or "upper"; returns the one to be shown. */
    offerCounts(key, wanted) {
      const layer = this.data[key];
      if (layer === null) return null;
      const counts = this.data.counts[layer];
      const first = this.data.first[key === "lower" ? 0 : 1];
      const count = counts.find((each) => String(each) === wanted) ?? first;
      const slider = find(this, `.${key}-count`);
      atlas.countChoice(slider, counts, (each) => this.choose({ [key]: each, group: null }))(count);
      return count;
    }

    /* Find the numbers of the groups that are shown; `parts` are those of each layer. */
    useGroups(lowerCount, upperCount) {
      const { lower, upper, factorizations, flows, concentration } = this.data;
      const compatibleWith = this.compatible.checked ? `@${upperCount}` : "";
      const lowerKey = `${lower} ${lowerCount}${compatibleWith}`;
      const upperKey = `${upper} ${upperCount}`;
      const keys = lower === null ? [upperKey] : [lowerKey, upperKey];
      this.parts = keys.map((key) => factorizations[key]);
      this.effects = this.parts.map((part) => new atlas.Effects(part));
      this.between = flows[`${lowerKey}>${upperKey}`];
      this.concentration = concentration[lowerKey];
      this.flowing = new atlas.Flow(this.parts.at(-1)[this.bars], this.between?.[this.bars]);
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
      const { index, name, logit } = this.data.classes[k];
      const whole = atlas.number(logit);
      const followed = this.followed && signed(this.followedTo(node, k));
      const text = followed ? `${followed} of ${whole}` : `logit ${whole}`;
      atlas.thing(button, `class:${index}`).classList.add("class-node");
      button.ariaPressed = k === this.k;
      const unit = this.followed ? " logits" : "";
      button.ariaLabel = `${name}: ${text}${unit}. ${this.nodes.dataset.class}`;
      button.append(bdi(name), element("span.quiet", text));
    }

    /* What the followed part adds to class k on the ways that are drawn; or what that loses without
       it, on any way. */
    followedTo(node, k) {
      const [column, i] = parseNumbers(this.followed);
      if (this.bars === "removal") return this.parts[column].removal.at(i, k);
      return sum(this.layout.bands.filter(({ to }) => to === node).map(({ value }) => value));
    }

    fillPart(button, node, column, i) {
      const text = signed(this.parts[column][this.bars].at(i, this.k));
      const label = `${this.nameOf(node)}: ${text} logits to ${this.data.classes[this.k].name}`;
      const isGroup = !this.isResidual(column, i);
      const shown = isGroup ? this.icon(column, i) : element("span", "residual");
      const action = this.nodes.dataset[isGroup ? "group" : "residual"];
      if (isGroup) button.ariaPressed = node === this.followed;
      button.ariaLabel = `${label}${atlas.flaw(shown)}. ${action}`;
      button.append(shown, element("span.value", text));
    }

    icon(column, i) {
      const icon = atlas.picture(
        this.layers[column],
        this.parts[column].units[i],
        `group ${i + 1}`,
      );
      icon.append(atlas.groupKey(i));
      icon.style.width = pixels(this.layout.side);
      return icon;
    }

    /* "group 3 of Block 4", "residual of Block 4". */
    nameOf(node) {
      const [column, i] = parseNumbers(node);
      return `${this.effects[column].nameOf(i)} of ${layerOf(this.layers[column]).title}`;
    }

    // ---------------------------------------------------------------------------------------- text
    explain() {
      const { name } = this.data.classes[this.k];
      const { toClasses, widening } = this.flowing.scales();
      const { concentration, legend, sums } = this;
      const ofLayers = this.parts.flatMap((_, column) => this.sumsOf(column));
      fillIn(sums, name, ...ofLayers, ...(concentration ?? []).map(percent));
      fillIn(legend, Math.round(toClasses), widening, legend.dataset[this.bars], name);
      this.widened.hidden = widening === 1;
      this.concentrated.hidden = !concentration;
      legend.hidden = sums.hidden = false;
    }

    /* What a whole layer adds to the chosen class, and what its groups add. */
    sumsOf(column) {
      const layer = this.layers[column];
      const { baselines, classes } = this.data;
      const { k } = this;
      const sums = this.effects[column].sums(k, classes[k].logit, baselines[layer][k]);
      return [layerOf(layer).title, ...sums];
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
      const where = this.parts[column].positions[i] ? `, ${this.parts[column].positions[i]}` : "";
      const effects = this.effects[column].describe(i, this.k);
      const start = [`${this.nameOf(node)}${where}. `, bdi(name), `: ${effects}.`];
      const isAlone = this.parts.length === 1 || this.bars === "removal";
      return isAlone ? start : [...start, this.describeWay(column, i)];
    }

    /* How much of it comes from the layer before, or goes through the layer after. */
    describeWay(column, part) {
      const { flowing, k } = this;
      const { through, from, rest } = this.caption.dataset;
      const ways = column === 0
        ? flowing.upperParts.map((g) => flowing.addsThrough(part, g, k))
        : flowing.lowerParts.map((i) => flowing.addsThrough(i, part, k));
      const added = signed(sum(ways));
      return column === 0 ? ` ${through} ${added}.` : ` ${from} ${added}${rest}`;
    }

    numbers() {
      const { classes } = this.data;
      const upper = this.between ? this.nodesOf(1) : [];
      const ofUpper = (node) => [`Share in ${this.nameOf(node)}`, "Lost without it"];
      const ofClasses = atlas.Effects.headings(classes);
      const headings = ["Part", ...ofClasses, ...upper.flatMap(ofUpper)];
      const rows = this.effects.flatMap((effects, column) =>
        this.nodesOf(column).map((node, i) => [
          this.nameOf(node),
          ...effects.cells(i),
          ...upper.flatMap((_, g) => column === 0 ? this.betweenParts(i, g) : ["", ""]),
        ])
      );
      return [headings, rows];
    }

    /* The share of upper part g that comes from lower part i, and what is lost of g without i. */
    betweenParts(i, g) {
      const { share, removal } = this.between;
      return [share, removal].map((values) => `${signed(100 * values.at(i, g), 1)} %`);
    }

    nodesOf(column) {
      return [...this.parts[column].units, "residual"].map((_, i) => `${column}.${i}`);
    }
  }

  atlas.define("group_flow", GroupFlow);
}
