/* Activation grids: all layers side by side, with one position and one zoom for all of them. The
   position follows the pointer, the focus or the keys; a click, a tap or Enter holds it. To zoom:
   the buttons, + − 0, Ctrl and the wheel, or two fingers. A zoomed grid can be dragged, and it
   follows the keys. */
"use strict";

{
  const { activation, describePosition, findAll, on, percent, put, zooms } = atlas;

  const STEP = 1.5; // of a button or key
  const DRAG = 5; // pixels that a pointer moves before it drags
  const LAST_FACTORS = { in: zooms.LARGEST, out: 1, whole: 1 }; // at which a button has no effect
  const ZOOM_KEYS = { "+": "in", "=": "in", "-": "out", 0: "whole" };

  /* Where an event is in an element, as shares of its width and height. */
  const within = (root, { clientX, clientY }) => {
    const box = root.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  };

  /* ------------------------------------------------------- wheel, dragging and two fingers */
  class Gestures {
    /* zoom() returns the present zoom, change(zoom) sets another. */
    constructor(zoom, change) {
      this.zoom = zoom;
      this.change = change;
      this.fingers = new Map(); // pointer → point of the window
      this.dragging = false; // until the click that ends a drag is over
    }

    watch(root) {
      on(root, "wheel", (event) => this.wheel(root, event), { passive: false });
      on(root, "pointerdown", (event) => this.press(root, event));
      on(root, "pointermove", (event) => this.move(root, event));
      for (const type of ["pointerup", "pointercancel", "pointerleave"]) {
        on(root, type, (event) => this.release(event));
      }
    }

    wheel(root, event) {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const zoom = this.zoom();
      this.change(zooms.around(zoom, zoom.factor * 1.002 ** -event.deltaY, within(root, event)));
    }

    press(root, event) {
      if (this.fingers.size === 0) this.dragging = false;
      this.fingers.set(event.pointerId, within(root, event));
      this.start = [event.clientX, event.clientY];
      // Of a pinch: the factor for each unit of distance between the fingers.
      if (this.fingers.size === 2) this.pinch = this.zoom().factor / (this.spread().distance || 1);
    }

    move(root, event) {
      const before = this.fingers.get(event.pointerId);
      if (!before) return;
      const now = within(root, event);
      this.fingers.set(event.pointerId, now);
      if (this.fingers.size === 2) this.pinchTo();
      else if (this.zoom().factor > 1) {
        const [x, y] = this.start;
        if (!this.dragging && Math.hypot(event.clientX - x, event.clientY - y) <= DRAG) return;
        if (!this.dragging) root.setPointerCapture(event.pointerId);
        this.dragging = true;
        this.change(zooms.dragged(this.zoom(), before, now));
      }
    }

    release(event) {
      if (!this.fingers.delete(event.pointerId)) return;
      // A click follows the end of a drag and must still find it marked.
      setTimeout(() => {
        if (this.fingers.size === 0) this.dragging = false;
      });
    }

    pinchTo() {
      const { distance, middle } = this.spread();
      this.dragging = true;
      this.change(zooms.around(this.zoom(), this.pinch * distance, middle));
    }

    /* How far two fingers are apart, and the point between them. */
    spread() {
      const [[x0, y0], [x1, y1]] = this.fingers.values();
      return {
        distance: Math.hypot(x0 - x1, y0 - y1),
        middle: [(x0 + x1) / 2, (y0 + y1) / 2],
      };
    }
  }

  /* ------------------------------------------------------------------------- the figure */
  class ActivationGrids extends atlas.Figure {
    static parts = { level: ".zoom-level", zoomButtons: ".zooms", grids: ".grid-panels" };

    build() {
      this.gestures = new Gestures(() => this.zoom, (zoom) => this.zoomTo(zoom));
      this.panels = atlas.layerGrids(findAll(this, ".grid-panel"), {
        hover: (...where) => this.hover(...where),
        choose: (...where) => this.hold(...where),
        back: () => {
          if (this.held) this.choose({ held: null });
        },
        label: (i, row, column) => this.describe(i, row, column),
      });
      this.panels.forEach(({ window }) => this.gestures.watch(window));
      this.markSize = atlas.radios(
        findAll(this, ".sizes input"),
        (size) => this.choose({ size: size === "equal" ? null : size }),
      );
      this.listenToZoom();
    }

    listenToZoom() {
      this.buttons = findAll(this.zoomButtons, "button");
      on(this.zoomButtons, "click", ({ target }) => {
        if (target.value in LAST_FACTORS) this.step(target.value);
      });
      on(this.grids, "keydown", (event) => {
        if (atlas.isModified(event)) return;
        const direction = ZOOM_KEYS[event.key];
        if (!direction) return;
        event.preventDefault();
        this.step(direction);
      });
    }

    show(data, image) {
      this.layers = data.layers.map((layer, i) => {
        const [rows, columns] = layer.lengths.shape;
        const longest = atlas.largest(layer.lengths.values) || 1;
        this.showGrid(i, image, layer.grid, rows, columns);
        return { ...layer, rows, columns, longest };
      });
    }

    /* Load a layer's grid, or the photograph where there is none. */
    showGrid(i, image, path, rows, columns) {
      const { view, grid, lens } = this.panels[i];
      view.photograph(image, path);
      on(view.image, "load", () => this.drawPanel(i), { once: true });
      grid.shape(rows, columns);
      lens.style.backgroundImage = `url("${view.image.src}")`;
      lens.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    }

    apply({ cell, held, size, view }) {
      const chosen = this.cellOf(cell);
      const last = this.layers.length - 1;
      this.held = Boolean(chosen) && held === "yes";
      this.sized = size === "magnitude";
      this.markSize(this.sized ? size : "equal");
      this.setZoom(zooms.parse(view));
      this.panels.forEach((_, i) => this.drawPanel(i));
      this.lookAt(...(chosen ?? [last, ...this.layers[last].strongest]));
      put(this.legend, this.legend.dataset[this.sized ? "sized" : "equal"]);
    }

    /* The cell "layer.row.column", as the address has it; undefined if it is none. */
    cellOf(text) {
      const [i, ...rest] = (text ?? "").split(".");
      const layer = this.layers[i];
      const cell = layer && atlas.parseCell(rest.join("."), layer.rows, layer.columns);
      return cell && [Number(i), ...cell];
    }

    numbers() {
      const rows = this.panels.map(({ title, grid }, i) => {
        const length = this.lengthAt(i, grid.row, grid.column);
        return [
          atlas.name(title),
          describePosition(grid.row, grid.column),
          activation(length),
          percent(length / this.layers[i].longest),
        ];
      });
      return [["Layer", "Position", "Length", "Share of the largest"], rows];
    }

    /* ---------------------------------------------------------------------------- zoom */
    step(direction) {
      const { factor, middle } = this.zoom;
      const factors = { in: factor * STEP, out: factor / STEP, whole: 1 };
      this.zoomTo(zooms.fit({ factor: factors[direction], middle }), false);
    }

    zoomTo(zoom, passing = true) {
      this.setZoom(zoom);
      this.choose({ view: zooms.write(zoom) }, { passing });
    }

    setZoom(zoom) {
      const { factor, middle } = zoom;
      const [left, top] = middle.map((value) => `${100 * (0.5 - value * factor)}%`);
      this.zoom = zoom;
      this.classList.toggle("zoomed", factor > 1);
      for (const { view } of this.panels) {
        Object.assign(view.root.style, { width: `${100 * factor}%`, left, top });
      }
      put(this.level, `${Math.round(100 * factor)} %`);
      for (const button of this.buttons) button.disabled = factor === LAST_FACTORS[button.value];
    }

    /* ------------------------------------------------------------------------ position */
    hover(i, row, column, byKey) {
      if (this.gestures.dragging || (this.held && !byKey)) return;
      this.lookAt(i, row, column);
      this.choose({ cell: `${i}.${row}.${column}` }, { passing: true });
      if (byKey) this.bringIntoView(i, row, column);
    }

    bringIntoView(i, row, column) {
      const { rows, columns } = this.layers[i];
      const middle = [(column + 0.5) / columns, (row + 0.5) / rows];
      if (!zooms.shows(this.zoom, middle)) {
        this.zoomTo(zooms.fit({ factor: this.zoom.factor, middle }));
      }
    }

    hold(i, row, column) {
      if (this.gestures.dragging) return;
      const { grid } = this.panels[i];
      const again = this.held && this.from === i && row === grid.row && column === grid.column;
      this.choose({ cell: `${i}.${row}.${column}`, held: again ? null : "yes" });
    }

    /* Mark a cell of layer `from`, and those at the same position of the photograph elsewhere. */
    lookAt(from, row, column) {
      this.from = from;
      atlas.linkGrids(this.panels, from, row, column, this.held);
      this.panels.forEach((_, i) => this.drawLens(i));
      this.showHint();
      this.table();
      this.announce(`${this.panels[from].title}, ${this.describe(from, row, column)}`);
    }

    drawLens(i) {
      const { root, grid, lens, text } = this.panels[i];
      const { row, rows, column, columns } = grid;
      root.classList.toggle("looked-at", i === this.from);
      lens.style.backgroundPosition = atlas.cropPosition(column, columns, row, rows);
      lens.dataset.picture = this.isDead(i, row, column) ? "dead" : "alive";
      put(text, this.describe(i, row, column));
    }

    lengthAt(i, row, column) {
      return this.layers[i].lengths.at(row, column);
    }

    isDead(i, row, column) {
      return this.layers[i].dead.some(([y, x]) => y === row && x === column);
    }

    describe(i, row, column) {
      const length = this.lengthAt(i, row, column);
      const share = percent(length / this.layers[i].longest);
      const measured = `length ${activation(length)}, ${share} of the largest`;
      return `${describePosition(row, column)}: ${measured}${this.flawOf(i, row, column)}`;
    }

    flawOf(i, row, column) {
      const { absent, dead } = this.grids.dataset;
      if (!this.layers[i].grid) return absent;
      return this.isDead(i, row, column) ? dead : "";
    }

    /* --------------------------------------------------------------- sized by magnitude */
    drawPanel(i) {
      const { root, canvas, image } = this.panels[i].view;
      root.classList.toggle("sized", this.sized);
      canvas.classList.toggle("shown", this.sized);
      if (!this.sized || !image.complete || !image.naturalWidth) return;
      const { rows, columns } = this.layers[i];
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      const pen = canvas.getContext("2d");
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) this.drawCell(pen, i, row, column);
      }
    }

    /* Copy one cell, shrunk about its middle to the share of its area that its length has. */
    drawCell(pen, i, row, column) {
      const { image } = this.panels[i].view;
      const { rows, columns, longest } = this.layers[i];
      const side = Math.sqrt(this.lengthAt(i, row, column) / longest);
      const width = image.naturalWidth / columns;
      const height = image.naturalHeight / rows;
      const [x, y] = [column * width, row * height];
      const left = x + (width * (1 - side)) / 2;
      const top = y + (height * (1 - side)) / 2;
      pen.drawImage(image, x, y, width, height, left, top, width * side, height * side);
    }
  }

  atlas.define("activation_grids", ActivationGrids);
}
