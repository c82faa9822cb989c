/* Drawings (see drawing.js) as SVG, and painted on a canvas. */
"use strict";

{
  const PERIOD = 5; // pixels from one line of the hatching to the next
  const MARGIN = 24; // pixels around a figure

  const rounded = (value) => Number(value.toFixed(2));
  const escape = (text) =>
    text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
      // deno-lint-ignore no-control-regex
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");

  const tag = (name, attributes, content = "") => {
    const written = Object.entries(attributes)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([key, value]) => {
        return ` ${key}="${escape(String(typeof value === "number" ? rounded(value) : value))}"`;
      });
    return `<${name}${written.join("")}>${content}</${name}>`;
  };

  /* The part of a source that is seen, as a canvas. */
  function cropped({ source, crop, isPixelated }) {
    const width = source.naturalWidth ?? source.width;
    const height = source.naturalHeight ?? source.height;
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(crop.width * width));
    canvas.height = Math.max(1, Math.round(crop.height * height));
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = !isPixelated;
    const { x, y } = crop;
    context.drawImage(source, -x * width, -y * height, width, height);
    return canvas;
  }

  /* ----------------------------------------------------------------------------- SVG */
  class Writer {
    constructor() {
      this.defs = [];
      this.body = [];
      this.count = 0;
    }

    define(name, attributes, content) {
      const id = `d${this.count++}`;
      this.defs.push(tag(name, { id, ...attributes }, content));
      return `url(#${id})`;
    }

    stripes([line, ground]) {
      const size = { width: PERIOD, height: PERIOD, patternUnits: "userSpaceOnUse" };
      const fill = tag("rect", { width: PERIOD, height: PERIOD, fill: ground }) +
        tag("rect", { width: 2, height: PERIOD, fill: line });
      return this.define("pattern", { ...size, patternTransform: "rotate(45)" }, fill);
    }

    rectangle({ x, y, width, height, radius = 0 }, attributes) {
      return tag("rect", { x, y, width, height, rx: radius || null, ...attributes });
    }

    push({ clip, opacity, grey }) {
      const group = tag("g", {
        "clip-path": clip && this.define("clipPath", {}, this.rectangle(clip, {})),
        opacity: opacity < 1 ? opacity : null,
        style: grey ? "filter:grayscale(1)" : null,
      });
      this.body.push(group.replace("</g>", ""));
    }

    pop() {
      this.body.push("</g>");
    }

    box({ fill = "none", stroke, strokeWidth, dashed, ...box }) {
      const dash = dashed ? `${2 * strokeWidth}` : null;
      const line = { stroke, "stroke-width": strokeWidth, "stroke-dasharray": dash };
      this.body.push(this.rectangle(box, { fill, ...line }));
    }

    gradient({ colours, ...box }) {
      const stops = colours.map((colour, i) => {
        return tag("stop", { offset: i / (colours.length - 1 || 1), "stop-color": colour });
      });
      this.body.push(
        this.rectangle(box, { fill: this.define("linearGradient", {}, stops.join("")) }),
      );
    }

    hatching(shape) {
      this.body.push(this.rectangle(shape, { fill: this.stripes(shape.colours) }));
    }

    picture({ x, y, width, height, radius, isPixelated, ...shape }) {
      const canvas = cropped({ isPixelated, ...shape });
      const isMap = shape.source.localName === "canvas";
      const href = canvas.toDataURL(isMap ? "image/png" : "image/jpeg", 0.92);
      const box = { x, y, width, height };
      const clip = radius
        ? this.define("clipPath", {}, this.rectangle({ ...box, radius }, {}))
        : null;
      const style = isPixelated ? "image-rendering:pixelated" : null;
      const fit = { preserveAspectRatio: "none", "clip-path": clip, style };
      this.body.push(tag("image", { ...box, href, ...fit }));
    }

    path({ path, matrix, opacity, hatched, fill, stroke, strokeWidth, colours }) {
      this.body.push(tag("path", {
        d: path,
        transform: `matrix(${matrix.map(rounded).join(" ")})`,
        fill: hatched ? this.stripes(colours) : fill,
        opacity: opacity < 1 ? opacity : null,
        stroke,
        "stroke-width": strokeWidth,
      }));
    }

    text({ text, x, y, width, fill, font }) {
      const { size, family, weight, style } = font;
      const fitted = { textLength: width, lengthAdjust: "spacingAndGlyphs" };
      const face = {
        "font-size": size,
        "font-family": family,
        "font-weight": weight === "400" ? null : weight,
        "font-style": style === "normal" ? null : style,
      };
      this.body.push(tag("text", { x, y, fill, ...face, ...fitted }, escape(text)));
    }
  }

  /* -------------------------------------------------------------------------- canvas */
  class Painter {
    constructor(context) {
      this.context = context;
    }

    outline({ x, y, width, height, radius = 0 }) {
      this.context.beginPath();
      this.context.roundRect(x, y, width, height, radius);
    }

    stripes([line, ground]) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 4 * PERIOD;
      const pen = tile.getContext("2d");
      pen.fillStyle = ground;
      pen.fillRect(0, 0, tile.width, tile.height);
      pen.strokeStyle = line;
      pen.lineWidth = 2;
      for (let x = -tile.width; x <= tile.width; x += PERIOD) {
        pen.moveTo(x, 0);
        pen.lineTo(x + tile.width, tile.width);
      }
      pen.stroke();
      return this.context.createPattern(tile, "repeat");
    }

    push({ clip, opacity, grey }) {
      this.context.save();
      this.context.globalAlpha *= opacity;
      if (grey) this.context.filter = "grayscale(1)";
      if (!clip) return;
      this.outline(clip);
      this.context.clip();
    }

    pop() {
      this.context.restore();
    }

    box({ fill, stroke, strokeWidth, dashed, ...box }) {
      this.outline(box);
      if (fill) this.context.fillStyle = fill;
      if (fill) this.context.fill();
      if (!stroke) return;
      this.context.setLineDash(dashed ? [2 * strokeWidth] : []);
      this.context.strokeStyle = stroke;
      this.context.lineWidth = strokeWidth;
      this.context.stroke();
    }

    gradient({ colours, ...box }) {
      const fill = this.context.createLinearGradient(box.x, 0, box.x + box.width, 0);
      colours.forEach((colour, i) => fill.addColorStop(i / (colours.length - 1 || 1), colour));
      this.box({ ...box, fill });
    }

    hatching({ colours, ...box }) {
      this.box({ ...box, fill: this.stripes(colours) });
    }

    picture({ x, y, width, height, radius, ...shape }) {
      this.context.save();
      this.outline({ x, y, width, height, radius });
      this.context.clip();
      this.context.imageSmoothingEnabled = !shape.isPixelated;
      this.context.imageSmoothingQuality = "high";
      this.context.drawImage(cropped(shape), x, y, width, height);
      this.context.restore();
    }

    path({ path, matrix, opacity, hatched, fill, stroke, strokeWidth, colours }) {
      const { context } = this;
      const drawn = new Path2D(path);
      context.save();
      context.transform(...matrix);
      context.globalAlpha *= opacity;
      if (hatched || fill !== "none") {
        context.fillStyle = hatched ? this.stripes(colours) : fill;
        context.fill(drawn);
      }
      if (stroke !== "none") {
        context.strokeStyle = stroke;
        context.lineWidth = strokeWidth;
        context.stroke(drawn);
      }
      context.restore();
    }

    text({ text, x, y, width, fill, font }) {
      this.context.font = `${font.style} ${font.weight} ${font.size}px ${font.family}`;
      this.context.fillStyle = fill;
      this.context.fillText(text, x, y, width + 1);
    }
  }

  function draw({ shapes }, target) {
    for (const shape of shapes) target[shape.kind](shape);
  }

  const sizeOf = ({ width, height }) => [width, height].map((side) => Math.ceil(side) + 2 * MARGIN);

  /* A drawing as the text of an SVG file. */
  atlas.svgOf = (drawing) => {
    const writer = new Writer();
    draw(drawing, writer);
    const [width, height] = sizeOf(drawing);
    const ground = tag("rect", { width, height, fill: drawing.background });
    const body = tag("g", { transform: `translate(${MARGIN} ${MARGIN})` }, writer.body.join("\n"));
    const defs = tag("defs", {}, writer.defs.join(""));
    const name = { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}` };
    return tag("svg", { ...name, width, height }, `${ground}${defs}${body}`);
  };

  /* A drawing on a canvas, of `scale` pixels per pixel of the page. */
  atlas.canvasOf = (drawing, scale) => {
    const [width, height] = sizeOf(drawing);
    const canvas = document.createElement("canvas");
    canvas.width = scale * width;
    canvas.height = scale * height;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.fillStyle = drawing.background;
    context.fillRect(0, 0, width, height);
    context.translate(MARGIN, MARGIN);
    draw(drawing, new Painter(context));
    return canvas;
  };
}
