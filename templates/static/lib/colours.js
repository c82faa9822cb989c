/* Colour scales. A scale turns t (0…1, or −1…1) into [red, green, blue (0…255), opacity (0…1)]. */
"use strict";

{
  // Light, so that they carry dark numbers and stand out on dark maps: P. Tol's scheme for all
  // kinds of colour vision. Beyond nine they repeat, so a group always carries its number, too.
  const GROUPS = [
    [119, 170, 221],
    [238, 136, 102],
    [238, 221, 136],
    [255, 170, 187],
    [68, 187, 153],
    [153, 221, 255],
    [187, 204, 51],
    [221, 221, 221],
    [170, 170, 0],
  ];
  const FOR = [24, 138, 126];
  const AGAINST = [222, 96, 58];
  const BELOW = [150, 120, 255];

  atlas.colours = {
    /* Activation over a photograph: the less active, the darker; below zero the more violet. */
    activation: (t) =>
      t < 0 ? [...BELOW.map((part) => part * (0.35 - 0.65 * t)), 0.82] : [0, 0, 0, 0.82 * (1 - t)],

    /* Attribution: teal for, salmon against; colour-blind readers can tell the pair apart, too. */
    attribution: (t) => [...(t < 0 ? AGAINST : FOR), Math.min(1, Math.abs(t))],

    /* The lines across what is against, so that the sign needs no colour. */
    hatching: [118, 36, 12],

    group: (i) => GROUPS[i % GROUPS.length],
  };
}
