import { assertEquals } from "./assert.js";
import { load } from "./load.js";

const { activation, number, percent, range, signed } = load("lib/numbers.js");

Deno.test("a number has a fixed count of decimals and a real minus", () => {
  assertEquals(number(3.14159), "3.14");
  assertEquals(number(-3.14159, 1), "−3.1");
  assertEquals(number(1234.5, 0), "1235");
});

Deno.test("what rounds to zero has no sign", () => {
  assertEquals(number(-0.004), "0.00");
  assertEquals(number(-0), "0.00");
  assertEquals(signed(0.004), "0.00");
  assertEquals(signed(-0.004), "0.00");
  assertEquals(signed(-0.4, 0), "0");
});

Deno.test("a signed number shows its plus", () => {
  assertEquals(signed(0.25), "+0.25");
  assertEquals(signed(-0.25), "−0.25");
  assertEquals(signed(0), "0.00");
  assertEquals(signed(12.34, 1), "+12.3");
});

Deno.test("an activation has two or three digits, whatever its size", () => {
  assertEquals(activation(0), "0");
  assertEquals(activation(0.012345), "0.012");
  assertEquals(activation(0.5), "0.5");
  assertEquals(activation(1.2345), "1.23");
  assertEquals(activation(1), "1.00");
  assertEquals(activation(12.345), "12.3");
  assertEquals(activation(1234.56), "1234.6");
  assertEquals(activation(-0.5), "−0.5");
  assertEquals(activation(-12.345), "−12.3");
});

Deno.test("a share is written in percent; a tiny one is not written as zero", () => {
  assertEquals(percent(0), "0.0 %");
  assertEquals(percent(0.0004), "< 0.1 %");
  assertEquals(percent(0.001), "0.1 %");
  assertEquals(percent(0.4567), "45.7 %");
  assertEquals(percent(1), "100.0 %");
});

Deno.test("a range counts from zero", () => {
  assertEquals(range(3), [0, 1, 2]);
  assertEquals(range(0), []);
});
