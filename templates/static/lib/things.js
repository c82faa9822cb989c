/* What is selected for the whole page, by a click on something that shows it: a channel, a
   direction (of a group), a class, or a position. It is marked wherever it is shown, and the
   inspector shows it from all sides. */
"use strict";

{
  const { element, find, findAll, on, state: choices } = atlas;
  let current;

  /* What the address selects, if it makes sense. */
  atlas.selected = () => {
    const thing = atlas.site && atlas.thingOf(choices.of("selected"));
    if (!thing) return undefined;
    const { at, layer } = atlas.keysOf(thing);
    const [row, column, rows, columns] = atlas.parseNumbers(at);
    const isKnown = at === undefined
      ? thing.startsWith("class:") || atlas.layer(layer)
      : atlas.parseCell(`${row}.${column}`, rows, columns);
    return isKnown ? thing : undefined;
  };

  /* Make an element one that shows a thing (see address.js). */
  atlas.thing = (shown, thing) => {
    shown.dataset.thing = thing;
    shown.classList.toggle("selected", thing === current);
    return shown;
  };

  /* What an element or the button around it shows; of a list, what is chosen in it. */
  function thingAt({ target, type }) {
    if (type === "change") return target.selectedOptions?.[0].dataset.thing;
    const button = target.closest("button");
    const shown = target.closest("[data-thing]") ?? (button && find(button, "[data-thing]"));
    return shown?.dataset.thing;
  }

  function mark() {
    current = atlas.selected();
    for (const shown of findAll(document, "[data-thing]")) atlas.thing(shown, shown.dataset.thing);
    for (const frame of findAll(document, ".selected-part")) frame.remove();
    if (current?.startsWith("at:")) findAll(document, ".photograph-view").forEach(markPosition);
    if (current || atlas.inspect) atlas.later("inspect", current).catch(() => {});
  }

  /* Frame the selected position in a photograph. */
  function markPosition(view) {
    const [row, column, rows, columns] = atlas.parseNumbers(current.slice(3));
    const frame = element("div.selected-part", { "aria-hidden": "true" });
    atlas.frame(frame, { rows, columns }, row, column);
    view.append(frame);
  }

  // Before the figure's own listeners and after them, so that both choices are one step of the
  // history.
  for (const type of ["click", "change"]) {
    on(document, type, (event) => {
      const thing = thingAt(event);
      if (thing) choices.select(thing);
    }, true);
    on(document, type, () => choices.settle());
  }
  on(document, "keydown", ({ key, target }) => {
    if (key === "Enter" && target.matches(".icon")) target.click();
  });
  choices.listen(mark);
  on(document, "DOMContentLoaded", () => {
    mark();
    // A link to a view names its section beside what is chosen, so the browser does not find it.
    document.getElementById(location.hash.slice(1).split("&")[0])?.scrollIntoView();
  });
}
