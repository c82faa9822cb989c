/* Small parts that several figures show. */
"use strict";

{
  const { colours, element } = atlas;
  const { abs, max, min } = Math;
  const DISAGREEING = 0.05; // of a full bar: how large both have to be to disagree

  /* A name from the data, kept from disturbing the direction of the text around it. */
  atlas.name = (text) => element("bdi", text);

  /* The name of a class, which can be selected. */
  atlas.className = ({ index, name }) => atlas.thing(atlas.name(name), `class:${index}`);

  /* The filled part of a bar; it takes up a share of it. */
  atlas.bar = (share, kind = "") => {
    const bar = element("span.fill");
    bar.style.width = `${100 * share}%`;
    if (kind) bar.classList.add(kind);
    return bar;
  };

  /* A mark on an axis or a track: the number that the bar does not show, at a share of the whole
     width. */
  atlas.tick = (share) => {
    const tick = element("span.tick");
    tick.style.left = `${100 * share}%`;
    return tick;
  };

  /* A bar from the middle of an axis and, if there is another number, a tick; both in −1…1. The bar
     is of a kind for positive values, or of that for negative ones. */
  atlas.marks = (value, other, positive, negative) => {
    const clipped = (number) => max(-1, min(1, number)) / 2;
    const fill = atlas.bar(abs(clipped(value)), value > 0 ? positive : negative);
    return other === undefined ? [fill] : [fill, atlas.tick(0.5 + clipped(other))];
  };

  /* A sentence that the markup has for an element, as its data-NAME, with values for its #. */
  atlas.sentence = ({ dataset }, name, ...values) =>
    dataset[name].replace(/#/g, () => values.shift());

  /* Put values into the <bdi> of a sentence, in order. */
  atlas.fillIn = (sentence, ...values) => {
    const slots = atlas.findAll(sentence, "bdi");
    values.forEach((value, i) => atlas.put(slots[i], value));
  };

  /* Share and effect of removal where their signs differ, in words; "" where they do not, or one
     of them is small beside `full`, what a full bar stands for. */
  atlas.disagreement = (share, removal, full) => {
    const isSmall = min(abs(share), abs(removal)) < DISAGREEING * full;
    if (isSmall || share * removal >= 0) return "";
    return share > 0 ? "alone not missed: others do the same" : "helps only beside the others";
  };

  /* A value with its name and a bar on an axis. */
  atlas.evidence = (name, text, ...marks) =>
    element(
      "span.evidence",
      element("span.evidence-name", name),
      element("span.value", text),
      element("span.axis", ...marks),
    );

  /* A line of a list: a class, a value, and a bar to the right for it or to the left against it. */
  atlas.evidenceRow = (tag, shown, attributes) =>
    element(
      `${tag}.evidence-row`,
      attributes,
      element("span.class-name", { title: shown.name }, atlas.className(shown)),
      element("span.disagrees"),
      element("span.value"),
      element("span.axis", { "aria-hidden": "true" }),
    );

  /* Show a value as text and as a bar, whose half stands for `most`; `other` is where the tick is,
     if there is one. */
  atlas.fillRow = (row, value, most, text, other, words = "") => {
    const scaled = (number) => number === undefined ? number : number / (most || 1);
    const marks = atlas.marks(scaled(value), scaled(other), "for", "against");
    const parts = { ".axis": marks, ".value": [text], ".disagrees": [words] };
    for (const [part, content] of Object.entries(parts)) {
      atlas.put(atlas.find(row, part), ...content);
    }
  };

  /* The number of a group on its colour. */
  atlas.groupKey = (i) => {
    const key = element("span.key", i + 1);
    key.style.backgroundColor = `rgb(${colours.group(i)})`;
    return key;
  };
}
