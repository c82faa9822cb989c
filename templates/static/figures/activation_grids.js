/* Activation grids: all layers side by side, with one place, one zoom and one middle for all of them. The place moves
   with the pointer, the focus or the keys; a click, a tap or Enter holds it. Zoom: buttons, + − 0, Ctrl and the wheel, two
   fingers; a zoomed grid is moved by dragging, and follows the keys. */
"use strict";

{
  const { activation, address, find, findAll, layerGrids, linkGrids, name: bdi, numbersOf, on, percent, put, radios, spot } = atlas;
  const { max, min, round } = Math;

  atlas.define("activation_grids", class extends atlas.Figure {
    static parts = { level: ".zoom-level", zooms: ".zooms", grids: ".grid-panels" };

    build() {
      this.fingers = new Map();
      this.panels = layerGrids(findAll(this, ".grid-panel"), {
        hover: (i, row, column, keyed) => (keyed || !this.held) && !this.dragged && this.move(i, row, column, keyed),
        choose: (i, row, column) => this.dragged || this.hold(i, row, column),
        back: () => this.held && this.choose({ held: null }),
        label: (i, row, column) => this.describe(i, row, column),
      });
      this.markSize = radios(findAll(this, ".sizes input"), (size) => this.choose({ size: size === "equal" ? null : size }));
      const steps = { in: () => this.zoom * 1.5, out: () => this.zoom / 1.5, whole: () => 1 };
      const step = (name) => this.zoomTo(steps[name](), this.middle, false);
      this.buttons = Object.fromEntries(findAll(this.zooms, "button").map((button) => [button.value, button]));
      on(this.zooms, "click", ({ target }) => target.value in steps && step(target.value));
      on(this.grids, "keydown", (event) => {
        const name = { "+": "in", "=": "in", "-": "out", 0: "whole" }[event.key];
        if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        step(name);
      });
      this.panels.forEach(({ window }) => this.watch(window));
    }

    numbers() {
      const row = ({ title, grid }, i) => [bdi(title), spot(grid.row, grid.column), activation(this.lengthAt(i)), percent(this.lengthAt(i) / this.layers[i].most)];
      return [["Layer", "Place", "Length", "Share of the largest"], this.panels.map(row)];
    }

    /* Wheel, dragging and two fingers, on one layer's window. */
    watch(window) {
      const place = ({ clientX, clientY }) => {
        const box = window.getBoundingClientRect();
        return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
      };
      const spread = () => {
        const [[a, b], [c, d]] = [...this.fingers.values()];
        return { distance: Math.hypot(a - c, b - d), at: [(a + c) / 2, (b + d) / 2] };
      };
      on(window, "wheel", (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoomAt(this.zoom * 1.002 ** -event.deltaY, place(event));
      }, { passive: false });
      on(window, "pointerdown", (event) => {
        if (this.fingers.size === 0) this.dragged = false;
        this.fingers.set(event.pointerId, place(event));
        this.start = [event.clientX, event.clientY];
        if (this.fingers.size === 2) this.pinch = { ...spread(), zoom: this.zoom };
      });
      on(window, "pointermove", (event) => {
        const before = this.fingers.get(event.pointerId), now = place(event);
        if (!before) return;
        this.fingers.set(event.pointerId, now);
        if (this.fingers.size === 2) {
          const { distance, at } = spread();
          this.dragged = true;
          this.zoomAt((this.pinch.zoom * distance) / (this.pinch.distance || 1), at);
        } else if (this.zoom > 1 && (this.dragged || Math.hypot(event.clientX - this.start[0], event.clientY - this.start[1]) > 5)) {
          if (!this.dragged) window.setPointerCapture(event.pointerId);
          this.dragged = true;
          this.zoomTo(this.zoom, this.middle.map((value, axis) => value - (now[axis] - before[axis]) / this.zoom));
        }
      });
      // A click follows the end of a drag and must still find it marked.
      const end = (event) => this.fingers.delete(event.pointerId) && setTimeout(() => this.fingers.size || (this.dragged = false));
      for (const name of ["pointerup", "pointercancel", "pointerleave"]) on(window, name, end);
    }

    show(data, image) {
      this.layers = data.layers.map((layer, i) => {
        const { lengths } = layer, [rows, columns] = lengths.shape, { stage, grid, lens } = this.panels[i];
        const path = layer.grid ?? `photographs/${image}.webp`;
        stage.photograph(image, layer.grid);
        on(stage.image, "load", () => this.drawPanel(i), { once: true });
        grid.shape(rows, columns);
        lens.style.backgroundImage = `url("${address(path)}")`;
        lens.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
        return { ...layer, lengths, rows, columns, most: lengths.values.reduce((most, length) => max(most, length), 0) || 1 };
      });
    }

    apply({ cell, held, size, view }) {
      const [i, row, column] = numbersOf(cell), layer = this.layers[i];
      const inside = layer && row >= 0 && column >= 0 && row < layer.rows && column < layer.columns && Number.isInteger(row + column);
      this.held = Boolean(inside) && held === "yes";
      this.sized = size === "magnitude";
      this.markSize(this.sized ? size : "equal");
      const [zoom, x, y] = numbersOf(view);
      this.setZoom(zoom / 100 || 1, [x / 1000 || 0.5, y / 1000 || 0.5]);
      this.panels.forEach((_, each) => this.drawPanel(each));
      const late = this.layers.length - 1;
      this.look(...(inside ? [i, row, column] : [late, ...this.layers[late].strongest]));
      put(this.legend, this.legend.dataset[this.sized ? "sized" : "equal"]);
    }

    setZoom(zoom, middle) {
      this.zoom = max(1, min(12, zoom));
      const half = 0.5 / this.zoom;
      this.middle = middle.map((value) => max(half, min(1 - half, value)));
      this.classList.toggle("zoomed", this.zoom > 1);
      for (const { stage } of this.panels) {
        const [left, top] = this.middle.map((value) => `${100 * (0.5 - value * this.zoom)}%`);
        Object.assign(stage.root.style, { width: `${100 * this.zoom}%`, left, top });
      }
      put(this.level, `${round(100 * this.zoom)} %`);
      this.buttons.in.disabled = this.zoom === 12;
      this.buttons.out.disabled = this.buttons.whole.disabled = this.zoom === 1;
    }

    zoomTo(zoom, middle, passing = true) {
      this.setZoom(zoom, middle);
      const view = this.zoom === 1 ? null : [100 * this.zoom, ...this.middle.map((value) => 1000 * value)].map(round).join(".");
      this.choose({ view }, { passing });
    }

    /* Zoom so that what is at a place of the window stays there. */
    zoomAt(zoom, place) {
      const wanted = max(1, min(12, zoom));
      this.zoomTo(wanted, this.middle.map((value, axis) => value + (place[axis] - 0.5) * (1 / this.zoom - 1 / wanted)));
    }

    move(i, row, column, keyed) {
      this.look(i, row, column);
      this.choose({ cell: `${i}.${row}.${column}` }, { passing: true });
      const { rows, columns } = this.layers[i], half = 0.5 / this.zoom;
      const at = [(column + 0.5) / columns, (row + 0.5) / rows];
      if (keyed && at.some((value, axis) => Math.abs(value - this.middle[axis]) > half)) this.zoomTo(this.zoom, at);
    }

    hold(i, row, column) {
      const { grid } = this.panels[i], again = this.held && this.from === i && row === grid.row && column === grid.column;
      this.choose({ cell: `${i}.${row}.${column}`, held: again ? null : "yes" });
    }

    lengthAt(i, { row, column } = this.panels[i].grid) {
      return this.layers[i].lengths.at(row, column);
    }

    isDead(i, row, column) {
      return this.layers[i].dead.some(([y, x]) => y === row && x === column);
    }

    describe(i, row, column) {
      const length = this.lengthAt(i, { row, column });
      const note = !this.layers[i].grid ? ". No grid has been rendered: this is the photograph" : this.isDead(i, row, column) ? ". The picture found does not show what is active here" : "";
      return `${spot(row, column)}: length ${activation(length)}, ${percent(length / this.layers[i].most)} of the largest${note}`;
    }

    look(from, row, column) {
      this.from = from;
      linkGrids(this.panels, from, row, column, this.held);
      this.panels.forEach(({ root, grid, lens, text, title }, i) => {
        const share = (at, count) => (count > 1 ? (100 * at) / (count - 1) : 0);
        root.classList.toggle("looked-at", i === from);
        lens.style.backgroundPosition = `${share(grid.column, grid.columns)}% ${share(grid.row, grid.rows)}%`;
        lens.dataset.picture = this.isDead(i, grid.row, grid.column) ? "dead" : "alive";
        lens.ariaLabel = `Enlarged cell of ${title}`;
        put(text, this.describe(i, grid.row, grid.column));
      });
      this.advise();
      this.table();
      this.say(`${this.panels[from].title}, ${this.describe(from, row, column)}`);
    }

    /* Draw a layer's cells, each as large as its vector is long. */
    drawPanel(i) {
      const { stage: { root, canvas, image } } = this.panels[i], { rows, columns, lengths, most } = this.layers[i];
      root.classList.toggle("sized", this.sized);
      canvas.classList.toggle("shown", this.sized);
      if (!this.sized || !image.complete || !image.naturalWidth) return;
      const width = (canvas.width = image.naturalWidth) / columns, height = (canvas.height = image.naturalHeight) / rows;
      const context = canvas.getContext("2d");
      for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
        const side = Math.sqrt(lengths.at(row, column) / most), x = column * width, y = row * height;
        context.drawImage(image, x, y, width, height, x + (width * (1 - side)) / 2, y + (height * (1 - side)) / 2, width * side, height * side);
      }
    }
  });
}
