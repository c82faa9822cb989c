/* How numbers are written: with a real minus, and as many digits as a reader can use. */
"use strict";

{
  const MINUS = "−";
  const withMinus = (text) => text.replace("-", MINUS);

  /* 0, 1, …, count − 1. */
  atlas.range = (count) => [...Array(count).keys()];

  /* Of values that are not negative. */
  atlas.largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);

  atlas.sum = (values) => values.reduce((a, b) => a + b, 0);

  /* With a fixed count of decimals; what rounds to zero has no sign. */
  atlas.number = (value, decimals = 2) => {
    const text = value.toFixed(decimals);
    return Number(text) === 0 ? (0).toFixed(decimals) : withMinus(text);
  };

  /* The same, with the plus of what is larger than zero. */
  atlas.signed = (value, decimals = 2) => {
    const plus = Number(value.toFixed(decimals)) > 0 ? "+" : "";
    return plus + atlas.number(value, decimals);
  };

  /* Activations range over orders of magnitude: two or three digits, whatever their size. */
  atlas.activation = (value) => {
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size < 1) return withMinus(String(Number(value.toPrecision(2))));
    return withMinus(size < 10 ? value.toPrecision(3) : value.toFixed(1));
  };

  /* The same with its sign, as for a change. */
  atlas.signedActivation = (value) => (value > 0 ? "+" : "") + atlas.activation(value);

  atlas.percent = (share) => {
    const isTiny = share > 0 && share < 0.001;
    return isTiny ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
  };
}
