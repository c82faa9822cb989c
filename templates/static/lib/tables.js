/* The table behind a figure. */
"use strict";

{
  const { element, find, on, put } = atlas;

  /* Fill the table in a <details>: make() gives headings and rows of texts or elements. Returns
     what to call after a change. A table that is closed is not drawn. */
  atlas.table = (details, make) => {
    const draw = () => {
      const isReady = details.closest(".figure").dataset.state === "ready";
      if (!details.open || !isReady) return;
      const [headings, rows] = make();
      put(find(details, "table"), headOf(headings), bodyOf(rows));
    };
    on(details, "toggle", draw);
    return draw;
  };

  function headOf(headings) {
    const cells = headings.map((heading) => element("th", { scope: "col" }, heading));
    return element("thead", element("tr", ...cells));
  }

  function bodyOf(rows) {
    return element("tbody", ...rows.map(rowOf));
  }

  function rowOf([first, ...others]) {
    const cells = others.map((content) => element("td", content));
    return element("tr", element("th", { scope: "row" }, first), ...cells);
  }
}
