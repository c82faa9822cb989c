/* The object that everything hangs on: what the site knows (`atlas.site`), how data files arrive
   (`atlas.register`, `atlas.load`), and how elements and numbers are written. Data files are scripts, because a page
   opened from a disk may run scripts but not fetch files; each carries the build that it belongs to. */
"use strict";

window.atlas = { build: document.documentElement.dataset.build, site: null };

{
  const REMEMBERED = 64; // data files kept in memory
  const requests = new Map(); // key → {promise, settle}

  /* Called by every data file. */
  atlas.register = (build, key, data) => {
    const file = `data/${key}.js`;
    const error = build === atlas.build ? null : new Error(`${file} belongs to another build of this atlas. Publish the whole folder again.`);
    if (key === "site") {
      atlas.site = error ? null : data;
      atlas.siteError = error;
    } else requests.get(key)?.settle(error, data);
  };

  /* What a figure shows of a photograph, as a promise. */
  atlas.load = (image, figure) => {
    const key = `${image}/${figure}`;
    if (!requests.has(key)) requests.set(key, request(key));
    if (requests.size > REMEMBERED) requests.delete(requests.keys().next().value);
    return requests.get(key).promise;
  };

  function request(key) {
    const file = `data/${key}.js`;
    const script = element("script", { src: atlas.address(file) });
    const entry = {};
    entry.promise = new Promise((resolve, reject) => {
      entry.settle = (error, data) => {
        script.remove();
        if (!error) return resolve(atlas.unpacked(data));
        requests.delete(key);
        reject(error);
      };
    });
    atlas.on(script, "error", () => entry.settle(new Error(`${file} is missing.`)));
    // A whole file has registered itself by now; then this settles nothing.
    atlas.on(script, "load", () => entry.settle(new Error(`${file} is damaged.`)));
    document.head.append(script);
    return entry;
  }

  /* A file's address; the build keeps a browser from mixing files of two builds. */
  atlas.address = (path) => `${path.split("/").map(encodeURIComponent).join("/")}?${atlas.build}`;

  /* element("p.quiet.fine", {"aria-label": "…", hidden: true}, child, …); strings become text, never markup. */
  const element = atlas.element = (tag, ...content) => {
    const [name, ...classes] = tag.split("."), made = document.createElement(name);
    if (classes.length) made.className = classes.join(" ");
    if (name === "button") made.type = "button";
    for (const each of content) {
      if (each == null) continue;
      if (each.constructor !== Object) made.append(each);
      else for (const [key, value] of Object.entries(each)) if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
    }
    return made;
  };

  atlas.find = (root, selector) => root.querySelector(selector);
  atlas.findAll = (root, selector) => [...root.querySelectorAll(selector)];
  atlas.on = (target, type, act, options) => target.addEventListener(type, act, options);
  atlas.put = (parent, ...children) => parent.replaceChildren(...children);

  /* Tell the figure around an element that one of its pictures is missing. */
  atlas.missing = (element, path) => element.dispatchEvent(new CustomEvent("atlas-missing", { bubbles: true, detail: new Error(`${path} is missing or damaged.`) }));

  /* 0, 1, …, count − 1. */
  atlas.range = (count) => [...Array(count).keys()];

  /* The numbers of "1.2.3", as states have them. */
  atlas.numbersOf = (text) => (text ?? "").split(".").map(Number);

  /* The place "row.column" of a grid, as the address has it; undefined if it is none. */
  atlas.cellOf = (text, rows, columns) => {
    const [row, column] = /^\d+\.\d+$/.test(text) ? text.split(".").map(Number) : [];
    return row < rows && column < columns ? [row, column] : undefined;
  };

  atlas.spot = (row, column) => `row ${row + 1}, column ${column + 1}`;

  /* A name from the data, kept from disturbing the direction of the text around it. */
  atlas.name = (text) => element("bdi", text);

  /* The filled part of a bar; it takes up a share of it. */
  atlas.bar = (share, kind = "") => {
    const bar = element("span.fill");
    bar.style.width = `${100 * share}%`;
    if (kind) bar.classList.add(kind);
    return bar;
  };

  /* Numbers: a real minus, a fixed count of decimals; signed also shows the plus. */
  atlas.number = (value, decimals = 2) => (Number(value.toFixed(decimals)) === 0 ? 0 : value).toFixed(decimals).replace("-", "−");
  atlas.signed = (value, decimals = 2) => (Number(value.toFixed(decimals)) > 0 ? "+" : "") + atlas.number(value, decimals);
  atlas.activation = (value) => {
    const size = Math.abs(value);
    if (size === 0) return "0";
    const text = size < 1 ? Number(value.toPrecision(2)).toString() : size < 10 ? value.toPrecision(3) : value.toFixed(1);
    return text.replace("-", "−");
  };
  atlas.percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);

  atlas.layer = (name) => atlas.site.layers.find((layer) => layer.name === name);
  atlas.photograph = (name) => atlas.site.photographs.find((photograph) => photograph.name === name);

  /* A value with its name and a bar on an axis. */
  atlas.evidence = (name, text, bar) => element("span.evidence", element("span.evidence-name", name), element("span.value", text), element("span.axis", bar));

  /* The table behind a figure: make() gives headings and rows of texts or elements. Returns what to call after a change;
     a table that nobody has opened is not drawn. */
  atlas.table = (details, make) => {
    const cell = (tag, scope) => (content) => element(tag, { scope }, content);
    const draw = () => {
      if (!details.open || details.closest(".figure").dataset.state !== "ready") return;
      const [headings, rows] = make();
      atlas.put(
        atlas.find(details, "table"),
        element("thead", element("tr", ...headings.map(cell("th", "col")))),
        element("tbody", ...rows.map(([first, ...rest]) => element("tr", cell("th", "row")(first), ...rest.map(cell("td"))))),
      );
    };
    atlas.on(details, "toggle", draw);
    return draw;
  };
}
