/* The lists of channel attribution, without the page: what a trail of clicks leads to.

   A step {layer, index} is a channel: the number of its layer, and its index among the channels
   that the page holds of that layer. A trail is a list of steps, and its last step the target;
   without one, the target is class number `k`. `layers` are those of the figure's data. */
"use strict";

{
  const { abs, max } = Math;

  const NONE = 65535; // the index of no channel
  const SMALLEST = 1e-9; // a scale is never zero

  /* `values` returns share and effect of removal of the channel at `index`, the i-th of a list. */
  const entries = (indexes, values) => {
    const all = Array.from(indexes, (index, i) => ({ index, i }));
    return all.filter(({ index }) => index !== NONE).map(({ index, i }) => {
      const [share, removal] = values(index, i);
      return { index, share, removal };
    });
  };

  const classColumn = (layer, k) => {
    const { indexes, shares, counts } = layer.classes;
    const values = (index) => [layer.toClasses, layer.removals].map((each) => each.at(index, k));
    return {
      kind: "class",
      layer,
      entries: entries(indexes.slice(k), values),
      shares: shares.slice(k),
      counts: counts.slice(k),
    };
  };

  const column = (layers, k, trail, layer, m) => {
    const target = trail.at(-1);
    if (!target) return classColumn(layer, k);
    if (m === target.layer) return chosenColumn(layers, k, trail);
    const kind = m < target.layer ? "feeds" : "fed";
    const from = layers[target.layer];
    if (target.index >= from.listed) return { kind, layer, entries: [], unlisted: true };
    const { indexes, values, removals, shares } = from.lists[layer.layer];
    const both = (_, i) => [values, removals].map((each) => each.at(target.index, i));
    return {
      kind,
      layer,
      entries: entries(indexes.slice(target.index), both),
      shares: shares.slice(target.index),
    };
  };

  /* The target among the channels that it was chosen from. */
  const chosenColumn = (layers, k, trail) => {
    const { layer: m, index } = trail.at(-1);
    const before = column(layers, k, trail.slice(0, -1), layers[m], m);
    const found = before.entries.map((entry) => ({ index: entry.index }));
    const among = found.some((entry) => entry.index === index);
    return {
      kind: "chosen",
      layer: layers[m],
      entries: among ? found : [{ index }, ...found],
    };
  };

  /* What a full bar of a column stands for. Columns whose values are parts of one quantity, a logit
     or the target's activation, share a scale; each later layer has its own. */
  const scale = (column, columns) => {
    const alike = column.kind === "fed"
      ? [column]
      : columns.filter(({ kind }) => kind === column.kind);
    const shown = alike.flatMap(({ entries }) => entries);
    return max(
      SMALLEST,
      ...shown.flatMap(({ share = 0, removal = 0 }) => [abs(share), abs(removal)]),
    );
  };

  atlas.trail = {
    /* The trail "layer.channel-layer.channel", as far as the page holds its channels. */
    parse(text, layers) {
      const steps = text.split("-").map((step) => {
        const [layer, channel] = step.split(".").map(Number);
        return { layer, index: layers[layer]?.channels.values.indexOf(channel) ?? -1 };
      });
      const end = steps.findIndex(({ index }) => index < 0);
      return end < 0 ? steps : steps.slice(0, end);
    },

    /* The same as text; null for no step. */
    write(trail, layers) {
      const steps = trail.map(({ layer, index }) => `${layer}.${layers[layer].channels.at(index)}`);
      return steps.join("-") || null;
    },

    /* The trail after a click on a channel: a step more, another channel in place of the target,
       or, where it is the target, a step back. */
    follow(trail, step) {
      const target = trail.at(-1);
      if (step.layer !== target?.layer) return [...trail, step];
      const before = trail.slice(0, -1);
      return step.index === target.index ? before : [...before, step];
    },

    /* What each layer's column shows: {kind, layer, entries: [{index, share, removal}], shares,
       counts, scale}. Kinds: "class" (channels for and against the class), "chosen" (the target's
       own layer), "feeds" (an earlier layer), "fed" (a later one). `unlisted` is true where the
       page holds no list. */
    columns(layers, k, trail) {
      const columns = layers.map((layer, m) => column(layers, k, trail, layer, m));
      for (const each of columns) each.scale = scale(each, columns);
      return columns;
    },
  };
}
