/* Many pictures in one file, loaded when the first of them is shown. `atlas.icon` turns an element
   into a unit's feature visualization; one that does not activate its unit is marked, so that
   nobody takes it for what the unit responds to. */
"use strict";

{
  const files = new Map(); // path → promise of a loaded image
  const FLAWS = {
    absent: "no picture",
    dead: "the picture found does not activate it",
  };

  /* Which part of a sprite sheet a picture is in, and how it is enlarged and moved into view. */
  atlas.spriteCrop = (index, total, { columns, part }) => {
    const number = Math.floor(index / part);
    const rows = Math.ceil(Math.min(part, total - number * part) / columns);
    const within = index % part;
    return {
      part: number,
      within,
      size: `${columns * 100}% ${rows * 100}%`,
      position: atlas.cropPosition(within % columns, columns, Math.floor(within / columns), rows),
    };
  };

  /* Which position of a background shows one of its columns and rows. */
  atlas.cropPosition = (column, columns, row, rows) => {
    const percent = (i, count) => `${count > 1 ? (100 * i) / (count - 1) : 0}%`;
    return `${percent(column, columns)} ${percent(row, rows)}`;
  };

  function load(path) {
    if (!files.has(path)) {
      const loaded = new Promise((resolve, reject) => {
        const image = new Image();
        image.onload = () => resolve(image);
        image.onerror = () => {
          files.delete(path);
          reject();
        };
        image.src = atlas.address(path);
      });
      files.set(path, loaded);
    }
    return files.get(path);
  }

  /* Show picture `index` of `total` in the sprite sheet `sprites/<name>-<part>.webp` as the
     background of an element. */
  atlas.sprite = (element, name, index, total) => {
    const { part, within, size, position } = atlas.spriteCrop(index, total, atlas.site.sprites);
    const path = `sprites/${name}-${part}.webp`;
    const shown = `${path} ${within}`;
    element.dataset.sprite = shown;
    const show = (image) => {
      if (element.dataset.sprite !== shown) return; // shows something else by now
      element.style.backgroundImage = `url("${image.src}")`;
      element.style.backgroundSize = size;
      element.style.backgroundPosition = position;
      element.classList.add("shown");
    };
    load(path).then(show, () => atlas.missing(element, path));
  };

  /* What a unit is called: "channel 12", "group 3". */
  atlas.unit = (unit) => unit.replace(":", " ");

  /* Turn an element into the feature visualization of a unit ("channel:12") of a layer. */
  atlas.icon = (element, layerName, unit, name = atlas.unit(unit)) => {
    const layer = atlas.layer(layerName);
    const [index, surpassed] = atlas.pictureOf(layerName, unit) ?? [];
    const state = index === undefined ? "absent" : surpassed === false ? "dead" : "alive";
    const label = `Feature visualization of ${name}, layer ${layer.title}`;
    element.classList.add("icon");
    element.classList.remove("shown");
    atlas.thing(element, `${unit} ${layerName}`);
    element.dataset.picture = state;
    element.removeAttribute("style");
    delete element.dataset.sprite;
    element.role = "img";
    element.ariaLabel = label + remark(state, surpassed);
    element.title = element.ariaLabel;
    if (state !== "absent") atlas.sprite(element, layer.sprites, index, layer.pictures);
    return element;
  };

  function remark(state, surpassed) {
    if (state in FLAWS) return ` (${FLAWS[state]})`;
    if (surpassed === null) return "";
    return `, activates it more than ${surpassed} of ${atlas.site.photographs.count} photographs`;
  }

  /* The same, in something that is described as a whole. */
  atlas.picture = (layerName, unit, name) => {
    const picture = atlas.icon(atlas.element("span.picture"), layerName, unit, name);
    picture.ariaHidden = true;
    return picture;
  };

  /* What is wrong with an icon, for the name of the button that it is in. */
  atlas.flaw = ({ dataset: { picture } }) => picture in FLAWS ? `; ${FLAWS[picture]}` : "";

  /* Fetch the files that hold some units of a layer before they are asked for. */
  atlas.preload = (layerName, units) => {
    const layer = atlas.layer(layerName);
    const found = units.map((unit) => atlas.pictureOf(layerName, unit)).filter(Boolean);
    const parts = new Set(found.map(([index]) => Math.floor(index / atlas.site.sprites.part)));
    for (const part of parts) {
      // Whoever shows the picture reports that it is missing.
      load(`sprites/${layer.sprites}-${part}.webp`).catch(() => {});
    }
  };
}
