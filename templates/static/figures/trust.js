/* How far to believe this atlas: everything is in the page, and is read from there to take away. */
"use strict";

{
  const { find, findAll } = atlas;

  class Trust extends atlas.Figure {
    show() {}

    numbers() {
      const rows = findAll(this, ".trust-measure > table tr").map((row) => [
        find(row.closest("section"), "h3").textContent,
        ...[...row.cells].map((cell) => cell.textContent.trim()).filter((text) => text),
      ]);
      return [["Question", "Layer", "Number", "Verdict"], rows];
    }
  }

  atlas.define("trust", Trust);
}
