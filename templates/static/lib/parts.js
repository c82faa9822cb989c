/* Small parts that several figures show. */
"use strict";

{
  const { colours, element } = atlas;

  /* A name from the data, kept from disturbing the direction of the text around it. */
  atlas.name = (text) => element("bdi", text);

  /* The filled part of a bar; it takes up a share of it. */
  atlas.bar = (share, kind = "") => {
    const bar = element("span.fill");
    bar.style.width = `${100 * share}%`;
    if (kind) bar.classList.add(kind);
    return bar;
  };

  /* A value with its name and a bar on an axis. */
  atlas.evidence = (name, text, bar) =>
    element(
      "span.evidence",
      element("span.evidence-name", name),
      element("span.value", text),
      element("span.axis", bar),
    );

  /* The number of a group on its colour. */
  atlas.groupKey = (i) => {
    const key = element("span.key", i + 1);
    key.style.backgroundColor = `rgb(${colours.group(i)})`;
    return key;
  };
}
