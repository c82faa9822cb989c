/* Packed arrays, as `pipeline/views/packing.py` writes them, turned back into numbers:
   `{shape, values, scale, at(i, j, …), slice(i, …)}`. `at` gives a value in its unit. `values` are
   the stored levels, to be multiplied by `scale`; levels with a `power` become values at once. */
"use strict";

{
  const TYPES = {
    f2: (buffer) => Float32Array.from(new Uint16Array(buffer), fromHalf),
    f4: (buffer) => new Float32Array(buffer),
    u1: (buffer) => new Uint8Array(buffer),
    u2: (buffer) => new Uint16Array(buffer),
    i1: (buffer) => new Int8Array(buffer),
    i2: (buffer) => new Int16Array(buffer),
  };

  /* The number whose bits in half precision are given. */
  function fromHalf(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent < 31) return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    return fraction ? NaN : sign * Infinity;
  }

  /* Data in which everything packed is an array, unpacked when it is first read. */
  atlas.unpacked = (data) => {
    for (const [key, value] of Object.entries(data ?? [])) {
      if (typeof value?.data === "string") unpackWhenRead(data, key, value);
      else if (typeof value === "object") atlas.unpacked(value);
    }
    return data;
  };

  function unpackWhenRead(data, key, packed) {
    const define = (property) => {
      Object.defineProperty(data, key, { ...property, configurable: true, enumerable: true });
    };
    define({
      get() {
        const array = unpack(packed);
        define({ value: array });
        return array;
      },
    });
  }

  function unpack({ type, shape, data, scale = 1, power }) {
    const levels = TYPES[type](bytesOf(data).buffer);
    return power ? arrayOf(shape, curved(levels, scale, power), 1) : arrayOf(shape, levels, scale);
  }

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  /* Values sign · scale · |level|^power; few levels occur, so each is computed once. */
  function curved(levels, scale, power) {
    const valueOf = (level) => Math.sign(level) * Math.abs(level) ** power * scale;
    const table = Float32Array.from({ length: 256 }, (_, i) => valueOf(i - 128));
    const values = new Float32Array(levels.length);
    for (let i = 0; i < levels.length; i++) values[i] = table[levels[i] + 128];
    return values;
  }

  function arrayOf(shape, values, scale) {
    const indexOf = (position) => position.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
    return {
      shape,
      values,
      scale,
      at: (...position) => values[indexOf(position)] * scale,

      /* The part at the first indexes: slice(c) of [C, H, W] is [H, W] and shares the memory. */
      slice: (...position) => {
        const size = shape.slice(position.length).reduce((a, b) => a * b, 1);
        const start = indexOf(position) * size;
        return values.subarray(start, start + size);
      },
    };
  }
}
