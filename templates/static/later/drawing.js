/* A figure as it is on the screen, as a list of shapes that can be written as SVG or painted on a
   canvas: boxes, pictures, paths and lines of text, in pixels from the figure's corner. Shapes are
   {kind, …}; those in front come last. `push` and `pop` bracket what is clipped or faded. */
"use strict";

{
  const { max, min } = Math;
  const SKIPPED =
    ".take-away, .take-menu, .figure-table, .visually-hidden, noscript, script, option";
  const NOTHING = /^(none|normal|rgba\(0, 0, 0, 0\)|transparent)?$/;

  const CHECK = { color: "#fff", fontSize: "14px", fontFamily: "sans-serif", fontWeight: "700" };

  const isClear = (colour) => NOTHING.test(colour);
  const number = (text) => parseFloat(text) || 0;

  /* ---------------------------------------------------------------------------- boxes */
  class Reader {
    constructor(figure) {
      this.shapes = [];
      this.images = new Map(); // address → promise of an image
      const { left, top } = figure.getBoundingClientRect();
      this.origin = { left, top };
      this.pen = document.createElement("canvas").getContext("2d");
    }

    add(shape) {
      this.shapes.push(shape);
    }

    boxOf({ left, top, width, height }) {
      return { x: left - this.origin.left, y: top - this.origin.top, width, height };
    }

    /* Draw an element and all that is in it. */
    read(element) {
      if (element.matches(SKIPPED) || element.hidden) return;
      const style = getComputedStyle(element);
      if (style.display === "none" || style.opacity === "0") return;
      const box = this.boxOf(element.getBoundingClientRect());
      const isClipped = style.overflowX !== "visible" || element.localName === "canvas";
      const bracket = { kind: "push", opacity: number(style.opacity) };
      const grey = style.filter.startsWith("grayscale") ? 1 : 0;
      const needsBracket = isClipped || bracket.opacity < 1 || grey;
      if (style.visibility === "visible") this.readBox(box, style);
      const radius = number(style.borderTopLeftRadius);
      if (needsBracket) this.add({ ...bracket, grey, clip: isClipped ? { ...box, radius } : null });
      if (style.visibility === "visible") this.readContent(element, box, style);
      this.readChildren(element, style);
      if (needsBracket) this.add({ kind: "pop" });
    }

    readChildren(element, style) {
      if (element instanceof SVGElement || element.localName === "select") return;
      for (const child of element.childNodes) {
        if (child.nodeType === Node.ELEMENT_NODE) this.read(child);
        else if (child.nodeType === Node.TEXT_NODE && style.visibility === "visible") {
          this.readText(child, style);
        }
      }
    }

    readBox(box, style) {
      if (!box.width || !box.height) return;
      const radius = min(number(style.borderTopLeftRadius), box.width / 2, box.height / 2);
      this.readShadows(box, radius, style.boxShadow);
      if (!isClear(style.backgroundColor)) {
        this.add({ kind: "box", ...box, radius, fill: style.backgroundColor });
      }
      if (!isClear(style.backgroundImage)) this.readBackground(box, radius, style);
      this.readBorder(box, radius, style);
      if (style.outlineStyle === "dashed") {
        const by = number(style.outlineOffset) + number(style.outlineWidth) / 2;
        this.outline(box, radius, by, style.outlineColor, number(style.outlineWidth), true);
      }
    }

    /* Rings of no blur: outside the box, or inside it. */
    readShadows(box, radius, text) {
      if (isClear(text)) return;
      for (const shadow of text.split(/,(?![^(]*\))/).reverse()) {
        const colour = shadow.match(/rgba?\([^)]*\)/)?.[0];
        const [x, y, blur, spread] = (shadow.match(/-?[\d.]+px/g) ?? []).map(number);
        if (!colour || blur) continue;
        if (spread) {
          const by = shadow.includes("inset") ? -spread / 2 : spread / 2;
          this.outline(box, radius, by, colour, spread, false);
        } else if (x) this.add({ kind: "box", ...box, width: x, radius: 0, fill: colour });
        else if (y) this.add({ kind: "box", ...box, height: y, radius: 0, fill: colour });
      }
    }

    outline({ x, y, width, height }, radius, by, stroke, strokeWidth, dashed) {
      const grown = { x: x - by, y: y - by, width: width + 2 * by, height: height + 2 * by };
      const corner = max(0, radius + by);
      this.add({ kind: "box", ...grown, radius: corner, stroke, strokeWidth, dashed });
    }

    readBorder(box, radius, style) {
      const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
        width: style[`border${side}Style`] === "none" ? 0 : number(style[`border${side}Width`]),
        colour: style[`border${side}Color`],
        dashed: style[`border${side}Style`] === "dashed",
      }));
      const [top, right, bottom, left] = sides;
      const same = sides.every(({ width, colour }) => width === top.width && colour === top.colour);
      if (same) {
        const { width, colour, dashed } = top;
        if (width) this.outline(box, radius, -width / 2, colour, width, dashed);
        return;
      }
      const { x, y, width, height } = box;
      const line = ({ width: thick, colour }, ...[left, top, wide, high]) => {
        if (!thick || isClear(colour)) return;
        this.add({
          kind: "box",
          x: left,
          y: top,
          width: wide,
          height: high,
          radius: 0,
          fill: colour,
        });
      };
      line(top, x, y, width, top.width);
      line(bottom, x, y + height - bottom.width, width, bottom.width);
      line(left, x, y, left.width, height);
      line(right, x + width - right.width, y, right.width, height);
    }

    /* -------------------------------------------------------------------- backgrounds */
    readBackground(box, radius, style) {
      const image = style.backgroundImage;
      const url = image.match(/^url\("(.*)"\)/)?.[1];
      if (url) this.readSprite(box, radius, url, style);
      else {
        const colours = image.match(/rgba?\([^)]*\)/g) ?? [];
        if (image.startsWith("repeating")) {
          this.add({ kind: "hatching", ...box, radius, colours: [colours[0], colours.at(-1)] });
        } else this.readGradient(box, radius, colours, style);
      }
    }

    readGradient({ x, y, width, height }, radius, colours, style) {
      const [first] = style.backgroundSize.split(",")[0].split(" ");
      const wide = first.endsWith("px") ? number(first) : width;
      const left = x + (width - wide) / 2;
      this.add({ kind: "gradient", x: left, y, width: wide, height, radius, colours });
    }

    /* A background's part that is seen: of a sprite sheet, a grid or a photograph. */
    readSprite(box, radius, url, style) {
      const [across, down = across] = style.backgroundSize.split(" ").map((part) =>
        number(part) / 100
      );
      const [left, top] = style.backgroundPosition.split(" ").map((part) => number(part) / 100);
      const crop = {
        x: (left * (across - 1)) / across,
        y: (top * (down - 1)) / down,
        width: 1 / across,
        height: 1 / down,
      };
      this.add({ kind: "picture", ...box, radius, crop, source: this.image(url) });
    }

    image(url) {
      if (!this.images.has(url)) {
        const image = new Image();
        image.src = url;
        this.images.set(url, image.decode().then(() => image));
      }
      return this.images.get(url);
    }

    /* ------------------------------------------------------------------------ content */
    readContent(element, box, style) {
      if (element instanceof SVGSVGElement) this.readDrawing(element);
      else if (element.localName === "img") {
        if (element.naturalWidth) this.readPicture(box, element, false);
      } else if (element.localName === "canvas") {
        if (element.width) this.readPicture(box, element, style.imageRendering === "pixelated");
      } else if (element.localName === "select") {
        this.write(element.selectedOptions[0]?.text ?? "", box, style, number(style.paddingLeft));
      } else if (element.type === "range") this.readSlider(element, box, style);
      else if (element.type === "checkbox") this.readCheck(element, box, style);
      const after = getComputedStyle(element, "::after");
      if (/^".+"$/.test(after.content) && after.display !== "none") {
        this.write(after.content.slice(1, -1), box, after, 4);
      }
    }

    readPicture(box, source, isPixelated) {
      const crop = { x: 0, y: 0, width: 1, height: 1 };
      this.add({ kind: "picture", ...box, radius: 0, crop, source, isPixelated });
    }

    readSlider({ min: least, max: most, value }, { x, y, width, height }, style) {
      const share = (value - least) / (most - least || 1);
      const middle = y + height / 2;
      const fill = style.accentColor;
      this.add({ kind: "box", x, y: middle - 2, width, height: 4, radius: 2, fill: "#b9bfc6" });
      const left = x + share * (width - 14);
      this.add({ kind: "box", x: left, y: middle - 7, width: 14, height: 14, radius: 7, fill });
    }

    readCheck({ checked }, { x, y, width, height }, { accentColor: fill }) {
      const stroke = checked ? fill : "#767676";
      const box = { x: x + 1, y: y + 1, width: width - 2, height: height - 2, radius: 2 };
      this.add({ kind: "box", ...box, fill: checked ? fill : "#fff", stroke, strokeWidth: 1 });
      if (checked) this.write("✓", { x: x - 20, y, width: width + 40, height }, CHECK, 22);
    }

    /* Lines of text in a box, in its middle. */
    write(text, box, style, padding) {
      this.pen.font = fontOf(style);
      const size = number(style.fontSize);
      const room = box.width - 2 * padding;
      const lines = text.split(" ").reduce((found, word) => {
        const longer = found.length ? `${found.at(-1)} ${word}` : word;
        if (found.length && this.pen.measureText(longer).width <= room) found.splice(-1, 1, longer);
        else found.push(word);
        return found;
      }, []);
      lines.forEach((line, i) => {
        const y = box.y + box.height / 2 + size * (0.35 + 1.25 * (i - (lines.length - 1) / 2));
        this.line(line, box.x + padding, y, this.pen.measureText(line).width, style);
      });
    }

    line(text, x, y, width, style) {
      const { color: fill, fontSize, fontFamily, fontWeight, fontStyle } = style;
      const font = {
        size: number(fontSize),
        family: fontFamily,
        weight: fontWeight,
        style: fontStyle,
      };
      this.add({ kind: "text", text, x, y, width, fill, font });
    }

    /* Words that stand on one line become one text. */
    readText(node, style) {
      const range = document.createRange();
      let run = null;
      const flush = () => {
        if (run) this.line(run.words.join(" "), run.x, run.y, run.right - run.x, style);
        run = null;
      };
      this.pen.font = fontOf(style);
      const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = this.pen
        .measureText("x");
      for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        for (const rect of [...range.getClientRects()].slice(0, 1)) {
          const { x, y, width, height } = this.boxOf(rect);
          const base = y + (height - ascent - descent) / 2 + ascent;
          if (!run || Math.abs(run.y - base) > 1) {
            flush();
            run = { words: [], x, y: base };
          }
          run.words.push(word);
          run.right = x + width;
        }
      }
      flush();
    }

    /* ------------------------------------------------------------- drawings in the page */
    readDrawing(svg) {
      for (
        const part of svg.querySelectorAll(
          "path, polygon, polyline, line, rect, circle, text",
        )
      ) {
        if (part.closest("defs, pattern, marker, clipPath")) continue;
        const style = getComputedStyle(part);
        if (style.display === "none" || style.visibility !== "visible") continue;
        const { a, b, c, d, e, f } = part.getScreenCTM();
        const matrix = [a, b, c, d, e - this.origin.left, f - this.origin.top];
        if (part.localName === "text") this.readLabel(part, style);
        else this.readPath(part, matrix, style);
      }
    }

    readLabel(part, style) {
      const box = this.boxOf(part.getBoundingClientRect());
      const y = box.y + box.height * 0.8;
      this.line(part.textContent.trim(), box.x, y, box.width, {
        ...styleOf(style),
        color: style.fill,
      });
    }

    readPath(part, matrix, style) {
      const path = pathOf(part);
      if (!path) return;
      const hatched = style.fill.startsWith("url(");
      const opacity = number(style.opacity) * (number(style.fillOpacity) || 1);
      this.add({
        kind: "path",
        path,
        matrix,
        opacity,
        hatched,
        fill: hatched || isClear(style.fill) ? "none" : style.fill,
        stroke: isClear(style.stroke) ? "none" : style.stroke,
        strokeWidth: number(style.strokeWidth),
        colours: hatched ? hatchingColours(part.ownerSVGElement) : [],
      });
    }
  }

  const styleOf = ({ fontSize, fontFamily, fontWeight, fontStyle }) => {
    return { fontSize, fontFamily, fontWeight, fontStyle };
  };

  const fontOf = ({ fontStyle, fontWeight, fontSize, fontFamily }) =>
    `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;

  /* The colours of what is against, as the style sheet has them. */
  function hatchingColours(element) {
    const style = getComputedStyle(element);
    return ["--against-text", "--against"].map((name) => style.getPropertyValue(name).trim());
  }

  /* A shape of SVG as the text of a path. */
  function pathOf(part) {
    const at = (name) => part[name].baseVal.value;
    switch (part.localName) {
      case "path":
        return part.getAttribute("d");
      case "line":
        return `M${at("x1")} ${at("y1")}L${at("x2")} ${at("y2")}`;
      case "rect":
        return `M${at("x")} ${at("y")}h${at("width")}v${at("height")}h${-at("width")}z`;
      case "circle": {
        const [x, y, r] = ["cx", "cy", "r"].map(at);
        return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
      }
      default: {
        const points = (part.getAttribute("points") ?? "").trim();
        return points && `M${points}${part.localName === "polygon" ? "z" : ""}`;
      }
    }
  }

  /* The shapes of a figure and its size, as a promise; pictures are loaded. */
  atlas.drawingOf = async (figure) => {
    const reader = new Reader(figure);
    reader.read(figure);
    const { width, height } = figure.getBoundingClientRect();
    const background = getComputedStyle(document.body).backgroundColor;
    const shapes = reader.shapes.map(async (shape) => {
      return shape.source ? { ...shape, source: await shape.source } : shape;
    });
    return { width, height, background, shapes: await Promise.all(shapes) };
  };
}
