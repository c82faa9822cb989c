import { assertEquals } from "./assert.js";
import { load } from "./load.js";

const { inOrder } = load("later/search.js");
const ROWS = [
  ["beach-1", "A beach", "seashore", 0],
  ["cat", "Chelsea", "Egyptian cat", 1],
  ["dog", "A DOG on a beach", "golden retriever", 0],
  ["tram", "A tram", "dog sled", 1],
];

Deno.test("all words are found, in names, titles or classes, in any case", () => {
  assertEquals(inOrder(ROWS, "beach", false), [0, 2]);
  assertEquals(inOrder(ROWS, "dog BEACH", false), [2]);
  assertEquals(inOrder(ROWS, " dog ", false), [2, 3]);
  assertEquals(inOrder(ROWS, "egypt", false), [1]);
  assertEquals(inOrder(ROWS, "nothing", false), []);
  assertEquals(inOrder(ROWS, "", false), [0, 1, 2, 3]);
});

Deno.test("mistakes come first, and stay in order among themselves", () => {
  assertEquals(inOrder(ROWS, "", true), [1, 3, 0, 2]);
  assertEquals(inOrder(ROWS, "a", true), [1, 3, 0, 2]);
  assertEquals(inOrder(ROWS, "dog", true), [3, 2]);
});
