/* The keyboard: one stop for the Tab key in a row of buttons, arrows within it. */
"use strict";

{
  const { find, findAll, on, put } = atlas;

  /* Keep one of the elements matching `selector` in `container` in the tab order; arrow keys, Home and End move on. */
  atlas.roving = (container, selector) => {
    const items = () => findAll(container, selector).filter((item) => !item.disabled && item.offsetParent);
    const stop = (current) => findAll(container, selector).forEach((item) => (item.tabIndex = item === current ? 0 : -1));
    on(container, "focusin", (event) => {
      const item = event.target.closest(selector);
      if (item) stop(item);
    });
    on(container, "keydown", (event) => {
      const all = items(), here = all.indexOf(event.target.closest(selector));
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -all.length, End: all.length };
      if (here < 0 || !(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      all[Math.max(0, Math.min(all.length - 1, here + steps[event.key]))].focus();
    });
    /* Call after the elements have changed. */
    return (current) => stop(current && container.contains(current) ? current : find(container, selector));
  };

  /* Buttons of which the one pointed at, or reached by the keyboard, is looked at, and a clicked one picked: look(value) or,
     when that ends, look(); pick(value); back() for Escape. A button's value is its `data-<key>`. Returns what draws the
     container anew, draw(children, stop): the button that had the focus has it again; else the Tab key stops at `stop`. */
  atlas.pointing = (container, key, { look, pick, back }) => {
    const value = (event) => event.target.closest("button")?.dataset[key];
    const hear = (type, act) => on(container, type, act);
    hear("pointerover", (event) => event.pointerType !== "touch" && look(value(event)));
    hear("pointerleave", () => look());
    hear("focusin", (event) => look(value(event)));
    hear("focusout", (event) => container.contains(event.relatedTarget) || look());
    hear("click", (event) => value(event) !== undefined && pick(value(event)));
    hear("keydown", (event) => event.key === "Escape" && back?.());
    const rove = atlas.roving(container, "button");
    return (children, stop = "button") => {
      const { activeElement: before } = document, focused = container.contains(before) ? before.dataset[key] : undefined;
      put(container, ...children);
      const again = focused && find(container, `[data-${key}="${focused}"]`);
      rove(again ?? find(container, stop));
      again?.focus({ preventScroll: true });
    };
  };
}
