/* The group flow without the page: which ribbons it has, how wide they are, and where all is drawn.

   A flow has one or two columns of parts, those of the layers, and a last one of classes. The parts
   of a layer are its groups and, last, their residual. Part i of column c is the node "c.i". */
"use strict";

{
  const { abs, max, round } = Math;

  const TALLEST = 300; // the ribbons of one column take up as many pixels at most
  const WIDENINGS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  const THINNEST = 0.75; // pixels; a thinner ribbon could not be seen
  const GAP = 10; // pixels from one node to the next
  const MARGIN = 2; // pixels from a node to its ribbons
  const CAPTION_HEIGHT = 20; // pixels, of what is written under a group's icon
  const RESIDUAL_HEIGHT = 44; // pixels; a residual has no icon

  const nodeName = (column, i) => `${column}.${i}`;

  /* What flows. `attribution` [upper parts, classes]: what the parts of the last layer add to the
     logits. `shares` [lower parts, upper parts]: the share of each upper part that comes from each
     lower one; none where there is only one layer. */
  atlas.Flow = class {
    constructor(attribution, shares) {
      const [parts, classes] = attribution.shape;
      /* What part g of the upper layer adds to the logit of class k. */
      this.adds = (g, k) => attribution.at(g, k);
      this.shares = shares;
      this.lowerParts = atlas.range(shares ? shares.shape[0] : 0);
      this.upperParts = atlas.range(parts);
      this.classes = atlas.range(classes);
      this.upperColumn = shares ? 1 : 0;
    }

    /* What part i of the lower layer adds to that logit through part g. */
    addsThrough(i, g, k) {
      return this.shares.at(i, g) * this.adds(g, k);
    }

    /* The ribbons {from, to, value, scale}: all that make up class k. Where a group is followed,
       `{upper: g}` or `{lower: i}`, only those through it, but to every class. */
    ribbons(k, followed) {
      const { lower, upper } = followed ?? {};
      const lowerParts = lower === undefined ? this.lowerParts : [lower];
      const upperParts = upper === undefined ? this.upperParts : [upper];
      const classes = followed ? this.classes : [k];
      return [
        ...lowerParts.flatMap((i) => upperParts.map((g) => this.ribbonBetween(i, g, k))),
        ...upperParts.flatMap((g) => classes.map((each) => this.ribbonToClass(g, each, lower))),
      ];
    }

    ribbonBetween(i, g, k) {
      const value = this.addsThrough(i, g, k);
      return { from: nodeName(0, i), to: nodeName(1, g), value, scale: "between" };
    }

    /* From part g to class k; of part i of the lower layer only, where that is followed. */
    ribbonToClass(g, k, i) {
      const whole = i === undefined;
      return {
        from: nodeName(this.upperColumn, g),
        to: nodeName(this.upperColumn + 1, k),
        value: whole ? this.adds(g, k) : this.addsThrough(i, g, k),
        scale: whole ? "toClasses" : "between",
      };
    }

    /* Pixels per logit of the ribbons between the layers and of those to the classes, the same for
       all classes. The former are wider by a round factor where they would be much thinner. */
    scales() {
      const toClasses = this.tallest((g, k) => abs(this.adds(g, k)));
      if (!this.shares) return { between: 1, toClasses: TALLEST / toClasses, widening: 1 };
      const between = this.tallest((g, k) =>
        atlas.sum(this.lowerParts.map((i) => abs(this.addsThrough(i, g, k))))
      );
      const widening = WIDENINGS.findLast((factor) => factor * between <= toClasses) ?? 1;
      const unit = TALLEST / max(toClasses, between * widening);
      return { between: unit * widening, toClasses: unit, widening };
    }

    /* The most that size(g, k), summed over the upper parts, comes to for any class. */
    tallest(size) {
      const totals = this.classes.map((k) => atlas.sum(this.upperParts.map((g) => size(g, k))));
      return max(...totals, 1e-9);
    }
  };

  /* Lay out ribbons and the nodes that they join, in pixels.

     `counts`: how many nodes each column has; the last column is the classes. `ribbons`, `scales`:
     those of a Flow. `width`: of the whole drawing.

     Returns its `height`; the `side` of a group's icon; the `columnWidths`, each with the space
     that follows; `boxes`, a Map from a node to {x, y, width, height}; and the `bands`, which are
     the ribbons with the `path` of each. */
  atlas.layOutFlow = ({ counts, ribbons, scales, width }) => {
    const sizes = sizesFor(width);
    const bands = ribbons.map((ribbon) => {
      return { ...ribbon, height: abs(ribbon.value) * scales[ribbon.scale] };
    });
    const last = counts.length - 1;
    const starts = counts.map((_, column) => startOf(column, last, sizes, width));
    const columns = counts.map((count, column) => {
      const make = column === last ? classBox : partBox;
      return atlas.range(count).map((i) => {
        const box = make(sizes, i === count - 1);
        return connected(nodeName(column, i), { ...box, x: starts[column] }, bands);
      });
    });
    const height = max(...columns.map(heightOf));
    columns.forEach((column) => spread(column, height));
    const boxes = new Map(columns.flat().map((box) => [box.node, box]));
    for (const box of boxes.values()) {
      stack(box, box.arriving, "arrivesAt");
      stack(box, box.leaving, "leavesAt");
    }
    for (const band of bands) band.path = pathOf(band, boxes.get(band.from), boxes.get(band.to));
    const columnWidths = starts.map((x, column) => (starts[column + 1] ?? width) - x);
    return { height, side: sizes.side, columnWidths, boxes, bands };
  };

  /* Icons and classes are larger in a wide drawing; the text of a narrow class needs more lines. */
  const sizesFor = (width) => {
    const classWidth = round(atlas.clamp(width * 0.26, 84, 230));
    return {
      side: round(atlas.clamp(width / 12, 44, 72)),
      classWidth,
      classHeight: classWidth < 130 ? 84 : 66,
    };
  };

  /* The first column is at the left edge, the classes at the right one, upper parts between. */
  const startOf = (column, last, { side, classWidth }, width) => {
    if (column === last) return width - classWidth;
    return column === 0 ? 0 : (width - classWidth) / 2 - side / 2;
  };

  const classBox = ({ classWidth, classHeight }) => ({ width: classWidth, height: classHeight });

  const partBox = ({ side }, isResidual) => {
    return { width: side, height: isResidual ? RESIDUAL_HEIGHT : side + CAPTION_HEIGHT };
  };

  /* A node with its bands; it grows where they are taller than it is. */
  const connected = (node, box, bands) => {
    const arriving = bands.filter(({ to }) => to === node);
    const leaving = bands.filter(({ from }) => from === node);
    const height = max(box.height, thickness(arriving), thickness(leaving));
    return { ...box, node, height, arriving, leaving };
  };

  const thickness = (bands) => atlas.sum(bands.map(({ height }) => height));
  const heightOf = (column) => atlas.sum(column.map(({ height }) => height + GAP)) - GAP;

  /* Put the nodes of a column below each other, so that they fill the height of the drawing. */
  const spread = (column, height) => {
    const extra = column.length > 1 ? (height - heightOf(column)) / (column.length - 1) : 0;
    let y = 0;
    for (const box of column) {
      box.y = y;
      y += box.height + GAP + extra;
    }
  };

  /* Put the bands at one side of a node below each other, at the middle of its height. */
  const stack = (box, bands, end) => {
    let y = box.y + (box.height - thickness(bands)) / 2;
    for (const band of bands) {
      band[end] = y;
      y += band.height;
    }
  };

  /* The outline of a band. Its one vertical line is as long as the band is wide. */
  const pathOf = ({ height, leavesAt, arrivesAt }, from, to) => {
    const wide = max(THINNEST, height);
    const start = from.x + from.width + MARGIN;
    const end = to.x - MARGIN;
    const middle = (start + end) / 2;
    const curve = (y, z) => `C${middle} ${y} ${middle} ${z}`;
    const above = `M${start} ${leavesAt}${curve(leavesAt, arrivesAt)} ${end} ${arrivesAt}`;
    const [y, z] = [arrivesAt + wide, leavesAt + wide];
    return `${above}v${wide}${curve(y, z)} ${start} ${z}z`;
  };
}
