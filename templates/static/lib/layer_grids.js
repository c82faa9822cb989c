/* One photograph for each layer, with the layer's cells over it, all showing the same position. */
"use strict";

{
  const { find, on } = atlas;

  /* Make a panel of each element in `roots`, which are in the order of the layers. Handlers are
     those of a grid, with the layer's index first. */
  atlas.layerGrids = (roots, handlers) =>
    Array.from(roots, (root, i) => panelOf(root, i, handlers));

  function panelOf(root, i, { hover, choose, back, label }) {
    const { name, title } = atlas.site.layers[i];
    const part = (text) => find(root, `.${text}`);
    const view = new atlas.PhotographView(part("photograph-view"));
    const ofLayer = {
      hover: (...at) => hover(i, ...at),
      choose: (...at) => choose(i, ...at),
      back,
      label: (...at) => label(i, ...at),
    };
    const grid = new atlas.Grid(view.root, ofLayer);
    on(grid.cell, "focus", () => {
      if (grid.cell.matches(":focus-visible")) hover(i, grid.row, grid.column, true);
    });
    const parts = { window: part("window"), lens: part("lens"), text: part("lens-text") };
    return { root, view, grid, name, title, part, ...parts };
  }

  /* Move the cells of all layers to where a cell of layer `i` is in the photograph. */
  atlas.linkGrids = (panels, i, row, column, held) => {
    const from = panels[i].grid;
    panels.forEach(({ grid }, layer) => {
      const cell = atlas.correspondingCell(from, grid, row, column);
      grid.moveTo(...cell, held && layer === i);
    });
  };
}
