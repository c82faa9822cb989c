/* The object that everything else adds to, the facts of the site (`atlas.site`), and how data files
   arrive. Data files are scripts, because a page opened from a disk may run scripts but not fetch
   files. Each carries the build that it belongs to. */
"use strict";

globalThis.atlas = { build: document.documentElement.dataset.build, site: null, siteError: null };

{
  const REMEMBERED = 64; // data files kept in memory
  const requests = new Map(); // key → {promise, settle}
  const known = new Map(); // name → facts of a photograph
  const listed = new Set(); // names of photographs that there are
  const pictures = new Map(); // "layer unit" → [index in the sprite sheet, photographs surpassed]

  /* Called by every data file. */
  atlas.register = (build, key, data) => {
    const error = build === atlas.build ? null : foreignBuild(key);
    if (key === "site") {
      atlas.siteError = error;
      if (error) return;
      atlas.site = data;
      learn(data.first);
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
    if (requests.size > REMEMBERED) {
      const [old] = [...requests].find(([, { isSettled }]) => isSettled) ?? [];
      requests.delete(old);
    }
    return requests.get(key).promise;
  };

  function request(key) {
    const file = pathOf(key);
    const script = document.createElement("script");
    script.src = atlas.address(file);
    const entry = {};
    entry.promise = new Promise((resolve, reject) => {
      entry.settle = (error, data) => {
        entry.isSettled = true;
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

  /* ---------------------------------------------------------------- the photographs */
  /* The facts of a photograph that has been met: {name, title, index}. */
  atlas.photograph = (name) => known.get(name);

  /* A part of what the picker lists, as a promise: [name, title, prediction, is a mistake] each. */
  atlas.listed = async (part) => {
    const { rows } = await atlas.load(`photographs-${part}`);
    for (const [name] of rows) listed.add(name);
    return rows;
  };

  /* Meet a photograph, whose name may be anything that a user wrote. The promise is rejected where
     there is none of that name, with an error that `isAbsent`. */
  atlas.meet = async (name) => {
    if (known.has(name)) return;
    const { count, part } = atlas.site.photographs;
    if (count <= part) await atlas.listed(0);
    const mayBe = listed.has(name) || (count > part && /^\w[\w.-]*$/.test(name));
    try {
      if (!mayBe) throw new Error(`There is no photograph "${name}".`);
      learn(await atlas.load(name, "photograph"));
    } catch (error) {
      error.isAbsent = !listed.has(name);
      throw error;
    }
  };

  /* What a figure shows of a photograph, as a promise. */
  atlas.ofPhotograph = async (name, figure) => {
    const met = atlas.meet(name);
    if (!known.has(name) && !listed.has(name)) await met;
    const [data] = await Promise.all([atlas.load(name, figure), met]);
    return data;
  };

  function learn(photograph) {
    known.set(photograph.name, photograph);
    listed.add(photograph.name);
    atlas.learnPictures(photograph.pictures);
  }

  /* Note where pictures are: layer → [unit, index, surpassed] each. */
  atlas.learnPictures = (found) => {
    for (const [layer, rows] of Object.entries(found)) {
      for (const [unit, ...picture] of rows) pictures.set(`${layer} ${unit}`, picture);
    }
  };

  /* Where the picture of a unit is, [index, photographs surpassed]; undefined where none is known.
     `false` surpassed: it does not activate its unit. */
  atlas.pictureOf = (layer, unit) => pictures.get(`${layer} ${unit}`);
}
