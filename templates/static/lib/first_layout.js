/* Less layout before the first figure. Until that is shown, sections out of sight are not laid out
   (see the style sheet), unless a position further down the page is asked for or the browser is
   about to return to one. */
"use strict";

{
  const { findAll, on } = atlas;
  const { dataset } = document.documentElement;

  /* Lay out everything. Sections then have other heights; a reader who is further down by now keeps
     the section in view. */
  atlas.layOutAll = () => {
    if (!("starting" in dataset)) return;
    const isAbove = (section) => section.getBoundingClientRect().top <= innerHeight / 2;
    const section = findAll(document, ".figure-section").findLast(isAbove);
    const top = () => section?.getBoundingClientRect().top ?? 0;
    const before = top();
    delete dataset.starting;
    scrollBy({ top: top() - before, behavior: "instant" });
  };

  const [{ type }] = performance.getEntriesByType("navigation");
  if (type === "navigate" && !document.getElementById(location.hash.slice(1))) {
    dataset.starting = "";
    on(document, "scroll", atlas.layOutAll, { once: true });
  }
}
