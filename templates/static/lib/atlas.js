/* The object that everything else adds to, the facts of the site (`atlas.site`), and how data files
   arrive. Data files are scripts, because a page opened from a disk may run scripts but not fetch
   files. Each carries the build that it belongs to. */
"use strict";

globalThis.atlas = { build: document.documentElement.dataset.build, site: null, siteError: null };

{
  const REMEMBERED = 64; // data files kept in memory
  const requests = new Map(); // key → {promise, settle}

  /* Called by every data file. */
  atlas.register = (build, key, data) => {
    const error = build === atlas.build ? null : foreignBuild(key);
    if (key === "site") {
      atlas.site = error ? null : data;
      atlas.siteError = error;
      return;
    }
    requests.get(key)?.settle(error, data);
  };

  function foreignBuild(key) {
    const advice = "Publish the whole folder again.";
    return new Error(`${pathOf(key)} belongs to another build of this atlas. ${advice}`);
  }

  /* A data file, such as what a figure shows of a photograph (name, figure), as a promise. */
  atlas.load = (...path) => {
    const key = path.join("/");
    if (!requests.has(key)) requests.set(key, request(key));
    if (requests.size > REMEMBERED) requests.delete(requests.keys().next().value);
    return requests.get(key).promise;
  };

  function request(key) {
    const file = pathOf(key);
    const script = document.createElement("script");
    script.src = atlas.address(file);
    const entry = {};
    entry.promise = new Promise((resolve, reject) => {
      entry.settle = (error, data) => {
        script.remove();
        if (error) {
          requests.delete(key);
          reject(error);
        } else {
          resolve(atlas.unpacked(data));
        }
      };
    });
    script.addEventListener("error", () => entry.settle(new Error(`${file} is missing.`)));
    // A whole file has registered itself by now; then this settles nothing.
    script.addEventListener("load", () => entry.settle(new Error(`${file} is damaged.`)));
    document.head.append(script);
    return entry;
  }

  function pathOf(key) {
    return `data/${key}.js`;
  }

  /* A file's address; the build keeps a browser from mixing files of two builds. */
  atlas.address = (path) => {
    const escaped = path.split("/").map(encodeURIComponent).join("/");
    return `${escaped}?${atlas.build}`;
  };

  atlas.layer = (name) => atlas.site.layers.find((layer) => layer.name === name);
  atlas.photograph = (name) => atlas.site.photographs.find((each) => each.name === name);
}
