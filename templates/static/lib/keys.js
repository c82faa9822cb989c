/* The keyboard and the pointer on a row of buttons: one stop for the Tab key, arrows within it. */
"use strict";

{
  const { find, findAll, on, put } = atlas;

  /* Keep one of the elements matching `selector` in `container` in the tab order; arrow keys, Home
     and End move on. Returns what to call after the elements have changed. */
  atlas.roving = (container, selector) => {
    const stopAt = (current) => {
      for (const item of findAll(container, selector)) item.tabIndex = item === current ? 0 : -1;
    };
    on(container, "focusin", (event) => {
      const item = event.target.closest(selector);
      if (item) stopAt(item);
    });
    on(container, "keydown", (event) => moveFocus(event, container, selector));
    return (current) => {
      const isThere = current && container.contains(current);
      stopAt(isThere ? current : find(container, selector));
    };
  };

  function moveFocus(event, container, selector) {
    const isReachable = (item) => !item.disabled && item.offsetParent;
    const items = findAll(container, selector).filter(isReachable);
    const here = items.indexOf(event.target.closest(selector));
    const steps = {
      ArrowRight: 1,
      ArrowDown: 1,
      ArrowLeft: -1,
      ArrowUp: -1,
      Home: -items.length,
      End: items.length,
    };
    if (here < 0 || atlas.isModified(event) || !Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    items[atlas.clamp(here + steps[event.key], 0, items.length - 1)].focus();
  }

  /* Buttons in a container: look(value) is called with the one pointed at or focused, look() when
     that ends, pick(value) with a clicked one, back() for Escape. A button's value is its
     `data-<key>`. Returns draw(children, stop), which replaces the buttons: the one that had the
     focus has it again; otherwise the Tab key stops at `stop`. */
  atlas.pointing = (container, key, handlers) => {
    listen(container, key, handlers);
    const rove = atlas.roving(container, "button");
    return (children, stop = "button") => {
      const before = document.activeElement;
      const focused = container.contains(before) ? before.dataset[key] : undefined;
      put(container, ...children);
      const again = focused && find(container, `[data-${key}="${focused}"]`);
      rove(again ?? find(container, stop));
      again?.focus({ preventScroll: true });
    };
  };

  function listen(container, key, { look, pick, back }) {
    const valueOf = (event) => event.target.closest("button")?.dataset[key];
    on(container, "pointerover", (event) => {
      if (event.pointerType !== "touch") look(valueOf(event));
    });
    on(container, "pointerleave", () => look());
    on(container, "focusin", (event) => look(valueOf(event)));
    on(container, "focusout", (event) => {
      if (!container.contains(event.relatedTarget)) look();
    });
    on(container, "click", (event) => {
      const value = valueOf(event);
      if (value !== undefined) pick(value);
    });
    on(container, "keydown", (event) => {
      if (event.key === "Escape") back?.();
    });
  }
}
