/* Many pictures in one file, loaded when the first of them is shown. `atlas.icon` turns an element
   into a unit's feature visualization; one that does not activate its unit is marked, so that
   nobody takes it for what the unit responds to. */
"use strict";

{
  const files = new Map(); // path → promise of a loaded image
  const indexes = new Map(); // layer → Map: unit → index in its sprite sheet

  /* Which part of a sprite sheet a picture is in, and how it is enlarged and moved into view. */
  atlas.spriteCrop = (index, total, { columns, part }) => {
    const number = Math.floor(index / part);
    const rows = Math.ceil(Math.min(part, total - number * part) / columns);
    const within = index % part;
    const percent = (i, count) => (count > 1 ? (100 * i) / (count - 1) : 0);
    return {
      part: number,
      within,
      size: `${columns * 100}% ${rows * 100}%`,
      position: `${percent(within % columns, columns)}% ` +
        `${percent(Math.floor(within / columns), rows)}%`,
    };
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

  function indexOf(layer, unit) {
    if (!indexes.has(layer.name)) {
      indexes.set(layer.name, new Map(layer.units.map((name, i) => [name, i])));
    }
    return indexes.get(layer.name).get(unit);
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
    const index = indexOf(layer, unit);
    const state = stateOf(layer, unit, index);
    const label = `Feature visualization of ${name}, layer ${layer.title}`;
    element.classList.add("icon");
    element.classList.remove("shown");
    element.dataset.picture = state;
    element.removeAttribute("style");
    delete element.dataset.sprite;
    element.role = "img";
    element.ariaLabel = label + remark(layer, index, state);
    element.title = element.ariaLabel;
    if (index !== undefined) atlas.sprite(element, layer.sprites, index, layer.units.length);
    return element;
  };

  function stateOf(layer, unit, index) {
    if (index === undefined) return "absent";
    return layer.dead.includes(unit) ? "dead" : "alive";
  }

  function remark(layer, index, state) {
    if (state === "absent") return " (no picture was made)";
    if (state === "dead") return " (the picture found does not activate it)";
    const surpassed = layer.surpassed[index];
    if (surpassed === null || surpassed === undefined) return "";
    const { length } = atlas.site.photographs;
    return `, activates it more than ${surpassed} of ${length} photographs`;
  }

  /* The same, in something that is described as a whole. */
  atlas.picture = (layerName, unit, name) => {
    const picture = atlas.icon(atlas.element("span.picture"), layerName, unit, name);
    picture.ariaHidden = true;
    return picture;
  };

  /* What is wrong with an icon, for the name of the button that it is in. */
  atlas.flaw = ({ dataset }) => {
    if (dataset.picture === "dead") return "; the picture found does not activate it";
    return dataset.picture === "absent" ? "; no picture was made" : "";
  };

  /* Fetch the files that hold some units of a layer before they are asked for. */
  atlas.preload = (layerName, units) => {
    const layer = atlas.layer(layerName);
    const found = units.map((unit) => indexOf(layer, unit)).filter((index) => index !== undefined);
    const parts = new Set(found.map((index) => Math.floor(index / atlas.site.sprites.part)));
    for (const part of parts) {
      // Whoever shows the picture reports that it is missing.
      load(`sprites/${layer.sprites}-${part}.webp`).catch(() => {});
    }
  };
}
