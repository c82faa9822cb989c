/* The maps of spatial attribution, without the page.

   A subject is what the maps are about:
     null                                    nothing in particular: the evidence as a few factors
     {kind: "cell", panel, row, column}      a cell of layer `panel`: what fed it and what it feeds
     {kind: "class", mapped}                 a class, by its index among those with maps
     {kind: "factor", factor}                one factor of the evidence
   `layers` are those of the figure's data, each with `rows`, `columns` and its largest value,
   `most`; `by` is what the maps show, "share" or "removal"; `pairs` are the maps between layers of
   this, or nothing as long as they are being loaded. */
"use strict";

{
  const { abs, max } = Math;

  const cellOf = (text = "", layers) => {
    const [panel, ...position] = text.split(".");
    const { rows, columns } = layers[panel] ?? {};
    const cell = atlas.parseCell(position.join("."), rows, columns);
    return cell ? { kind: "cell", panel: Number(panel), row: cell[0], column: cell[1] } : null;
  };

  const classOf = (text, mapped) => {
    const found = mapped.findIndex((index) => String(index) === text);
    return found < 0 ? null : { kind: "class", mapped: found };
  };

  const factorOf = (text, count) => {
    const known = /^\d+$/.test(text) && Number(text) < count;
    return known ? { kind: "factor", factor: Number(text) } : null;
  };

  const factorMap = ({ factors }, { factor }, sign) => {
    const { slice, scale } = factors[sign];
    const signed = sign === "for" ? scale : -scale;
    const values = Float32Array.from(slice(factor), (level) => level * signed);
    return { kind: "factor", values, unit: "mean evidence = 1" };
  };

  /* Of every cell of an earlier layer, what it gave the cell of `target`; `values` are those of all
     pairs of their cells. */
  const mapOfSources = (source, values, target, { row, column }) => {
    const targets = target.rows * target.columns;
    const index = row * target.columns + column;
    const length = source.rows * source.columns;
    return Float32Array.from({ length }, (_, k) => values[k * targets + index]);
  };

  const cellMap = (i, subject, { layers, pairs }) => {
    const { panel, row, column } = subject;
    if (i === panel) return { kind: "own", relation: "own" };
    const relation = i > panel ? "after" : "before";
    if (!pairs) return { kind: "own", relation };
    const map = { kind: "pair", unit: "activation length", relation };
    if (i > panel) return { ...map, values: pairs[`${panel}-${i}`].slice(row, column) };
    const { values } = pairs[`${i}-${panel}`];
    return { ...map, values: mapOfSources(layers[i], values, layers[panel], subject) };
  };

  const mapOf = (i, subject, data, sign) => {
    const layer = data.layers[i];
    switch (subject?.kind) {
      case "cell":
        return cellMap(i, subject, data);
      case "class": {
        const values = layer[data.by].slice(subject.mapped);
        return { kind: "class", values, unit: "logits", most: layer.most };
      }
      case "factor":
        return factorMap(layer, subject, sign);
      default:
        return { kind: "colours" };
    }
  };

  atlas.spatialEvidence = {
    /* Whether two subjects are the same. */
    same: (one, other) => JSON.stringify(one) === JSON.stringify(other),

    /* The subject of an address; null where it names none. */
    parse: ({ cell, class: index, factor }, { layers, mapped, factors }) =>
      cellOf(cell, layers) ?? classOf(index, mapped) ?? factorOf(factor, factors),

    /* The keys of the address for a subject. */
    write(subject, mapped) {
      const { kind, panel, row, column, factor = null } = subject ?? {};
      return {
        cell: kind === "cell" ? `${panel}.${row}.${column}` : null,
        class: mapped[subject?.mapped] ?? null,
        factor,
      };
    },

    /* The map of layer `i`: {kind, values, unit, relation, most}. Kinds: "colours" (no values),
       "own" (the layer of the cell, or one whose map is being loaded; no values), "pair", "class"
       and "factor". Relations, of maps for a cell: "before", "own", "after". `most` is the value of
       the strongest colour. */
    map(i, subject, data, sign) {
      const map = mapOf(i, subject, data, sign);
      return map.values ? { most: atlas.largest(map.values.map(abs)), ...map } : map;
    },

    /* The classes that a cell supports most, then those that it opposes most:
       [{name, share, removal}, …] each; fewer where fewer have such a share. */
    extremes({ ends, extremes, extreme }, names, row, column) {
      const found = atlas.range(extremes.shape[2]).map((i) => {
        const index = ends[extremes.at(row, column, i)];
        const [share, removal] = [extreme.share, extreme.removal].map((all) =>
          all.at(row, column, i)
        );
        return { index, name: names[index], share, removal };
      });
      const half = found.length / 2;
      return [
        found.slice(0, half).filter(({ share }) => share > 0),
        found.slice(half).filter(({ share }) => share < 0),
      ];
    },

    /* The sum of the positive values, that of the negative ones, and the index of the largest
       magnitude. */
    summary(values) {
      const sum = (sign) => sign * values.reduce((total, value) => total + max(0, sign * value), 0);
      const larger = (most, value, k) => (abs(value) > abs(values[most]) ? k : most);
      return { positive: sum(1), negative: sum(-1), strongest: values.reduce(larger, 0) };
    },
  };
}
