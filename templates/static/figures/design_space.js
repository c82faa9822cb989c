/* The design space: the diagrams stand in the page; what comes here is what lies behind each of them for a photograph. */
"use strict";

{
  const { element, find, findAll, name: bdi, photograph: photographOf } = atlas;

  atlas.define("design_space", class extends atlas.Figure {
    numbers() {
      return [["Figure", "Content", "Shape", "Units", "Presentation"], this.rows];
    }

    show({ figures }, image) {
      const cards = findAll(this, ".diagram[data-figure]");
      this.rows = cards.flatMap(({ dataset }) => (figures[dataset.figure] ?? []).map(([path, shape, units, letters]) => [
        find(document, `#${dataset.figure.replaceAll("_", "-")}-title`).textContent,
        element("code", bdi(path)), shape.join(" × ") || "1", units, letters,
      ]));
      this.say(`${this.rows.length} arrays lie behind the figures for ${photographOf(image).title}`);
    }

    apply() {
      this.table();
    }
  });
}
