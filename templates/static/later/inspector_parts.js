/* The parts of the inspector's panel: sections with pictures, maps and bars. */
"use strict";

{
  const { colours, element, fillRow, range, signed, state: choices } = atlas;
  const { abs, max } = Math;
  const SMALLEST = 1e-9; // a scale is never zero
  const WINDOW = 0.4; // side of a crop, as a share of the photograph's

  const section = (title, ...content) =>
    element("section.side", element("h3", title), ...content.filter(Boolean));

  const note = (...text) => element("p.fine", ...text);

  /* A photograph, for maps and frames over it. */
  const photograph = (image) => {
    const root = element("div.photograph-view", element("img"), element("canvas.map"));
    const view = new atlas.PhotographView(root);
    view.photograph(image);
    return view;
  };

  /* Where something is: levels [rows, columns] over a photograph. */
  const map = (image, values, rows, columns) => {
    const view = photograph(image);
    view.map(values, rows, columns, colours.activation, atlas.largest(values.map(abs)));
    return view.root;
  };

  /* What something does to classes; `share` and `removal` give logits for the number of a class. */
  const effects = (classes, share, removal) => {
    const both = classes.map((_, k) => [share(k), removal(k)]);
    const most = max(SMALLEST, ...both.flat().map(abs));
    const first = choices.of("bars").by === "removal" ? 1 : 0;
    const rows = classes.map((each, k) => {
      const row = atlas.evidenceRow("div", each);
      const words = atlas.disagreement(...both[k], most);
      fillRow(row, both[k][first], most, signed(both[k][first]), both[k][1 - first], words);
      return element("li", row);
    });
    const [bars, ticks] = first
      ? ["effects of removal", "shares"]
      : ["shares", "effects of removal"];
    return [element("ul", ...rows), note(`Logits; bars: ${bars}, ticks: ${ticks}.`)];
  };

  /* Units of a layer as buttons that select them; `entries`: [unit, name, text] each. */
  const pictures = (layer, entries) => {
    const buttons = entries.map(([unit, name, text]) => {
      const picture = atlas.picture(layer, unit, name);
      const label = `${name} of ${atlas.layer(layer).title}: ${text}${atlas.flaw(picture)}`;
      return element(
        "button.channel",
        { "aria-label": label },
        picture,
        element("span.channel-name", name),
        element("span.value", text),
      );
    });
    return element("div.side-pictures", ...buttons);
  };

  /* The same for channels; `entries`: [channel, text] each. */
  const channels = (layer, entries) =>
    pictures(layer, entries.map(([c, text]) => [`channel:${c}`, `channel ${c}`, text]));

  /* Parts of photographs, as buttons that turn to the photograph; `peaks`: [number of the
     photograph, activation, row, column] each, in a map of `shape`; `photographs`: number → [name,
     title]. */
  const crops = (peaks, [rows, columns], photographs) => {
    const buttons = peaks.map(([number, value, row, column]) => {
      const [name, title] = photographs[number];
      const crop = element("span.crop");
      const path = atlas.address(`photographs/${name}.webp`);
      const offset = (i, count) => {
        const start = (i + 0.5) / count - WINDOW / 2;
        return `${100 * atlas.clamp(start / (1 - WINDOW), 0, 1)}%`;
      };
      Object.assign(crop.style, {
        backgroundImage: `url("${path}")`,
        backgroundSize: `${100 / WINDOW}%`,
        backgroundPosition: `${offset(column, columns)} ${offset(row, rows)}`,
      });
      const text = `at most ${atlas.activation(value)}`;
      const label = `${title}: ${text}, ${atlas.describePosition(row, column)}`;
      const button = element(
        "button.channel",
        { "aria-label": label, "aria-pressed": String(name === choices.image) },
        crop,
        element("span.channel-name", atlas.name(title)),
        element("span.value", text),
      );
      atlas.on(button, "click", () => choices.show(name));
      return button;
    });
    return element("div.side-pictures", ...buttons);
  };

  /* Indexes of the largest values, largest first; of positive ones only. */
  const strongest = (values, count) =>
    range(values.length).sort((a, b) => values[b] - values[a]).slice(0, count)
      .filter((i) => values[i] > 0);

  atlas.sides = {
    channels,
    crops,
    effects,
    map,
    note,
    photograph,
    pictures,
    section,
    strongest,
  };
}
