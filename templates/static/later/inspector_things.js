/* What the inspector shows of each kind of thing: {title, picture, page, sections}. The channels'
   data are the inspector's own; all else comes from the data of the figures that are on the page,
   and where a figure is not, the section is left out. */
"use strict";

{
  const { activation, layer: layerOf, name: bdi, signed, sides } = atlas;
  const { channels, crops, effects, map, note, pictures, section, strongest } = sides;
  const NONE = 65535; // the index of no channel
  const SHOWN = 4; // groups at a position

  /* The data of a figure; null where it is not on the page. */
  const figureData = (image, name) =>
    document.getElementById(name.replaceAll("_", "-")) ? atlas.ofPhotograph(image, name) : null;

  const titled = (what, layer) => [`${what} of `, bdi(layerOf(layer).title)];

  /* ------------------------------------------------------------------------ a channel */
  async function channel({ key, layer }, image) {
    const [{ classes, layers }, everywhere] = await Promise.all([
      atlas.ofPhotograph(image, "inspector"),
      atlas.load("channels"),
    ]);
    atlas.learnPictures(everywhere.pictures);
    const found = layers.find((each) => each.layer === layer);
    const i = found ? found.channels.values.indexOf(Number(key)) : -1;
    const title = titled(`Channel ${key}`, layer);
    if (i < 0) return { title, sections: [note("There is no picture of this channel.")] };
    return {
      title,
      picture: `channel:${key}`,
      page: `channels/${layerOf(layer).sprites}/${key}.html`,
      sections: [
        whereChannel(found, i, image),
        found.shares && ofClasses(classes, found.shares, found.removals, i),
        found.before && neighbours("What feeds it", found.before, i),
        found.after && neighbours("What it feeds", found.after, i),
        elsewhere(everywhere.peaks[layer]?.[key] ?? [], found.maps.shape.slice(1), everywhere),
      ],
    };
  }

  function whereChannel({ maps, peaks, block }, i, image) {
    const [, rows, columns] = maps.shape;
    const averaged = block > 1 ? `, averaged over ${block} × ${block} positions` : "";
    const levels = maps.slice(i);
    const below = levels.some((level) => level < 0) ? " Violet and hatched: below zero." : "";
    const text = `Dark where it is not active; at most ${activation(peaks.at(i))}${averaged}.`;
    return section("Where it is", map(image, levels, rows, columns), note(text, below));
  }

  function ofClasses(classes, share, removal, i) {
    const at = (values) => (k) => values.at(i, k);
    return section("What it does to the classes", ...effects(classes, at(share), at(removal)));
  }

  function neighbours(title, { layer, channels: lists, removals }, i) {
    const { signedActivation } = atlas;
    const entries = Array.from(lists.slice(i), (c, n) => [c, signedActivation(removals.at(i, n))])
      .filter(([c]) => c !== NONE);
    const shown = entries.length ? channels(layer, entries) : note("nothing");
    const text =
      "What the one that is fed loses of its summed activation when the other is removed.";
    return section(`${title}, in ${layerOf(layer).title}`, shown, note(text));
  }

  function elsewhere(peaks, shape, { photographs }) {
    const title = "Where it is most active";
    if (!peaks.length) return section(title, note("It is active in no photograph."));
    return section(title, crops(peaks, shape, photographs));
  }

  /* -------------------------------------------------------------------------- a group */
  async function direction({ key, layer }, image) {
    const unit = `direction:${key}`;
    const names = ["neuron_groups", "group_flow"];
    const [groups, flow] = await Promise.all(names.map((name) => figureData(image, name)));
    const found = groupsIn(groups, flow).find((each) => {
      return each.layer === layer && each.units.includes(unit);
    });
    if (!found) return { title: ["A group of another photograph"], sections: [] };
    const g = found.units.indexOf(unit);
    return {
      title: titled(`Group ${g + 1} of ${found.units.length}`, layer),
      picture: unit,
      sections: [
        whereGroup(found, g, image),
        ofClasses(found.classes, found.share, found.removal, g),
        ...flowsOf(flow, unit, layer),
      ],
    };
  }

  /* All factorizations that figures show: {layer, units, presence, …}. */
  function groupsIn(groups, flow) {
    const listed = (groups?.layers ?? []).flatMap(({ layer, factorizations }) =>
      factorizations.map((each) => ({ classes: groups.classes, layer, ...each }))
    );
    const keyed = Object.entries(flow?.factorizations ?? {}).map(([key, each]) => ({
      classes: flow.classes,
      layer: layerOfKey(key),
      ...each,
    }));
    return [...listed, ...keyed];
  }

  /* "mixed4a 6@9" is layer mixed4a in 6 groups that are compatible with 9. */
  const layerOfKey = (key) => key.slice(0, key.lastIndexOf(" "));

  function whereGroup({ presence, positions }, g, image) {
    const [, rows, columns] = presence.shape;
    const largest = activation(atlas.largest(presence.slice(g)) * presence.scale);
    const text = note(`${positions[g]}; present with at most ${largest}.`);
    return section("Where it is", map(image, presence.slice(g), rows, columns), text);
  }

  /* The groups of the layer before that flow into one, or those of the layer after. */
  function flowsOf(flow, unit, layer) {
    const keys = Object.keys(flow?.factorizations ?? {});
    const key = keys.find((each) => {
      return layerOfKey(each) === layer && flow.factorizations[each].units.includes(unit);
    });
    if (!key) return [];
    const part = flow.factorizations[key].units.indexOf(unit);
    const others = keys.flatMap((other) => [
      { other, share: flow.flows[`${other}>${key}`]?.share, title: "What feeds it" },
      { other, share: flow.flows[`${key}>${other}`]?.share, title: "What it feeds" },
    ]);
    const found = others.find(({ share }) => share);
    return found ? [flowSection(flow, found, part)] : [];
  }

  function flowSection({ factorizations }, { other, share, title }, part) {
    const layer = layerOfKey(other);
    const feeds = title === "What it feeds";
    const entries = factorizations[other].units.map((unit, i) => {
      const value = feeds ? share.at(part, i) : share.at(i, part);
      return [unit, `group ${i + 1}`, `${signed(100 * value, 1)} %`];
    });
    const text = "Shares of the group that is fed.";
    return section(`${title}, in ${layerOf(layer).title}`, pictures(layer, entries), note(text));
  }

  /* -------------------------------------------------------------------------- a class */
  async function classSides({ key }, image) {
    const names = ["channel_attribution", "spatial_attribution", "neuron_groups"];
    const [{ classes }, ...data] = await Promise.all([
      atlas.ofPhotograph(image, "inspector"),
      ...names.map((name) => figureData(image, name)),
    ]);
    const index = Number(key);
    const known = classes.find((each) => each.index === index);
    const name = known?.name ?? data[1]?.names[index] ?? `class ${key}`;
    const answer = known && note(
      `${atlas.percent(known.probability)}, logit ${atlas.number(known.logit)}`,
    );
    const sections = [mapOfClass(data[1], index, image), ...channelsOfClass(data[0], index)];
    const all = [answer, ...sections, groupsOfClass(data[2], index)];
    return { title: [bdi(name)], sections: all };
  }

  function mapOfClass(data, index, image) {
    const mapped = data?.mapped.indexOf(index) ?? -1;
    if (mapped < 0) return null;
    const { layer, share } = data.layers.at(-1);
    const [, rows, columns] = share.shape;
    const view = sides.photograph(image);
    const values = share.slice(mapped);
    const most = atlas.largest(values.map(Math.abs));
    view.signed(values, rows, columns, most);
    const text = `Shares of the positions of ${layerOf(layer).title}: green for the class, ` +
      `hatched red against it; at most ${signed(most, 3)} logits.`;
    return section("Where the evidence is", view.root, note(text));
  }

  function channelsOfClass(data, index) {
    const k = data?.classes.findIndex((each) => each.index === index) ?? -1;
    if (k < 0) return [];
    return atlas.trail.columns(data.layers, k, []).map(({ layer, entries }) => {
      const shown = entries.map((each) => [layer.channels.at(each.index), signed(each.share)]);
      const title = `Channels for and against it, in ${layerOf(layer.layer).title}`;
      return section(title, channels(layer.layer, shown));
    });
  }

  function groupsOfClass(data, index) {
    const k = data?.classes.findIndex((each) => each.index === index) ?? -1;
    if (k < 0) return null;
    const { layer, count, factorizations } = data.layers.at(-1);
    const { units, share } = factorizations.find((each) => each.count === count);
    const entries = units.map((unit, g) => [unit, `group ${g + 1}`, signed(share.at(g, k))]);
    return section(`Groups of ${layerOf(layer).title}`, pictures(layer, entries));
  }

  /* ----------------------------------------------------------------------- a position */
  async function position({ key }, image) {
    const [row, column, rows, columns] = atlas.parseNumbers(key);
    const from = { rows, columns };
    const names = ["semantic_dictionary", "spatial_attribution", "neuron_groups"];
    const data = await Promise.all(names.map((name) => figureData(image, name)));
    const view = sides.photograph(image);
    const frame = atlas.element("div.cell");
    atlas.frame(frame, from, row, column);
    view.root.append(frame);
    const cellIn = (shape) => {
      return atlas.correspondingCell(from, { rows: shape[0], columns: shape[1] }, row, column);
    };
    return {
      title: [`Position: ${atlas.describePosition(row, column)}`],
      sections: [
        section("Where it is", view.root, note(`One of ${rows} × ${columns} positions.`)),
        ...channelsAt(data[0], cellIn),
        effectsAt(data[1], cellIn),
        groupsAt(data[2], cellIn),
      ],
    };
  }

  function channelsAt(data, cellIn) {
    return (data?.layers ?? []).map(({ layer, channels: lists, values }) => {
      const cell = cellIn(lists.shape);
      const entries = Array.from(lists.slice(...cell), (c, i) => [c, values.at(...cell, i)])
        .filter(([, value]) => value > 0).map(([c, value]) => [c, activation(value)]);
      return section(`Strongest channels of ${layerOf(layer).title}`, channels(layer, entries));
    });
  }

  function effectsAt(data, cellIn) {
    if (!data) return null;
    const { layer, share, removal } = data.layers.at(-1);
    const cell = cellIn(share.shape.slice(1));
    const at = (values) => (k) => values.at(k, ...cell);
    const title = `What it does to the classes, in ${layerOf(layer).title}`;
    return section(title, ...effects(data.classes, at(share), at(removal)));
  }

  function groupsAt(data, cellIn) {
    if (!data) return null;
    const { layer, count, factorizations } = data.layers.at(-1);
    const { units, presence } = factorizations.find((each) => each.count === count);
    const cell = cellIn(presence.shape.slice(1));
    const values = units.map((_, g) => presence.at(g, ...cell));
    const entries = strongest(values, SHOWN).map((g) => {
      return [units[g], `group ${g + 1}`, activation(values[g])];
    });
    if (!entries.length) return null;
    return section(`Groups of ${layerOf(layer).title} that are here`, pictures(layer, entries));
  }

  const KINDS = { channel, direction, class: classSides, at: position };

  /* All sides of a thing ("channel:12 mixed4a"), as a promise. */
  atlas.sidesOf = async (thing, image) => {
    await atlas.meet(image);
    const { layer, ...named } = atlas.keysOf(thing);
    const [[kind, key]] = Object.entries(named);
    return KINDS[kind]({ key, layer }, image);
  };
}
