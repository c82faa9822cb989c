/* Assertions, so that the tests need no download. */

/* Fail unless two values are alike: numbers, texts, and arrays, maps and plain objects of them. */
export function assertEquals(found, expected) {
  const [left, right] = [written(found), written(expected)];
  if (left !== right) throw new Error(`expected ${right}\n     found ${left}`);
}

/* Fail unless two numbers, or two lists of numbers, differ by `tolerance` at most. */
export function assertAlmostEquals(found, expected, tolerance = 1e-6) {
  const [left, right] = [[found].flat(), [expected].flat()];
  const close = (value, i) => Math.abs(value - right[i]) <= tolerance;
  if (left.length === right.length && left.every(close)) return;
  throw new Error(
    `expected ${written(expected)} within ${tolerance}\n     found ${written(found)}`,
  );
}

/* Fail unless a value counts as true. */
export function assert(value, message = `found ${value}`) {
  if (!value) throw new Error(message);
}

/* Fail unless a function throws an error whose message contains `text`. */
export function assertThrows(act, text = "") {
  try {
    act();
  } catch (error) {
    assert(error.message.includes(text), `"${error.message}" does not mention "${text}"`);
    return;
  }
  throw new Error("nothing was thrown");
}

function written(value) {
  return JSON.stringify(value, (_, each) => {
    if (each instanceof Map) return { map: [...each] };
    if (each instanceof Set) return { set: [...each] };
    if (ArrayBuffer.isView(each)) return [...each].map(exactly);
    return exactly(each);
  });
}

/* JSON has neither undefined nor NaN nor infinity. */
function exactly(value) {
  const special = value === undefined || (typeof value === "number" && !Number.isFinite(value));
  return special ? `(${value})` : value;
}
