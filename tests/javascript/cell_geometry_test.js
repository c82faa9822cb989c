import { assertEquals } from "./assert.js";
import { load } from "./load.js";

const atlas = load("lib/cell_geometry.js");
const { cellAfterKey, cellAtPoint, correspondingCell, parseCell, parseNumbers } = atlas;

Deno.test("a cell is read only where the grid has it", () => {
  assertEquals(parseCell("3.4", 7, 7), [3, 4]);
  assertEquals(parseCell("0.6", 7, 7), [0, 6]);
  const wrong = ["7.0", "0.7", "3", "3.4.5", "-1.2", "a.b", "", "1e1.0", undefined];
  for (const text of wrong) assertEquals(parseCell(text, 7, 7), undefined);
});

Deno.test("numbers are separated by dots", () => {
  assertEquals(parseNumbers("1.2.30"), [1, 2, 30]);
});

Deno.test("positions are counted from one", () => {
  assertEquals(atlas.describePosition(0, 4), "row 1, column 5");
});

Deno.test("the cell under a point is found; outside, the nearest", () => {
  const grid = { rows: 2, columns: 4 };
  const box = { left: 100, top: 50, width: 80, height: 40 };
  assertEquals(cellAtPoint(grid, box, 100, 50), [0, 0]);
  assertEquals(cellAtPoint(grid, box, 121, 71), [1, 1]);
  assertEquals(cellAtPoint(grid, box, 179.9, 89.9), [1, 3]);
  assertEquals(cellAtPoint(grid, box, 180, 90), [1, 3]);
  assertEquals(cellAtPoint(grid, box, 0, 0), [0, 0]);
});

Deno.test("keys move by a cell or to the end, and never out of the grid", () => {
  const at = (row, column) => ({ rows: 5, columns: 6, row, column });
  assertEquals(cellAfterKey(at(2, 3), "ArrowUp"), [1, 3]);
  assertEquals(cellAfterKey(at(2, 3), "ArrowDown"), [3, 3]);
  assertEquals(cellAfterKey(at(2, 3), "ArrowLeft"), [2, 2]);
  assertEquals(cellAfterKey(at(2, 3), "ArrowRight"), [2, 4]);
  assertEquals(cellAfterKey(at(2, 3), "Home"), [2, 0]);
  assertEquals(cellAfterKey(at(2, 3), "End"), [2, 5]);
  assertEquals(cellAfterKey(at(2, 3), "PageUp"), [0, 3]);
  assertEquals(cellAfterKey(at(2, 3), "PageDown"), [4, 3]);
  assertEquals(cellAfterKey(at(0, 0), "ArrowUp"), [0, 0]);
  assertEquals(cellAfterKey(at(4, 5), "ArrowRight"), [4, 5]);
  assertEquals(cellAfterKey(at(2, 3), "Enter"), undefined);
  assertEquals(cellAfterKey(at(2, 3), "toString"), undefined);
});

Deno.test("the centre of a cell lies in the corresponding cell of another grid", () => {
  const [fine, coarse] = [{ rows: 28, columns: 28 }, { rows: 7, columns: 7 }];
  assertEquals(correspondingCell(fine, coarse, 3, 4), [0, 1]);
  assertEquals(correspondingCell(coarse, fine, 0, 1), [2, 6]);
  for (let i = 0; i < 28; i++) assertEquals(correspondingCell(fine, fine, i, i), [i, i]);
});

Deno.test("a frame covers its cell", () => {
  const element = { style: {} };
  atlas.frame(element, { rows: 4, columns: 5 }, 1, 2);
  assertEquals(element.style, { width: "20%", height: "25%", left: "40%", top: "25%" });
});
