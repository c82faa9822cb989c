/* The design space: the diagrams stand in the page; what comes here is what lies behind each of them for a photograph. */
"use strict";

customElements.define("atlas-design-space", class extends atlas.Figure {
  static figure = "design_space";

  build() {
    this.table = atlas.table(this.querySelector(".figure-table"), () => [["Figure", "Content", "Shape", "Units", "Presentation"], this.rows]);
  }

  show({ figures }, image) {
    const cards = [...this.querySelectorAll(".diagram[data-figure]")];
    this.rows = cards.flatMap(({ dataset }) => (figures[dataset.figure] ?? []).map(([path, shape, units, letters]) => [
      document.querySelector(`#${dataset.figure.replaceAll("_", "-")}-title`).textContent,
      atlas.element("code", {}, atlas.name(path)), shape.join(" × ") || "1", units, letters,
    ]));
    this.say(`${this.rows.length} arrays lie behind the figures for ${atlas.photograph(image).title}`);
  }

  apply() {
    this.table();
  }
});
