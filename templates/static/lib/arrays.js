/* Packed arrays, as `pipeline/views/packing.py` writes them, turned back into numbers:
   `{shape, values, scale, most, at(i, j, …), slice(i, …)}`. `at` gives a value in its unit. The
   `values` are the stored levels, to be multiplied by `scale`, and `most` is the largest magnitude
   of them; levels with a `power` become values at once. */
"use strict";

{
  const TYPES = {
    f2: Uint16Array,
    f4: Float32Array,
    u1: Uint8Array,
    u2: Uint16Array,
    i1: Int8Array,
    i2: Int16Array,
    i4: Int32Array,
  };
  const FIRST = 35; // character of level 0

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
      if (value?.type in TYPES) unpackWhenRead(data, key, value);
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

  function unpack({ type, shape, data, text, scale = 1, power }) {
    const numbers = TYPES[type];
    let levels = data === undefined
      ? numbers.from(codesOf(text, shape), type[0] === "i" ? signedOf : undefined)
      : new numbers(bytesOf(data).buffer);
    if (type === "f2") levels = Float32Array.from(levels, fromHalf);
    return power ? arrayOf(shape, curved(levels, scale, power), 1) : arrayOf(shape, levels, scale);
  }

  /* Whole numbers from the characters of their digits in base 64, the last digits of all first.
     Where there is one character for each number, it may be larger than 63. */
  function codesOf(text, shape) {
    const codes = new Uint32Array(shape.reduce((a, b) => a * b, 1));
    const { length } = codes;
    for (let i = 0; i < text.length; i++) {
      codes[i % length] |= (text.charCodeAt(i) - FIRST) << (6 * Math.floor(i / length));
    }
    return codes;
  }

  /* 0, 1, 2, 3, … stand for 0, −1, 1, −2, … */
  const signedOf = (code) => (code >>> 1) ^ -(code & 1);

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  /* Values sign · scale · |level|^power; of curved levels few occur, so each is computed once. */
  function curved(levels, scale, power) {
    if (power === 1) return Float32Array.from(levels, (level) => level * scale);
    const table = {};
    const valueOf = (level) => Math.sign(level) * Math.abs(level) ** power * scale;
    return Float32Array.from(levels, (level) => table[level] ??= valueOf(level));
  }

  function arrayOf(shape, values, scale) {
    let most;
    const indexOf = (position) => position.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
    return {
      shape,
      values,
      scale,
      get most() {
        return most ??= values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      },
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
