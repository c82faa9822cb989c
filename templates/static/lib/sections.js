/* Sections below the first screen are laid out one after the other, in pauses, so that the page can
   be used at once. Until then the style sheet gives them a height. */
"use strict";

{
  const pause = globalThis.requestIdleCallback ?? setTimeout;
  const waiting = [...document.querySelectorAll(".figure-section")];
  const layOut = (count) => {
    for (const section of waiting.splice(0, count)) section.classList.add("laid-out");
  };

  const next = () => {
    layOut(1);
    if (waiting.length) pause(() => requestAnimationFrame(next));
  };

  // A link into the page, and the position that a browser goes back to, are where they should be
  // only if all is laid out.
  const [visit] = performance.getEntriesByType("navigation");
  if (location.hash || visit?.type !== "navigate") layOut(waiting.length);
  else atlas.on(globalThis, "load", () => pause(next));
  atlas.on(document, "click", ({ target }) => {
    if (target.closest?.("a[href^='#']")) layOut(waiting.length);
  });
}
