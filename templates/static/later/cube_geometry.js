/* Where the parts of the activation cube are drawn. The cube stands on the photograph: u to the
   right, v to the front, h upwards, each from 0 to 1; a span is [from, to] along one of them.
   Points are [x, y] in pixels of a drawing of SIZE. pipeline/figures/activation_cube.py projects
   in the same way. */
"use strict";

{
  const SIZE = [300, 295];
  const ORIGIN = [120, 177];
  const RIGHT = [165, 48];
  const FRONT = [-105, 62];
  const UP = 165;
  const FLOOR = 0.28; // height of h = 0 above the photograph, as a share of UP
  const PHOTOGRAPH = -FLOOR / (1 - FLOOR); // h of the photograph
  const WHOLE = [0, 1];
  const THICKNESS = 0.025; // of a drawn channel, which would be too thin to see

  const point = (u, v, h) => [
    ORIGIN[0] + u * RIGHT[0] + v * FRONT[0],
    ORIGIN[1] + u * RIGHT[1] + v * FRONT[1] - (FLOOR + (1 - FLOOR) * h) * UP,
  ];

  /* Corners of a level rectangle. */
  const level = ([u0, u1], [v0, v1], h) => [
    point(u0, v0, h),
    point(u1, v0, h),
    point(u1, v1, h),
    point(u0, v1, h),
  ];

  /* Corners of an upright rectangle that faces the viewer's left: all of it at one v. */
  const facingLeft = ([u0, u1], v, [h0, h1]) => [
    point(u0, v, h0),
    point(u1, v, h0),
    point(u1, v, h1),
    point(u0, v, h1),
  ];

  /* Corners of an upright rectangle that faces the viewer's right: all of it at one u. */
  const facingRight = (u, [v0, v1], [h0, h1]) => [
    point(u, v0, h0),
    point(u, v1, h0),
    point(u, v1, h1),
    point(u, v0, h1),
  ];

  atlas.cubeGeometry = {
    SIZE,
    WHOLE,
    point,
    level,
    facingLeft,
    facingRight,

    /* Corners of a rectangle on the photograph. */
    onPhotograph: (u, v) => level(u, v, PHOTOGRAPH),

    /* The three visible faces of a box. */
    box: (u, v, h) => ({
      left: facingLeft(u, v[1], h),
      right: facingRight(u[1], v, h),
      top: level(u, v, h[1]),
    }),

    /* The span of part `i` of `count` equal ones. */
    part: (i, count) => [i / count, (i + 1) / count],

    /* The span of h that a channel of `count` is drawn with. */
    slab: (channel, count) => [channel / count, Math.min(1, channel / count + THICKNESS)],

    /* What lays a picture of width × height pixels under the cube, as a canvas's transform. */
    pictureTransform: (width, height) => [
      RIGHT[0] / width,
      RIGHT[1] / width,
      FRONT[0] / height,
      FRONT[1] / height,
      ...ORIGIN,
    ],
  };
}
