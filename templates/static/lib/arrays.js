/* Packed arrays, as `pipeline/figures/packing.py` writes them, back into numbers: `{shape, values, scale, at(i, j, …)}`.
   `at` gives the value in its unit; `values` are the stored levels, to be multiplied by `scale`;
   levels with a `power` are turned into values at once. */
"use strict";

{
  const half = (bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  };

  const TYPES = {
    f2: (buffer) => Float32Array.from(new Uint16Array(buffer), half),
    f4: (buffer) => new Float32Array(buffer),
    u1: (buffer) => new Uint8Array(buffer),
    u2: (buffer) => new Uint16Array(buffer),
    i1: (buffer) => new Int8Array(buffer),
    i2: (buffer) => new Int16Array(buffer),
  };

  const unpack = ({ type, shape, data, scale = 1, power }) => {
    const text = atob(data), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    let values = TYPES[type](bytes.buffer);
    if (power) {
      const meaning = Float32Array.from({ length: 256 }, (_, byte) => Math.sign((byte << 24) >> 24) * Math.abs((byte << 24) >> 24) ** power * scale);
      [values, scale] = [new Float32Array(bytes.length), 1];
      for (let i = 0; i < bytes.length; i++) values[i] = meaning[bytes[i]];
    }
    const index = (place) => place.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
    const at = (...place) => values[index(place)] * scale;
    /* The part of the array at the first indexes: slice(c) of [C, H, W] is [H, W], sharing the memory. */
    const slice = (...place) => {
      const size = shape.slice(place.length).reduce((a, b) => a * b, 1);
      const start = index(place) * size;
      return values.subarray(start, start + size);
    };
    return { shape, values, scale, at, slice };
  };

  /* Data with all that is packed in them turned into arrays, each when it is first read. */
  atlas.unpacked = (data) => {
    for (const [key, value] of Object.entries(data ?? [])) {
      if (typeof value?.data === "string") {
        const define = (property) => Object.defineProperty(data, key, { ...property, configurable: true, enumerable: true });
        define({
          get() {
            const array = unpack(value);
            define({ value: array });
            return array;
          },
        });
      } else if (typeof value === "object") atlas.unpacked(value);
    }
    return data;
  };
}
