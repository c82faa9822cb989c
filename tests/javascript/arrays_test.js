import { assert, assertAlmostEquals, assertEquals } from "./assert.js";
import { load } from "./load.js";

const { unpacked } = load("lib/arrays.js");

function pack(type, values, shape, more = {}) {
  const bytes = new Uint8Array(values.buffer);
  return { type, shape, data: btoa(String.fromCharCode(...bytes)), ...more };
}
const unpack = (...packed) => unpacked({ array: pack(...packed) }).array;

Deno.test("whole numbers of all types are what they were", () => {
  const types = {
    u1: new Uint8Array([0, 1, 254, 255]),
    u2: new Uint16Array([0, 1, 256, 65535]),
    i1: new Int8Array([-128, -1, 0, 127]),
    i2: new Int16Array([-32768, -1, 256, 32767]),
  };
  for (const [type, values] of Object.entries(types)) {
    const array = unpack(type, values, [2, 2]);
    assertEquals(array.values, values);
    assertEquals(array.shape, [2, 2]);
    assertEquals(array.at(1, 0), values[2]);
  }
});

Deno.test("whole numbers as characters are what they were", () => {
  const types = {
    u1: [0, 1, 57, 255],
    u2: [0, 9999],
    i1: [0, -1, 1, -127, 127],
    i2: [-9999, 9999],
  };
  for (const [type, values] of Object.entries(types)) {
    const codes = values.map((each) =>
      type[0] === "u" ? each : each < 0 ? -2 * each - 1 : 2 * each
    );
    const text = String.fromCharCode(...codes.map((code) => code + 35));
    const { array } = unpacked({ array: { type, shape: [values.length], text } });
    assertEquals([...array.values], values);
  }
});

Deno.test("the digits of numbers are put together, the last digits of all come first", () => {
  const character = (digit) => String.fromCharCode(digit + 35);
  const digits = (codes, places) =>
    Array.from({ length: places }, (_, i) => codes.map((code) => character((code >> (6 * i)) & 63)))
      .flat().join("");
  const unpackText = (type, codes, places) =>
    unpacked({ array: { type, shape: [codes.length], text: digits(codes, places) } }).array.values;
  assertEquals([...unpackText("u2", [0, 63, 64, 65535], 3)], [0, 63, 64, 65535]);
  assertEquals([...unpackText("i1", [255, 254, 128, 1], 2)], [-128, 127, 64, -1]);
  assertEquals([...unpackText("i4", [2 ** 25, 2 ** 25 - 1], 5)], [2 ** 24, -(2 ** 24)]);
  assertEquals([...unpackText("i4", [-1, -2], 6)], [-(2 ** 31), 2 ** 31 - 1]);
  assertEquals([...unpackText("f2", [0x3c00, 0xc000, 0xfc00], 3)], [1, -2, -Infinity]);
});

Deno.test("single precision is kept", () => {
  const values = new Float32Array([0, -1.5, 3.4e38, 1e-40]);
  assertEquals(unpack("f4", values, [4]).values, values);
});

Deno.test("half precision: zero, subnormal, normal, largest, infinite, not a number", () => {
  const bits = [0x0000, 0x0001, 0x3c00, 0xc000, 0x3555, 0x7bff, 0xfc00, 0x7e00];
  const expected = [0, 2 ** -24, 1, -2, 0.333251953125, 65504, -Infinity, NaN];
  assertEquals(unpack("f2", new Uint16Array(bits), [8]).values, new Float32Array(expected));
});

Deno.test("levels are multiplied by their scale where a value is read", () => {
  const array = unpack("u1", new Uint8Array([0, 128, 255]), [3], { scale: 0.5 });
  assertEquals(array.values, new Uint8Array([0, 128, 255]));
  assertEquals(array.at(2), 127.5);
  assertEquals(array.most, 255);
});

Deno.test("levels with a power become values at once", () => {
  const [scale, power] = [0.25, 1 / 0.7];
  const levels = [-127, -63, -1, 0, 1, 63, 127];
  const array = unpack("i1", new Int8Array(levels), [7], { scale, power });
  const valueOf = (level) => Math.sign(level) * scale * Math.abs(level) ** power;
  assertEquals(array.scale, 1);
  assertAlmostEquals([...array.values], levels.map(valueOf), 1e-4);
  assertAlmostEquals(array.at(0), valueOf(-127), 1e-4);
});

Deno.test("an index counts row by row, and a slice shares the memory", () => {
  const array = unpack("u1", Uint8Array.from({ length: 24 }, (_, i) => i), [2, 3, 4]);
  assertEquals(array.at(1, 2, 3), 23);
  assertEquals(array.at(1, 0, 1), 13);
  assertEquals(array.slice(1), new Uint8Array([12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]));
  assertEquals(array.slice(0, 2), new Uint8Array([8, 9, 10, 11]));
  assert(array.slice(1).buffer === array.values.buffer);
});

Deno.test("arrays are found at any depth and unpacked once", () => {
  const packed = pack("u1", new Uint8Array([7]), [1]);
  const data = unpacked({ layers: [{ maps: packed }], none: null, text: "data" });
  assertEquals(data.layers[0].maps.at(0), 7);
  assert(data.layers[0].maps === data.layers[0].maps);
  assertEquals(data.text, "data");
  assertEquals(unpacked(null), null);
});
