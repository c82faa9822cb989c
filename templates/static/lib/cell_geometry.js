/* Cells of a grid over a photograph: as text, under a pointer, and from one grid to another. */
"use strict";

{
  const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
  atlas.clamp = clamp;

  /* The numbers of "1.2.3", as states have them. */
  atlas.parseNumbers = (text) => (text ?? "").split(".").map(Number);

  /* The cell "row.column" of a grid, as the address has it; undefined if it is none. */
  atlas.parseCell = (text, rows, columns) => {
    if (!/^\d+\.\d+$/.test(text)) return undefined;
    const [row, column] = atlas.parseNumbers(text);
    return row < rows && column < columns ? [row, column] : undefined;
  };

  atlas.describePosition = (row, column) => `row ${row + 1}, column ${column + 1}`;

  /* The cell at a point of a box; points outside count for the nearest cell. */
  atlas.cellAtPoint = ({ rows, columns }, box, x, y) => {
    const index = (offset, size, count) => {
      return clamp(Math.floor((offset / size) * count), 0, count - 1);
    };
    return [index(y - box.top, box.height, rows), index(x - box.left, box.width, columns)];
  };

  /* The cell that a key leads to; undefined for other keys. */
  atlas.cellAfterKey = ({ rows, columns, row, column }, key) => {
    const steps = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      Home: [0, -columns],
      End: [0, columns],
      PageUp: [-rows, 0],
      PageDown: [rows, 0],
    };
    if (!Object.hasOwn(steps, key)) return undefined;
    const [down, right] = steps[key];
    return [clamp(row + down, 0, rows - 1), clamp(column + right, 0, columns - 1)];
  };

  /* The cell of grid `to` in which the centre of a cell of grid `from` lies. */
  atlas.correspondingCell = (from, to, row, column) => [
    Math.floor(((row + 0.5) * to.rows) / from.rows),
    Math.floor(((column + 0.5) * to.columns) / from.columns),
  ];

  /* Put an element over a cell of a grid. */
  atlas.frame = ({ style }, { rows, columns }, row, column) => {
    style.width = `${100 / columns}%`;
    style.height = `${100 / rows}%`;
    style.left = `${(100 * column) / columns}%`;
    style.top = `${(100 * row) / rows}%`;
  };
}
