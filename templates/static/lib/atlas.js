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
    const script = atlas.element("script", { src: atlas.address(file) });
    const entry = {};
    entry.promise = new Promise((resolve, reject) => {
      entry.settle = (error, data) => {
        script.remove();
        if (!error) return resolve(data);
        requests.delete(key);
        reject(error);
      };
    });
    script.addEventListener("error", () => entry.settle(new Error(`${file} is missing.`)));
    // A whole file has registered itself by now; then this settles nothing.
    script.addEventListener("load", () => entry.settle(new Error(`${file} is damaged.`)));
    document.head.append(script);
    return entry;
  }

  /* A file's address; the build keeps a browser from mixing files of two builds. */
  atlas.address = (path) => `${path.split("/").map(encodeURIComponent).join("/")}?${atlas.build}`;

  /* element("button", {class: "x", "aria-label": "…", hidden: true}, child, …); strings become text, never markup. */
  atlas.element = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child != null));
    return element;
  };

  /* A name from the data, kept from disturbing the direction of the text around it. */
  atlas.name = (text) => atlas.element("bdi", {}, text);

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

  /* The table behind a figure: make() gives headings and rows of texts or elements. Returns what to call after a change;
     a table that nobody has opened is not drawn. */
  atlas.table = (details, make) => {
    const cell = (tag, scope) => (content) => atlas.element(tag, { scope }, content);
    const draw = () => {
      if (!details.open || details.closest(".figure").dataset.state !== "ready") return;
      const [headings, rows] = make();
      details.querySelector("table").replaceChildren(
        atlas.element("thead", {}, atlas.element("tr", {}, ...headings.map(cell("th", "col")))),
        atlas.element("tbody", {}, ...rows.map(([first, ...rest]) => atlas.element("tr", {}, cell("th", "row")(first), ...rest.map(cell("td"))))),
      );
    };
    details.addEventListener("toggle", draw);
    return draw;
  };
}
