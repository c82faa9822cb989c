/* Sections below the first screen are laid out one after the other, in pauses, so that the page can
   be used at once. Until then the style sheet gives them a height. */
"use strict";

{
  const pause = globalThis.requestIdleCallback ?? setTimeout;
  const waiting = [...document.querySelectorAll(".figure-section")];

  const next = () => {
    waiting.shift().classList.add("laid-out");
    if (waiting.length) pause(() => requestAnimationFrame(next));
  };

  // A link into the page ends where it should only if all is laid out.
  if (location.hash) waiting.forEach(({ classList }) => classList.add("laid-out"));
  else atlas.on(globalThis, "load", () => pause(next));
}
