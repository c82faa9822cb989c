/* Small parts of figures, as far as they need no page. */

import { assertEquals } from "./assert.js";
import { load } from "./load.js";

const { sentence } = load("lib/parts.js");

Deno.test("a sentence of the markup has values for its slots, in order", () => {
  const element = { dataset: { shown: "Channel #, at most #", end: "the end" } };
  assertEquals(sentence(element, "shown", 5, "#1"), "Channel 5, at most #1");
  assertEquals(sentence(element, "end"), "the end");
});
