/* The activation cube: a layer's response to the photograph, drawn as a cube that stands on it and
   cut in four ways (later/cube_painting.js paints the drawings). */
"use strict";

{
  const { activation, element, find, findAll, on, put, range } = atlas;
  const NARROW_SPACE = "\u202f";
  const thousands = (count) => count.toLocaleString("en").replaceAll(",", NARROW_SPACE);

  class ActivationCube extends atlas.Figure {
    static later = true;
    static parts = { uses: ".uses" };

    build() {
      this.panels = new Map(
        findAll(this, ".cube").map((button) => [button.value, {
          button,
          title: find(button, "strong").textContent,
          text: find(button, ".cube-text"),
        }]),
      );
      [this.channelSelect, this.groupSelect] = findAll(this, "select");
      this.grid = new atlas.Grid(this.view.root, {
        hover: (row, column) => this.move(row, column),
        choose: (row, column) => this.choose({ cell: `${row}.${column}` }),
      });
      this.listen();
    }

    listen() {
      this.panels.forEach(({ button }, atom) => {
        on(button, "click", () => this.choose({ atom: this.atom === atom ? null : atom }));
      });
      on(this.channelSelect, "change", () => this.choose({ channel: this.channelSelect.value }));
      on(this.groupSelect, "change", () => this.choose({ group: this.groupSelect.value }));
      on(this, "keydown", (event) => {
        if (event.key === "Escape" && this.atom) this.choose({ atom: null });
      });
      on(this.uses, "click", (event) => {
        const link = event.target.closest("a");
        if (link) this.showSameAtomIn(link);
      });
      const repaint = () => {
        if (this.layer) this.draw();
      };
      on(this.view.image, "load", repaint);
      on(matchMedia("(prefers-color-scheme: dark)"), "change", repaint);
    }

    show(data, image) {
      this.layer = null;
      this.panels.forEach((panel, atom) => {
        panel.drawing ??= new atlas.CubeDrawing(find(panel.button, "canvas"), atom);
      });
      this.view.photograph(image);
      this.offer(data, "cell", "channel", "group");
    }

    numbers() {
      const rows = [...this.panels].map(([atom, { title }]) => [title, ...this.facts[atom]]);
      return [["Atom", "How many", "Which", "Its response"], rows];
    }

    apply({ layer, cell, channel, group, atom }) {
      this.layer = this.layerNamed(layer);
      const { length, channels, groups } = this.layer;
      const [rows, columns] = length.shape;
      const possible = this.panels.has(atom) && (atom !== "group" || groups);
      this.atom = possible ? atom : null;
      this.cell = atlas.parseCell(cell, rows, columns) ?? this.layer.cell;
      this.channelIndex = Math.max(0, channels.findIndex((each) => String(each) === channel));
      this.groupIndex = this.groupNumbered(group);
      this.fillSelects();
      this.grid.shape(rows, columns);
      this.panels.forEach(({ button }, each) => {
        button.ariaPressed = String(each === this.atom);
      });
      this.panels.get("group").button.disabled = !groups;
      this.markFigures();
      this.draw();
    }

    /* The index of the group of a number; without one, of the strongest at the position. */
    groupNumbered(text) {
      const { groups } = this.layer;
      if (!groups) return 0;
      const index = text - 1;
      const here = range(groups.count).map((g) => groups.presence.at(g, ...this.cell));
      return index in here ? index : Math.max(0, here.indexOf(Math.max(...here)));
    }

    fillSelects() {
      const { channels, summed, groups } = this.layer;
      const option = (value, text) => element("option", { value }, text);
      const ofChannels = channels.map((channel, i) =>
        option(channel, `channel ${channel}, sum ${activation(summed.at(i))}`)
      );
      const ofGroups = range(groups?.count ?? 0).map((i) =>
        option(i + 1, `group ${i + 1} of ${groups.count}`)
      );
      put(this.channelSelect, ...ofChannels);
      put(this.groupSelect, ...(groups ? ofGroups : [option("", "not grouped")]));
      this.groupSelect.disabled = !groups;
      this.channelSelect.selectedIndex = this.channelIndex;
      this.groupSelect.selectedIndex = this.groupIndex;
    }

    move(row, column) {
      this.cell = [row, column];
      this.drawAtoms(["neuron", "spatial"]);
      this.choose({ cell: `${row}.${column}` }, { passing: true });
    }

    /* ------------------------------------------------------------------------- drawing */
    draw() {
      const style = getComputedStyle(this);
      const names = ["ink", "edge", "raised", "mark"];
      this.theme = Object.fromEntries(
        names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
      );
      this.panels.forEach(({ drawing }) => {
        drawing.paintBase(this.view.image, this.layer, this.theme, this.groupIndex);
      });
      this.drawAtoms([...this.panels.keys()]);
      this.drawMap();
    }

    /* Paint the chosen atoms in some of the drawings, and describe all of them. */
    drawAtoms(changed) {
      const channel = this.layer.channels[this.channelIndex];
      for (const atom of changed) {
        this.panels.get(atom).drawing.paintAtom(this.layer, this.theme, this.cell, channel);
      }
      this.grid.moveTo(...this.cell);
      this.describe();
    }

    /* The chosen atom's map, over the photograph. */
    drawMap() {
      const { maps, groups } = this.layer;
      if (this.atom === "channel") {
        this.view.show(maps, this.channelIndex);
      } else if (this.atom === "group") this.view.show(groups.presence, this.groupIndex);
      else this.view.clear();
    }

    /* --------------------------------------------------------------------------- words */
    describe() {
      this.facts = this.factsOfAtoms();
      this.panels.forEach(({ text }, atom) => {
        const [count, which, response] = this.facts[atom];
        put(
          text,
          element("span.quiet", `${count} in this layer`),
          element("span", which),
          element("span.value", response),
        );
      });
      this.table();
      const [, which, response] = this.facts[this.atom ?? "neuron"];
      this.announce(`${which}, ${response}`);
    }

    /* Of each kind of atom: [how many there are, which one is chosen, its response]. */
    factsOfAtoms() {
      const { layer, length, maps, channels, summed } = this.layer;
      const [count] = atlas.layer(layer).shape;
      const [rows, columns] = length.shape;
      const [y, x] = this.cell;
      const channel = `channel ${channels[this.channelIndex]}`;
      const position = atlas.describePosition(y, x);
      return {
        neuron: [
          thousands(count * rows * columns),
          `${channel}, ${position}`,
          `activation ${activation(maps.at(this.channelIndex, y, x))}`,
        ],
        spatial: [
          thousands(rows * columns),
          position,
          `${count} numbers, length ${activation(length.at(y, x))}`,
        ],
        channel: [
          thousands(count),
          channel,
          `${rows} × ${columns} numbers, sum ${activation(summed.at(this.channelIndex))}`,
        ],
        group: this.factsOfGroup(),
      };
    }

    factsOfGroup() {
      const { groups } = this.layer;
      if (!groups) return ["0", "none", this.groupSelect.dataset.none];
      const length = groups.presence.at(this.groupIndex, ...this.cell);
      return [groups.count, `group ${this.groupIndex + 1}`, `length here ${activation(length)}`];
    }

    /* --------------------------------------------------------------------- other figures */
    /* Name the figures that show the chosen kind of atom, and mark them. */
    markFigures() {
      const title = this.atom && this.panels.get(this.atom).title.toLowerCase();
      findAll(this.uses, "li").forEach((item) => {
        const used = Boolean(this.atom) && item.dataset.atoms.split(" ").includes(this.atom);
        const section = document.getElementById(find(item, "a").hash.slice(1));
        item.hidden = !used;
        if (used) section.dataset.uses = title;
        else delete section.dataset.uses;
      });
      const text = find(this.uses, "p");
      const { idle, some, none } = text.dataset;
      const start = find(this.uses, "li:not([hidden])") ? some : none;
      put(text, title ? `${start} ${title}.` : idle);
    }

    /* Show the same atom in the figure that a link leads to, if that figure can. */
    showSameAtomIn(link) {
      const { layer, block, groups, channels } = this.layer;
      const [row, column] = this.cell.map((index) => Math.floor(index / block));
      const index = [...this.layers.keys()].indexOf(layer);
      const states = {
        "semantic-dictionary": { layer, cell: `${row}.${column}` },
        "neuron-groups": groups && { layer, count: groups.count, group: this.groupIndex + 1 },
        "channel-attribution": { trail: `${index}.${channels[this.channelIndex]}` },
      };
      const id = link.hash.slice(1).replace(/-section$/, "");
      if (states[id]) atlas.state.set(id, states[id]);
    }
  }

  atlas.define("activation_cube", ActivationCube);
}
