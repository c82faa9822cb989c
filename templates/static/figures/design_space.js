/* The design space: the diagrams are in the page; what is loaded here are the arrays behind each of
   them for a photograph. */
"use strict";

{
  const { element, find, findAll, name: bdi, sentence } = atlas;

  const titleOf = (figure) => find(document, `#${figure.replaceAll("_", "-")}-title`).textContent;

  class DesignSpace extends atlas.Figure {
    show({ figures }, image) {
      const shown = findAll(this, ".diagram[data-figure]").map(({ dataset }) => dataset.figure);
      this.rows = shown.flatMap((figure) => this.rowsOf(figure, figures[figure] ?? []));
      const { title } = atlas.photograph(image);
      this.announce(sentence(this, "shown", this.rows.length, title));
    }

    rowsOf(figure, arrays) {
      return arrays.map(([path, shape, units, letters]) => {
        const content = element("code", bdi(path));
        return [titleOf(figure), content, shape.join(" × ") || "1", units, letters];
      });
    }

    apply() {
      this.table();
    }

    numbers() {
      return [this.dataset.headings.split("|"), this.rows];
    }
  }

  atlas.define("design_space", DesignSpace);
}
