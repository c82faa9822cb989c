/* Group flow: ribbons from the groups of a layer through those of a later one to the classes. Each layer's last part is its
   rest, what the groups leave, so that ribbons add up to the whole layer. Pointing at a part shows where it is; a click
   follows it to all classes; clicking a class shows what makes it up. */
"use strict";

{
  const { countChoice, element, find, findAll, flaw, groupKey, layer: layerOf, name: bdi, number: decimal, numbersOf, on, percent, picture: pictureOf, pointing, put, range, signed } = atlas;
  const { abs, max, min, round } = Math;
  const FACTORS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]; // by how much ribbons between the layers may be widened
  const TALLEST = 300; // pixels that the ribbons of one column take up at most
  const GAP = 10;
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const svg = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  atlas.define("group_flow", class extends atlas.Figure {
    static parts = { flow: ".flow", heads: ".flow-heads", check: ".check", aligning: ".check input" };

    build() {
      this.sliders = findAll(this, ".count-choice");
      on(this.aligning, "change", ({ target }) => this.choose({ factors: target.checked ? null : "independent", group: null }));
      this.renew = pointing(this.flow, "node", {
        look: (node) => this.look(node),
        pick: (node) => this.pick(node),
        back: () => this.followed && this.choose({ group: null }),
      });
      new ResizeObserver(() => this.parts && this.flow.clientWidth !== this.width && this.draw()).observe(this.flow);
    }

    show(data, image) {
      this.stage.photograph(image);
      this.data = data;
      this.layers = [data.lower, data.upper].filter((name) => name !== null);
      this.sliders[0].hidden = this.check.hidden = data.lower === null;
    }

    apply({ lower, upper, factors, class: index, group }) {
      const { data } = this, counts = (layer) => data.counts[layer] ?? [];
      const of = (layer, asked, first) => counts(layer).find((count) => String(count) === asked) ?? first;
      const n = of(data.lower, lower, data.first[0]), m = of(data.upper, upper, data.first[1]);
      this.aligned = factors !== "independent";
      this.aligning.checked = this.aligned;
      if (data.lower !== null) countChoice(this.sliders[0], counts(data.lower), (count) => this.choose({ lower: count, group: null }))(n);
      countChoice(this.sliders[1], counts(data.upper), (count) => this.choose({ upper: count, group: null }))(m);
      const key = `${data.lower} ${n}${this.aligned ? `@${m}` : ""}`, into = `${data.upper} ${m}`;
      this.parts = [key, into].filter((cut) => cut in data.cuts).map((cut) => data.cuts[cut]);
      this.feeds = data.lower === null ? null : data.feeds[`${key}>${into}`];
      this.gathered = data.concentration[key];
      this.k = max(0, data.classes.findIndex((each) => String(each.index) === index));
      this.followed = this.parts.flatMap(({ units }, column) => units.map((_, i) => `${column}.${i}`)).find((node) => this.stated(node) === group);
      this.draw();
    }

    pick(node) {
      const [column, i] = numbersOf(node);
      if (column === this.parts.length) return this.choose({ class: this.data.classes[i].index, group: null });
      if (i === this.parts[column].units.length) return this.look(node);
      this.choose({ group: node === this.followed ? null : this.stated(node) });
    }

    /* How a group stands in the address: "upper.3". */
    stated(node) {
      const [column, i] = numbersOf(node);
      return `${column === this.parts.length - 1 ? "upper" : "lower"}.${i + 1}`;
    }

    /* What part g of the upper layer adds to class k, and what part i of the lower one adds by way of it, in logits. */
    adds(g, k) {
      return this.parts.at(-1).effect.at(g, k);
    }

    passes(i, g, k) {
      return this.feeds.at(i, g) * this.adds(g, k);
    }

    /* Ribbons {from, to, value, stage}, for one class, or for a group that is followed to all of them. */
    ribbons() {
      const [count, last] = [this.parts.length, this.parts.length - 1], all = (cut) => range(cut.units.length + 1), { k } = this;
      const [column, one] = numbersOf(this.followed), upper = this.followed && column === last, lower = this.followed && !upper;
      const uppers = all(this.parts[last]), classes = this.data.classes.map((_, each) => each);
      const found = [];
      if (count === 2) for (const i of lower ? [one] : all(this.parts[0])) for (const g of upper ? [one] : uppers) found.push({ from: `0.${i}`, to: `1.${g}`, value: this.passes(i, g, k), stage: 0 });
      for (const g of upper ? [one] : uppers) for (const each of this.followed ? classes : [k]) found.push({ from: `${last}.${g}`, to: `${count}.${each}`, value: lower ? this.passes(one, g, each) : this.adds(g, each), stage: lower ? 0 : 1 });
      return found;
    }

    /* Pixels a logit, for the ribbons between the layers and for those to the classes: the same for all classes. */
    scales() {
      const uppers = [...this.parts.at(-1).units, ""].map((_, g) => g);
      const most = (value) => max(...this.data.classes.map((_, k) => sum(uppers.map((g) => value(g, k)))), 1e-9);
      const right = most((g, k) => abs(this.adds(g, k)));
      if (!this.feeds) return [1, TALLEST / right];
      const rows = range(this.feeds.shape[0]);
      const left = most((g, k) => sum(rows.map((i) => abs(this.passes(i, g, k)))));
      this.factor = FACTORS.findLast((factor) => factor * left <= right) ?? 1;
      const unit = TALLEST / max(right, left * this.factor);
      return [unit * this.factor, unit];
    }

    draw() {
      this.width = this.flow.clientWidth;
      const ribbons = this.ribbons(), scales = this.scales(), columns = this.parts.length + 1, { data } = this;
      const side = round(max(44, min(72, this.width / 12))), last = round(max(84, min(230, this.width * 0.26)));
      for (const ribbon of ribbons) ribbon.height = abs(ribbon.value) * scales[ribbon.stage];
      const names = [...this.parts.map((cut) => [...cut.units, null]), data.classes];
      const boxes = new Map();
      names.forEach((parts, column) => parts.forEach((_, i) => {
        const node = `${column}.${i}`, [left, right] = ["to", "from"].map((end) => ribbons.filter((ribbon) => ribbon[end] === node));
        const flow = max(...[left, right].map((each) => sum(each.map(({ height }) => height))));
        const need = column === columns - 1 ? (last < 130 ? 84 : 66) : parts[i] === null ? 44 : side + 20;
        const x = column === columns - 1 ? this.width - last : column ? (this.width - last) / 2 - side / 2 : 0;
        boxes.set(node, { x, width: column === columns - 1 ? last : side, height: max(need, flow), left, right });
      }));
      const heights = names.map((parts, column) => sum(parts.map((_, i) => boxes.get(`${column}.${i}`).height + GAP)) - GAP);
      const height = max(...heights);
      names.forEach((parts, column) => {
        let y = 0;
        const extra = parts.length > 1 ? (height - heights[column]) / (parts.length - 1) : 0;
        parts.forEach((_, i) => {
          const box = boxes.get(`${column}.${i}`);
          box.y = y;
          y += box.height + GAP + extra;
        });
      });
      this.flow.style.height = `${height}px`;
      this.buttons = new Map([...boxes].map(([node, box]) => [node, this.node(node, box, side)]));
      this.paths = this.bands(ribbons, boxes);
      this.renew([this.picture(height), ...this.buttons.values()]);
      const middle = boxes.get(`${columns - 2}.0`).x;
      this.heads.style.gridTemplateColumns = `${columns > 2 ? `${middle}px ` : ""}${this.width - last - middle}px ${last}px`;
      put(this.heads, ...[...this.layers.map((name) => layerOf(name).title), "Classes"].map((title) => element("span", bdi(title))));
      this.explain();
      this.table();
      this.look();
    }

    bands(ribbons, boxes) {
      for (const box of boxes.values()) for (const [end, list] of [["to", box.left], ["from", box.right]]) {
        let y = box.y + (box.height - sum(list.map(({ height }) => height))) / 2;
        for (const ribbon of list) {
          ribbon[`${end}Y`] = y;
          y += ribbon.height;
        }
      }
      return ribbons.map((ribbon) => {
        const from = boxes.get(ribbon.from), to = boxes.get(ribbon.to), [x, end] = [from.x + from.width + 2, to.x - 2], middle = (x + end) / 2;
        const height = max(0.75, ribbon.height), [y, z] = [ribbon.fromY, ribbon.toY];
        return svg("path", { class: ribbon.value > 0 ? "for" : "against", "data-from": ribbon.from, "data-to": ribbon.to, ...(ribbon.value > 0 ? {} : { fill: `url(#${this.id}-against)` }),
          d: `M${x} ${y}C${middle} ${y} ${middle} ${z} ${end} ${z}v${height}C${middle} ${z + height} ${middle} ${y + height} ${x} ${y + height}z` });
      });
    }

    picture(height) {
      const hatch = svg("pattern", { id: `${this.id}-against`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("rect", { class: "ground", width: 6, height: 6 }), svg("rect", { class: "line", width: 2, height: 6 }));
      return svg("svg", { "aria-hidden": "true", width: this.width, height }, svg("defs", {}, hatch), ...this.paths);
    }

    node(node, { x, y, width, height }, side) {
      const [column, i] = numbersOf(node), { classes } = this.data;
      const button = element("button.node", { "data-node": node });
      Object.assign(button.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
      if (column === this.parts.length) {
        const { name: title, logit } = classes[i], part = this.followed && this.ribbons().filter(({ to }) => to === node);
        const text = part ? `${signed(sum(part.map(({ value }) => value)))} of ${decimal(logit)}` : `logit ${decimal(logit)}`;
        button.classList.add("class-node");
        button.ariaPressed = i === this.k;
        button.ariaLabel = `${title}: ${text}${part ? " logits" : ""}. Show what makes it up.`;
        button.append(bdi(title), element("span.quiet", text));
        return button;
      }
      const cut = this.parts[column], rest = i === cut.units.length, text = signed(cut.effect.at(i, this.k));
      const label = `${this.called(node)}: ${text} logits to ${classes[this.k].name}`;
      if (rest) button.ariaLabel = `${label}. Show where it is.`;
      else {
        button.ariaPressed = node === this.followed;
        const icon = pictureOf(this.layers[column], cut.units[i], `group ${i + 1}`);
        button.ariaLabel = `${label}${flaw(icon)}. Show where it is and what it does for all classes.`;
        icon.append(groupKey(i));
        icon.style.width = `${side}px`;
        button.append(icon);
      }
      button.append(rest ? element("span", "rest") : "", element("span.value", text));
      return button;
    }

    /* "group 3 of Block 4", "rest of Block 4". */
    called(node) {
      const [column, i] = numbersOf(node), { units } = this.parts[column];
      return `${i === units.length ? "rest" : `group ${i + 1}`} of ${layerOf(this.layers[column]).title}`;
    }

    /* What a whole layer adds to the chosen class, and what of it the groups. */
    totals(cut) {
      const values = [...cut.units, ""].map((_, g) => cut.effect.at(g, this.k));
      return { groups: sum(values.slice(0, -1)), rest: values.at(-1), whole: sum(values) };
    }

    explain() {
      const { name, logit } = this.data.classes[this.k];
      const [unit] = this.scales().slice(-1);
      const widened = this.factor > 1 ? ` Between the layers, and where a group on the left is followed, they are drawn ${this.factor} times as wide.` : "";
      put(this.legend, element("span.swatch.for"), "plain: for the class ", element("span.swatch.against"), `hatched: against it. A ribbon ${round(unit)} pixels wide stands for 1 logit.${widened} Under each group: what it adds to `, bdi(name), ", in logits.");
      const parts = this.parts.map((cut, column) => {
        const { groups, rest, whole } = this.totals(cut);
        return [bdi(layerOf(this.layers[column]).title), `: groups ${signed(groups)}, rest ${signed(rest)}, together ${signed(whole)}; biases and what the approximation misses ${signed(logit - whole)}. `];
      });
      const share = this.gathered ? `A left group's attribution goes to one group in the middle by ${percent(this.gathered[this.aligned ? 0 : 1])} on average (${this.aligned ? `groups made independently: ${percent(this.gathered[1])}` : "made independently"}).` : "";
      put(this.sums, "Logit of ", bdi(name), ` ${signed(logit)}. `, ...parts.flat(), share);
    }

    /* Show where a part is, and the ribbons that touch it: the one pointed at, else the focused one, else the followed one. */
    look(hovered) {
      const focused = find(this.flow, "button:focus-visible")?.dataset.node;
      const node = hovered ?? focused ?? this.followed, [column, i] = numbersOf(node), cut = node && this.parts[column];
      this.flow.classList.toggle("some", Boolean(hovered ?? focused));
      this.paths.forEach(({ classList, dataset }) => classList.toggle("lit", dataset.from === node || dataset.to === node));
      this.buttons.forEach((button, each) => button.classList.toggle("looked-at", each === node));
      this.scale.style.visibility = cut ? "visible" : "hidden"; // its place is kept: what moves under a finger cannot be tapped
      if (!cut) {
        this.rest();
        if (node) this.say(this.buttons.get(node).ariaLabel);
        return;
      }
      this.shade(cut.presence, i);
      put(this.caption, ...this.story(node, cut, column, i));
      this.say(this.caption.textContent);
    }

    story(node, cut, column, i) {
      const { name } = this.data.classes[this.k], where = cut.places[i] ? `, ${cut.places[i]}` : "";
      const text = [`${this.called(node)}${where}: ${signed(cut.effect.at(i, this.k))} logits to `, bdi(name), "."];
      if (this.parts.length === 1) return text;
      const [lower, upper] = this.parts.map(({ units }) => [...units.keys(), units.length]);
      const through = column ? sum(lower.map((each) => this.passes(each, i, this.k))) : sum(upper.map((g) => this.passes(i, g, this.k)));
      return [...text, column ? ` By way of the layer on the left: ${signed(through)}; the remainder comes from biases and ways around it.` : ` By way of the parts in the middle: ${signed(through)}.`];
    }

    numbers() {
      const { classes } = this.data, rows = this.parts.flatMap((cut, column) => [...cut.units, ""].map((_, i) => [this.called(`${column}.${i}`), ...classes.map((__, k) => signed(cut.effect.at(i, k)))]));
      const from = this.feeds ? [...this.parts[1].units, ""].map((_, g) => `Adds to ${this.called(`1.${g}`)}`) : [];
      const shares = (r) => from.map((_, g) => (r < (this.feeds?.shape[0] ?? 0) ? `${signed(100 * this.feeds.at(r, g), 1)} %` : ""));
      return [["Part", ...classes.map(({ name }) => `To ${name}, logits`), ...from], rows.map((row, r) => [...row, ...shares(r)])];
    }
  });
}
