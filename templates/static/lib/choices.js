/* Choices that several figures offer: radio buttons, layers, and how many groups. */
"use strict";

{
  /* Radio buttons: choose(value) is called with that of the one chosen. Returns what marks one. */
  atlas.radios = (inputs, choose) => {
    for (const input of inputs) atlas.on(input, "change", () => choose(input.value));
    return (value) => {
      for (const input of inputs) input.checked = input.value === value;
    };
  };

  /* Layers as radio buttons in a <fieldset>: choose(name) is called with the layer's name. */
  atlas.layerChoice = (fieldset, id, names, choose) => {
    const options = names.map((name) => layerOption(id, name));
    atlas.put(atlas.find(fieldset, ".choices"), ...options);
    return atlas.radios(atlas.findAll(fieldset, "input"), choose);
  };

  function layerOption(id, name) {
    const { element } = atlas;
    const { title, shape } = atlas.layer(name);
    const [channels, rows, columns] = shape;
    const size = element("small", `${rows} × ${columns} × ${channels}`);
    return element(
      "label",
      element("input", { type: "radio", name: `${id}-layer`, value: name }),
      element("span", atlas.name(title), size),
    );
  }

  /* Classes as the options of a <select>. */
  atlas.offerClasses = (select, classes) => {
    const { element, put } = atlas;
    const option = ({ index, name }) =>
      atlas.thing(element("option", { value: index }, name), `class:${index}`);
    put(select, ...classes.map(option));
  };

  /* How many groups, as a slider over `counts`: a <label> with a range <input> and an <output>. */
  atlas.countChoice = (label, counts, choose) => {
    const input = atlas.find(label, "input");
    const output = atlas.find(label, "output");
    input.max = counts.length - 1;
    input.disabled = counts.length < 2;
    input.oninput = () => choose(counts[input.value]);
    return (count) => {
      input.value = counts.indexOf(count);
      input.ariaValueText = `${count} groups`;
      atlas.put(output, count);
    };
  };
}
