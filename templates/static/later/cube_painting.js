/* The activation cube on a canvas: one drawing for each kind of atom. What stays while atoms are
   chosen is painted once; the chosen atom is painted over it, so that it follows the pointer. A
   `layer` is one of the figure's data; a `theme` holds colours of the style
   sheet, `{ ink, edge, raised, mark }`. */
"use strict";

{
  const { SIZE, WHOLE, box, facingLeft, facingRight, level, onPhotograph, part, point, slab } =
    atlas.cubeGeometry;

  const SHARPNESS = devicePixelRatio > 1 ? 2 : 1; // canvas pixels per pixel; more is only slower
  const DRAWN_NEURONS = 5; // a side; a layer has far more
  const FAINTEST = 0.25; // opacity of a group that is absent

  /* Near black to near white for 0…1. */
  const grey = (share, opacity = 1) => {
    const brightness = Math.round(30 + 215 * Math.max(0, share));
    return `rgba(${brightness},${brightness},${brightness},${opacity})`;
  };

  /* The same; violet below zero. */
  const signedGrey = (share, opacity) => {
    if (share >= 0) return grey(share, opacity);
    return `rgba(${atlas.colours.activation(share).slice(0, 3)},${opacity})`;
  };

  /* ------------------------------------------------------------------- shapes on a canvas */
  class Pen {
    constructor(canvas) {
      this.context = canvas.getContext("2d");
      this.context.setTransform(SHARPNESS, 0, 0, SHARPNESS, 0, 0);
      this.context.clearRect(0, 0, ...SIZE);
    }

    photograph(image) {
      const { naturalWidth, naturalHeight } = image;
      if (!naturalWidth) return;
      this.context.save();
      this.context.transform(...atlas.cubeGeometry.pictureTransform(naturalWidth, naturalHeight));
      this.context.globalAlpha = 0.75;
      this.context.drawImage(image, 0, 0);
      this.context.restore();
    }

    polygon(points, { fill, stroke, width = 1 }) {
      this.context.beginPath();
      points.forEach(([x, y]) => this.context.lineTo(x, y));
      this.context.closePath();
      if (fill) {
        this.context.fillStyle = fill;
        this.context.fill();
      }
      if (stroke) {
        Object.assign(this.context, { strokeStyle: stroke, lineWidth: width, lineJoin: "round" });
        this.context.stroke();
      }
    }

    /* The visible faces of a box, each with its own fill, if any. */
    box(faces, fills, line) {
      for (const [name, points] of Object.entries(faces)) {
        this.polygon(points, { fill: fills[name], ...line });
      }
    }

    /* The edges of the cube; some faces may be filled. */
    wholeCube({ edge }, fills = {}) {
      this.box(box(WHOLE, WHOLE, WHOLE), fills, { stroke: edge, width: 0.75 });
    }

    /* A level map of `rows` × `columns` cells. */
    map(rows, columns, h, colour) {
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          this.polygon(level(part(x, columns), part(y, rows), h), { fill: colour(y, x) });
        }
      }
    }
  }

  /* The colour of the group that is strongest at a position, paler unless it is the chosen one. */
  const strongestGroup = ({ count, presence }, y, x, chosen) => {
    const here = atlas.range(count).map((g) => presence.at(g, y, x));
    const strength = Math.max(...here);
    const group = here.indexOf(strength);
    const share = strength / (255 * presence.scale || 1);
    const emphasis = group === chosen ? 1 : 0.45;
    const opacity = emphasis * (FAINTEST + (1 - FAINTEST) * Math.sqrt(share));
    return `rgba(${atlas.colours.group(group)},${opacity})`;
  };

  /* ---------------------------------------------- what stays: paint(pen, layer, theme, group) */
  const PAINTERS = {
    neuron(pen, _layer, { raised, edge }) {
      const margin = 0.12; // between them, on each side
      const spans = atlas.range(DRAWN_NEURONS).map((i) => [
        (i + margin) / DRAWN_NEURONS,
        (i + 1 - margin) / DRAWN_NEURONS,
      ]);
      const fills = { top: raised, left: raised, right: raised };
      for (const h of spans) {
        for (const v of spans) {
          for (const u of spans) pen.box(box(u, v, h), fills, { stroke: edge, width: 0.5 });
        }
      }
    },

    spatial(pen, { length }, theme) {
      const [rows, columns] = length.shape;
      const longest = atlas.largest(length.values) || 1;
      const line = { stroke: theme.edge, width: 0.5 };
      pen.wholeCube(theme, { left: theme.raised, right: theme.raised });
      pen.map(rows, columns, 1, (y, x) => grey(length.at(y, x) / longest));
      for (let x = 1; x < columns; x++) {
        pen.polygon([point(x / columns, 1, 0), point(x / columns, 1, 1)], line);
      }
      for (let y = 1; y < rows; y++) {
        pen.polygon([point(1, y / rows, 0), point(1, y / rows, 1)], line);
      }
    },

    channel(pen, { layer, channels, maps }, theme) {
      const [, rows, columns] = maps.shape;
      const [count] = atlas.layer(layer).shape;
      const strongest = maps.most || 1;
      const fromBelow = atlas.range(channels.length).sort((i, j) => channels[i] - channels[j]);
      pen.wholeCube(theme);
      for (const i of fromBelow) {
        const colour = (y, x) => signedGrey(maps.at(i, y, x) / strongest, 0.8);
        pen.map(rows, columns, channels[i] / count, colour);
      }
    },

    group(pen, { groups }, theme, chosen) {
      if (!groups) return pen.wholeCube(theme);
      const [, rows, columns] = groups.presence.shape;
      const colour = (y, x) => strongestGroup(groups, y, x, chosen);
      pen.wholeCube(theme, { top: theme.raised });
      pen.map(rows, columns, 1, colour);
      for (let x = 0; x < columns; x++) {
        pen.polygon(facingLeft(part(x, columns), 1, WHOLE), { fill: colour(rows - 1, x) });
      }
      for (let y = 0; y < rows; y++) {
        pen.polygon(facingRight(1, part(y, rows), WHOLE), { fill: colour(y, columns - 1) });
      }
    },
  };

  /* --------------------------------------------------------------------------- the drawing */
  atlas.CubeDrawing = class {
    constructor(canvas, atom) {
      this.atom = atom;
      this.canvas = canvas;
      this.base = atlas.element("canvas");
      const [width, height] = SIZE.map((side) => side * SHARPNESS);
      for (const each of [this.canvas, this.base]) Object.assign(each, { width, height });
    }

    /* Paint what stays while atoms are chosen. */
    paintBase(photograph, layer, theme, group) {
      const pen = new Pen(this.base);
      pen.photograph(photograph);
      pen.polygon(onPhotograph(WHOLE, WHOLE), { stroke: theme.ink, width: 0.5 });
      PAINTERS[this.atom](pen, layer, theme, group);
    }

    /* Paint the atom of a position and a channel over what stays; groups have no shape. */
    paintAtom({ layer, length }, { mark }, [row, column], channel) {
      const [rows, columns] = length.shape;
      const [u, v] = [part(column, columns), part(row, rows)];
      const h = slab(channel, atlas.layer(layer).shape[0]);
      const pen = new Pen(this.canvas);
      pen.context.drawImage(this.base, 0, 0, ...SIZE);
      if (this.atom === "channel") {
        pen.box(box(WHOLE, WHOLE, h), {}, { stroke: mark, width: 2.5 });
      } else if (this.atom !== "group") {
        const tints = { top: `${mark}cc`, left: mark, right: `${mark}e6` };
        const height = this.atom === "neuron" ? h : WHOLE;
        pen.box(box(u, v, height), tints, { stroke: "#fff", width: 0.75 });
        pen.polygon(onPhotograph(u, v), { stroke: mark, width: 2 });
      }
    }
  };
}
