/* The inspector: a bar that names what is selected, and a panel that shows it from all sides; at
   the side of wide windows, at the bottom of narrow ones. */
"use strict";

{
  const { element, find, on, put, state: choices } = atlas;

  const close = element("button.inspector-close", { "aria-label": "Close" }, "×");
  const open = element("button.inspector-open", { "aria-expanded": "false" }, "Show all sides");
  const heading = element("h2", { tabindex: "-1" });
  const picture = element("span.inspector-picture");
  const page = element("a.inspector-page", "A page of its own");
  const body = element("div.inspector-body");
  const panel = element(
    "aside.inspector",
    { "aria-label": "Inspector", hidden: true },
    element("div.inspector-head", picture, element("div", heading, page), open, close),
    body,
  );
  let shown = ""; // what the panel is about

  const isOpen = () => choices.of("selected").inspect === "yes";

  on(open, "click", () => {
    choices.select(atlas.selected(), { inspect: isOpen() ? null : "yes" });
    choices.settle();
    if (isOpen()) heading.focus();
  });
  on(close, "click", shut);
  on(panel, "keydown", ({ key }) => {
    if (key === "Escape") shut();
  });

  function shut() {
    choices.select(null);
    choices.settle();
  }

  /* Show a thing; nothing without one. */
  atlas.inspect = async (thing) => {
    if (!panel.isConnected) document.body.append(panel);
    panel.hidden = !thing;
    document.body.classList.toggle("inspecting", Boolean(thing) && isOpen());
    panel.classList.toggle("open", isOpen());
    open.ariaExpanded = String(isOpen());
    put(open, isOpen() ? "Show less" : "Show all sides");
    const wanted = [thing, choices.image, choices.of("bars").by].join(" ");
    if (!thing || wanted === shown) return;
    shown = wanted;
    const hadFocus = body.contains(document.activeElement);
    try {
      const sides = await atlas.sidesOf(thing, choices.image);
      if (wanted === shown) fill(thing, sides);
    } catch (error) {
      if (wanted === shown) fill(thing, { title: ["Selected"], sections: [error.message] });
    }
    if (hadFocus) heading.focus();
  };

  function fill(thing, { title, picture: unit, page: path, sections }) {
    put(heading, ...title);
    picture.hidden = !unit;
    if (unit) {
      atlas.icon(picture, atlas.keysOf(thing).layer, unit);
      delete picture.dataset.thing;
      picture.classList.remove("selected");
    }
    page.hidden = !path;
    if (path) page.href = path;
    put(body, ...sections.filter(Boolean));
    find(document, ".inspector-body").scrollTop = 0;
  }
}
