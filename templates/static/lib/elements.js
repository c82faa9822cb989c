/* Elements of the page: made, found, and listened to. */
"use strict";

{
  /* element("p.quiet.fine", {"aria-label": "…", hidden: true}, child, …): an element of a tag and
     classes. Objects hold attributes; all else is appended, and texts stay texts, never markup. */
  atlas.element = (tag, ...content) => {
    const [name, ...classes] = tag.split(".");
    const made = document.createElement(name);
    if (classes.length) made.className = classes.join(" ");
    if (name === "button") made.type = "button";
    for (const each of content) {
      if (each === null || each === undefined) continue;
      if (each.constructor === Object) setAttributes(made, each);
      else made.append(each);
    }
    return made;
  };

  function setAttributes(made, attributes) {
    for (const [key, value] of Object.entries(attributes)) {
      if (value === false || value === null || value === undefined) continue;
      made.setAttribute(key, value === true ? "" : value);
    }
  }

  atlas.find = (root, selector) => root.querySelector(selector);
  atlas.findAll = (root, selector) => [...root.querySelectorAll(selector)];
  atlas.on = (target, type, act, options) => target.addEventListener(type, act, options);
  atlas.isModified = (event) => event.ctrlKey || event.metaKey || event.altKey;
  atlas.put = (parent, ...children) => parent.replaceChildren(...children);

  /* Report to the figure around an element that one of its pictures is missing. */
  atlas.missing = (element, path) => {
    const detail = new Error(`${path} is missing or damaged.`);
    element.dispatchEvent(new CustomEvent("atlas-missing", { bubbles: true, detail }));
  };
}
