/* Pictures: many in one file, a file loaded when the first of its pictures is shown. `atlas.icon` makes an element that
   shows a unit's feature visualization; a picture that does not activate its unit is marked, never shown as a meaning. */
"use strict";

{
  const { address, layer: layerOf } = atlas;
  const { floor } = Math;
  const files = new Map(); // path → promise of a loaded image
  const places = new Map(); // layer → Map unit → place

  const load = (path) => {
    if (!files.has(path)) {
      files.set(path, new Promise((resolve, reject) => {
        const image = new Image();
        image.onload = () => resolve(image);
        image.onerror = () => {
          files.delete(path);
          reject();
        };
        image.src = address(path);
      }));
    }
    return files.get(path);
  };

  const placeOf = (layer, unit) => {
    if (!places.has(layer.name)) places.set(layer.name, new Map(layer.units.map((name, i) => [name, i])));
    return places.get(layer.name).get(unit);
  };

  /* Show picture `place` of the sheet `sprites/<name>-<part>.webp` with `total` pictures in an element's background. */
  atlas.sprite = (element, name, place, total) => {
    const { columns, part } = atlas.site.sprites;
    const index = floor(place / part), within = place % part;
    const rows = Math.ceil(Math.min(part, total - index * part) / columns);
    const path = `sprites/${name}-${index}.webp`;
    element.dataset.sprite = `${path} ${within}`;
    load(path).then((image) => {
      if (element.dataset.sprite !== `${path} ${within}`) return; // shows something else by now
      const { style } = element;
      style.backgroundImage = `url("${image.src}")`;
      style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
      style.backgroundPosition = `${((within % columns) / (columns - 1)) * 100}% ${rows > 1 ? (floor(within / columns) / (rows - 1)) * 100 : 0}%`;
      element.classList.add("shown");
    }, () => atlas.missing(element, path));
  };

  /* What a unit is called: "channel 12", "group 3". */
  atlas.unit = (unit) => unit.replace(":", " ");

  /* Turn an element into the picture of a unit ("channel:12") of a layer. */
  atlas.icon = (element, layerName, unit, name = atlas.unit(unit)) => {
    const layer = layerOf(layerName), place = placeOf(layer, unit);
    const state = place === undefined ? "absent" : layer.dead.includes(unit) ? "dead" : "alive";
    const surpassed = layer.surpassed[place] ?? -1, { length } = atlas.site.photographs;
    const alive = surpassed < 0 ? "" : `, activates it more than ${surpassed} of ${length} photographs`;
    const means = { alive, dead: " (the picture found does not activate it)", absent: " (no picture was made)" }[state];
    element.classList.add("icon");
    element.classList.remove("shown");
    element.dataset.picture = state;
    element.removeAttribute("style");
    delete element.dataset.sprite;
    element.role = "img";
    element.ariaLabel = `Feature visualization of ${name}, layer ${layer.title}${means}`;
    element.title = element.ariaLabel;
    if (place !== undefined) atlas.sprite(element, layer.sheet, place, layer.units.length);
    return element;
  };

  /* The same as a part of something that says it all. */
  atlas.picture = (layerName, unit, name) => {
    const picture = atlas.icon(atlas.element("span.picture"), layerName, unit, name);
    picture.ariaHidden = true;
    return picture;
  };

  /* What is wrong with an icon, for the name of the button that it stands in. */
  atlas.flaw = ({ dataset }) => ({ dead: "; the picture found does not activate it", absent: "; no picture was made" })[dataset.picture] ?? "";

  /* Fetch the files that hold some units of a layer before they are asked for. */
  atlas.preload = (layerName, units) => {
    const layer = layerOf(layerName);
    const parts = new Set(units.map((unit) => placeOf(layer, unit)).filter((place) => place !== undefined).map((place) => floor(place / atlas.site.sprites.part)));
    parts.forEach((part) => load(`sprites/${layer.sheet}-${part}.webp`).catch(() => {}));
  };
}
