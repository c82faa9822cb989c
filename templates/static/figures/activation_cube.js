/* The activation cube: a layer's answer to the photograph drawn as a block that stands on it, cut in four ways. Each
   drawing is painted once for a layer; what is chosen is laid over it, so that it follows the pointer. */
"use strict";

{
  const { activation, cellOf, colours, element, find, findAll, layer: layerOf, on, put, range, spot, state: choices } = atlas;
  const { floor, max } = Math;
  // As in activation_cube.py: u to the right, v to the front, h upwards, all 0…1.
  const ORIGIN = [120, 177], RIGHT = [165, 48], FRONT = [-105, 62], UP = 165, FLOOR = 0.28, SIZE = [300, 295];
  const SHARP = devicePixelRatio > 1 ? 2 : 1; // painting is most of what a change of photograph costs here: no finer than is seen
  const lifted = (h) => (FLOOR + (1 - FLOOR) * h) * UP;
  const point = (u, v, height) => [ORIGIN[0] + u * RIGHT[0] + v * FRONT[0], ORIGIN[1] + u * RIGHT[1] + v * FRONT[1] - height];

  class Drawing {
    constructor(canvas) {
      this.context = canvas.getContext("2d");
      [canvas.width, canvas.height] = SIZE.map((side) => side * SHARP);
      this.rest = element("canvas");
      [this.rest.width, this.rest.height] = [canvas.width, canvas.height];
    }

    /* Paint what stays: paint(pen) draws with the methods below. */
    keep(paint) {
      this.pen = this.rest.getContext("2d");
      this.clear();
      paint();
    }

    /* Lay something over what stays. */
    over(paint) {
      this.pen = this.context;
      this.clear();
      this.pen.setTransform(1, 0, 0, 1, 0, 0);
      this.pen.drawImage(this.rest, 0, 0);
      this.pen.setTransform(SHARP, 0, 0, SHARP, 0, 0);
      paint();
    }

    clear() {
      this.pen.setTransform(SHARP, 0, 0, SHARP, 0, 0);
      this.pen.clearRect(0, 0, ...SIZE);
    }

    photograph(image) {
      if (!image.naturalWidth) return;
      const { naturalWidth: w, naturalHeight: h } = image;
      this.pen.save();
      this.pen.transform(RIGHT[0] / w, RIGHT[1] / w, FRONT[0] / h, FRONT[1] / h, ...ORIGIN);
      this.pen.globalAlpha = 0.75;
      this.pen.drawImage(image, 0, 0);
      this.pen.restore();
    }

    quad(corners, fill, stroke, width = 1) {
      this.pen.beginPath();
      corners.forEach((corner) => this.pen.lineTo(...point(...corner)));
      this.pen.closePath();
      if (fill) Object.assign(this.pen, { fillStyle: fill }).fill();
      if (stroke) Object.assign(this.pen, { strokeStyle: stroke, lineWidth: width, lineJoin: "round" }).stroke();
    }

    /* A flat piece at a height in pixels. */
    flat([u0, u1], [v0, v1], height, fill, stroke, width) {
      this.quad([[u0, v0, height], [u1, v0, height], [u1, v1, height], [u0, v1, height]], fill, stroke, width);
    }

    box([u0, u1], [v0, v1], [h0, h1], [top, left, right], stroke, width) {
      const [low, high] = [lifted(h0), lifted(h1)];
      this.quad([[u0, v1, low], [u1, v1, low], [u1, v1, high], [u0, v1, high]], left, stroke, width);
      this.quad([[u1, v0, low], [u1, v1, low], [u1, v1, high], [u1, v0, high]], right, stroke, width);
      this.flat([u0, u1], [v0, v1], high, top, stroke, width);
    }
  }

  const ALL = [0, 1];

  atlas.define("activation_cube", class extends atlas.Figure {
    static parts = { uses: ".uses" };

    build() {
      this.panels = new Map(findAll(this, ".cube").map((button) => [button.value, { button, text: find(button, ".cube-text"), drawing: new Drawing(find(button, "canvas")) }]));
      [this.channelSelect, this.groupSelect] = findAll(this, "select");
      this.grid = new atlas.Grid(this.stage.root, {
        hover: (row, column) => this.move(row, column),
        choose: (row, column) => this.choose({ cell: `${row}.${column}` }),
        label: spot,
      });
      this.panels.forEach(({ button }, atom) => on(button, "click", () => this.choose({ atom: this.atom === atom ? null : atom })));
      on(this.channelSelect, "change", () => this.choose({ channel: this.channelSelect.value }));
      on(this.groupSelect, "change", () => this.choose({ group: this.groupSelect.value }));
      on(this, "keydown", (event) => event.key === "Escape" && this.atom && this.choose({ atom: null }));
      on(this.uses, "click", (event) => event.target.closest("a") && this.lead(event.target.closest("a")));
      on(this.stage.image, "load", () => this.layer && this.draw());
      on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.layer && this.draw());
    }

    show(data, image) {
      this.layer = null;
      this.stage.photograph(image);
      this.offer(data, "cell", "channel", "group");
    }

    numbers() {
      return [["Atom", "How many", "Which", "Its answer"], this.rows];
    }

    apply({ layer, cell, channel, group, atom }) {
      this.layer = this.layerNamed(layer);
      const { length, channels, groups } = this.layer, [rows, columns] = length.shape;
      this.atom = this.panels.has(atom) && (atom !== "group" || groups) ? atom : null;
      this.c = max(0, channels.findIndex((each) => String(each) === channel));
      this.cell = cellOf(cell, rows, columns) ?? this.layer.cell;
      // Without a choice, the group that is strongest at the place.
      const here = range(groups?.count ?? 0).map((g) => groups.presence.at(g, ...this.cell));
      this.g = here[group - 1] === undefined ? max(0, here.indexOf(max(...here))) : group - 1;
      const option = (value, ...text) => element("option", { value }, ...text);
      put(this.channelSelect, ...channels.map((each, i) => option(each, `channel ${each}, sum ${activation(this.layer.summed.at(i))}`)));
      put(this.groupSelect, ...(groups ? range(groups.count).map((i) => option(i + 1, `group ${i + 1} of ${groups.count}`)) : [option("", "not grouped")]));
      this.groupSelect.disabled = !groups;
      this.channelSelect.selectedIndex = this.c;
      this.groupSelect.selectedIndex = this.g;
      this.grid.shape(rows, columns);
      this.panels.forEach(({ button }, each) => (button.ariaPressed = each === this.atom));
      this.panels.get("group").button.disabled = !groups;
      this.tellFigures();
      this.draw();
    }

    move(row, column) {
      this.cell = [row, column];
      this.lay(["neuron", "spatial"]);
      this.choose({ cell: `${row}.${column}` }, { passing: true });
    }

    /* Paint the four blocks. */
    draw() {
      const style = getComputedStyle(this), [ink, rule, paper] = ["--ink", "--edge", "--raised"].map((name) => style.getPropertyValue(name));
      this.chosen = style.getPropertyValue("--mark");
      const { length, maps, groups } = this.layer, [rows, columns] = length.shape, depth = layerOf(this.layer.layer).shape[0];
      const longest = max(...length.values, 1e-9), largest = max(...maps.values, 1e-9);
      const grey = (t) => `rgb(${[0, 0, 0].map(() => Math.round(30 + 215 * max(0, t))).join()})`;
      const cells = (drawing, height, colour) => {
        for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) drawing.flat([x / columns, (x + 1) / columns], [y / rows, (y + 1) / rows], height, colour(y, x));
      };
      const frame = (drawing, faces = [null, null, null]) => drawing.box(ALL, ALL, ALL, faces, rule, 0.75);
      const paint = {
        neuron: (drawing) => {
          const n = 5, part = (i) => [(i + 0.12) / n, (i + 0.88) / n];
          for (let h = 0; h < n; h++) for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) drawing.box(part(x), part(y), part(h), [paper, paper, paper], rule, 0.5);
        },
        spatial: (drawing) => {
          frame(drawing, [null, paper, paper]);
          cells(drawing, lifted(1), (y, x) => grey(length.at(y, x) / longest));
          for (let x = 1; x < columns; x++) drawing.quad([[x / columns, 1, lifted(0)], [x / columns, 1, lifted(1)]], null, rule, 0.5);
          for (let y = 1; y < rows; y++) drawing.quad([[1, y / rows, lifted(0)], [1, y / rows, lifted(1)]], null, rule, 0.5);
        },
        channel: (drawing) => {
          frame(drawing);
          const stack = this.layer.channels.map((channel, i) => [channel / depth, i]).sort(([a], [b]) => a - b);
          stack.forEach(([h, i]) => cells(drawing, lifted(h), (y, x) => grey(maps.at(i, y, x) / largest).replace(")", ",0.8)").replace("rgb", "rgba")));
        },
        group: (drawing) => {
          if (!groups) return frame(drawing);
          const { presence } = groups, strength = (g, y, x) => presence.at(g, y, x), most = 255 * presence.scale || 1;
          const best = (y, x) => range(groups.count).reduce((a, b) => (strength(b, y, x) > strength(a, y, x) ? b : a));
          const colour = (y, x) => {
            const g = best(y, x);
            return `rgba(${colours.group(g).join()},${(g === this.g ? 1 : 0.45) * (0.25 + 0.75 * Math.sqrt(strength(g, y, x) / most))})`;
          };
          frame(drawing, [paper, null, null]);
          cells(drawing, lifted(1), colour);
          for (let x = 0; x < columns; x++) drawing.quad([[x / columns, 1, lifted(0)], [(x + 1) / columns, 1, lifted(0)], [(x + 1) / columns, 1, lifted(1)], [x / columns, 1, lifted(1)]], colour(rows - 1, x));
          for (let y = 0; y < rows; y++) drawing.quad([[1, y / rows, lifted(0)], [1, (y + 1) / rows, lifted(0)], [1, (y + 1) / rows, lifted(1)], [1, y / rows, lifted(1)]], colour(y, columns - 1));
        },
      };
      this.panels.forEach(({ drawing }, atom) => drawing.keep(() => {
        drawing.photograph(this.stage.image);
        drawing.flat(ALL, ALL, 0, null, ink, 0.5);
        paint[atom](drawing);
      }));
      this.lay([...this.panels.keys()]);
      this.map();
    }

    /* Lay the chosen atoms over some of the blocks, and say what all of them are. */
    lay(changed) {
      const { length, maps, groups, channels, summed } = this.layer, [rows, columns] = length.shape, [y, x] = this.cell;
      const depth = layerOf(this.layer.layer).shape[0], channel = channels[this.c];
      const across = [x / columns, (x + 1) / columns], along = [y / rows, (y + 1) / rows], thin = [channel / depth, Math.min(1, channel / depth + 0.025)];
      const tinted = ["cc", "ff", "e6"].map((opacity) => `${this.chosen.trim()}${opacity}`), clear = [null, null, null];
      const overlays = {
        neuron: (drawing) => drawing.box(across, along, thin, tinted, "#fff", 0.75),
        spatial: (drawing) => drawing.box(across, along, ALL, tinted, "#fff", 0.75),
        channel: (drawing) => drawing.box(ALL, ALL, thin, clear, this.chosen, 2.5),
        group: () => {},
      };
      for (const atom of changed) {
        const { drawing } = this.panels.get(atom);
        drawing.over(() => {
          overlays[atom](drawing);
          if (atom === "neuron" || atom === "spatial") drawing.flat(across, along, 0, null, this.chosen, 2);
        });
      }
      this.grid.place(y, x);
      const at = spot(y, x), value = maps.at(this.c, y, x), thousands = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");
      const facts = {
        neuron: [thousands(depth * rows * columns), `channel ${channel}, ${at}`, `activation ${activation(value)}`],
        spatial: [thousands(rows * columns), at, `${depth} numbers, length ${activation(length.at(y, x))}`],
        channel: [thousands(depth), `channel ${channel}`, `${rows} × ${columns} numbers, sum ${activation(summed.at(this.c))}`],
        group: groups ? [String(groups.count), `group ${this.g + 1}`, `here of length ${activation(groups.presence.at(this.g, y, x))}`] : ["0", "none", "this layer is not factorized"],
      };
      this.panels.forEach(({ text }, atom) => {
        const [count, which, answer] = facts[atom];
        put(text, element("span.quiet", `${count} in this layer`), element("span", which), element("span.value", answer));
      });
      this.rows = [...this.panels].map(([atom, { button }]) => [find(button, "strong").textContent, ...facts[atom]]);
      this.table();
      this.say(this.atom ? facts[this.atom].slice(1).join(", ") : `${at}: activation of channel ${channel} ${activation(value)}`);
    }

    /* On the photograph: the map of the atom that is chosen. */
    map() {
      const { maps, groups } = this.layer;
      if (this.atom === "channel") this.stage.show(maps, this.c, Math.max(...maps.values));
      else if (this.atom === "group") this.stage.show(groups.presence, this.g);
      else this.stage.clear();
    }

    /* Name the figures that use the chosen atom, and mark them. */
    tellFigures() {
      const title = this.atom && find(this.panels.get(this.atom).button, "strong").textContent;
      findAll(this.uses, "li").forEach((item) => {
        const used = Boolean(this.atom) && item.dataset.atoms.split(" ").includes(this.atom);
        item.hidden = !used;
        const section = document.getElementById(find(item, "a").hash.slice(1));
        if (used) section.dataset.uses = title.toLowerCase();
        else delete section.dataset.uses;
      });
      const some = find(this.uses, "li:not([hidden])") ? "Figures that show" : "No figure here shows";
      put(find(this.uses, "p"), this.atom ? `${some} ${title.toLowerCase()}.` : "Choose a way of cutting to mark the figures that use it.");
    }

    /* A figure that is led to opens with the same atom, where it can. */
    lead(link) {
      const { layer, block, groups, channels } = this.layer, [y, x] = this.cell, id = link.hash.slice(1).replace(/-section$/, "");
      const index = [...this.layers.keys()].indexOf(layer);
      const states = {
        "semantic-dictionary": { layer, cell: `${floor(y / block)}.${floor(x / block)}` },
        "neuron-groups": groups && { layer, count: groups.count, group: this.g + 1 },
        "channel-attribution": { trail: `${index}.${channels[this.c]}` },
      };
      if (states[id]) choices.set(id, states[id]);
    }
  });
}
