/* What all figures have in common. A figure is a class that extends `atlas.Figure` with
     static parts = {name: selector}         parts of its markup, kept as properties beside those of PARTS
     numbers()                               [headings, rows] of its table, if it has one
     build()                                 once: find the parts of its markup, listen to them
     show(data, image)                       a photograph's data have come
     apply(state)                            the address says something else (texts; anything may stand there)
   and calls `this.choose(keys)` when the reader chooses and `this.say(text)` for those who do not see.
   It is built, and its data are loaded, when it comes near the view; the first one at once. `data-state` is loading, ready
   or error. What the reader uses, `.needs-script`, is inert in the markup, and until the first data are shown. */
"use strict";

{
  const { element, find, findAll, layer: layerOf, name: bdi, on, put, state: choices } = atlas;
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      target.begin();
    }
  }, { rootMargin: "100% 0%" });

  /* Until the first figure is there, sections out of sight are not laid out (see the style sheet), unless a place further
     down has been asked for or the browser is about to return to one. Laid out, they have other heights; a reader who is
     further down by then stays where they are. */
  const { dataset } = document.documentElement;
  const settle = () => {
    if (!("starting" in dataset)) return;
    const section = findAll(document, ".figure-section").findLast((each) => each.getBoundingClientRect().top <= innerHeight / 2);
    const top = () => section?.getBoundingClientRect().top ?? 0, before = top();
    delete dataset.starting;
    scrollBy({ top: top() - before, behavior: "instant" });
  };
  const [{ type }] = performance.getEntriesByType("navigation");
  if (type === "navigate" && !document.getElementById(location.hash.slice(1))) {
    dataset.starting = "";
    on(document, "scroll", settle, { once: true });
  }

  const PARTS = { use: ".needs-script", problem: ".figure-problem", live: ".figure-live", caption: ".stage-caption", scale: ".map-scale", legend: ".legend", hint: ".hint", sums: ".sums" };

  atlas.define = (name, figure) => {
    figure.figure = name; // of its data files
    customElements.define(`atlas-${name.replaceAll("_", "-")}`, figure);
  };

  atlas.Figure = class extends HTMLElement {
    connectedCallback() {
      if (this.problem) return;
      this.problem = find(this, PARTS.problem);
      if (!atlas.site) this.fail(atlas.siteError ?? new Error("data/site.js is missing or damaged."));
      else if (this === find(document, ".figure")) this.begin(); // the first one need not wait for the page's layout
      else near.observe(this);
    }

    /* Once, when it first comes near the view. */
    begin() {
      for (const [name, selector] of Object.entries({ ...PARTS, ...this.constructor.parts })) this[name] = find(this, selector);
      const stage = find(this, ".stage"), details = find(this, ".figure-table");
      if (stage) this.stage = new atlas.Stage(stage);
      if (details) this.table = atlas.table(details, () => this.numbers());
      on(this, "atlas-missing", ({ detail }) => this.complain(detail));
      // Where its keys are kept; figures that show the same choice name the same place.
      this.key = this.constructor.state ?? this.id;
      this.build();
      choices.follow((key, from) => key === this.key && from !== this && this.dataset.state === "ready" && this.image === choices.image && this.quietly(() => this.apply(choices.of(key))));
      choices.listen(() => this.refresh());
      this.refresh();
    }

    /* Bring the figure to what the address says. */
    async refresh() {
      const image = choices.image;
      if (image === this.image && this.dataset.state === "ready") return this.apply(choices.of(this.key));
      this.wanted = image;
      this.setAttribute("aria-busy", "true");
      try {
        const data = await atlas.load(image, this.constructor.figure);
        if (this.wanted !== image) return; // another photograph has been chosen meanwhile
        this.problem.hidden = true;
        this.image = image;
        this.show(data, image);
        this.dataset.state = "ready";
        this.apply(choices.of(this.key));
        this.use?.removeAttribute("inert");
      } catch (error) {
        if (this.wanted === image) this.fail(error);
      } finally {
        if (this.wanted === image) this.removeAttribute("aria-busy");
        setTimeout(settle, 200); // after the frame that shows it
      }
    }

    /* Nothing can be shown. */
    fail(error) {
      settle();
      this.image = null;
      this.dataset.state = "error";
      this.complain(error, "This figure cannot be shown: ");
    }

    /* Something is missing; the rest is shown. */
    complain(error, start = "Some pictures cannot be shown: ") {
      const again = element("button", "Try again");
      on(again, "click", () => {
        this.problem.hidden = true;
        this.image = null;
        this.refresh();
      });
      put(this.problem, element("p", start, error.message), ...(atlas.site ? [again] : []));
      this.problem.hidden = false;
    }

    build() {}

    apply() {}

    /* Keep the layers of its data, and offer a choice among them; `keys` of the state are dropped with another choice. */
    offer({ first, layers }, ...keys) {
      this.first = first;
      this.layers = new Map(layers.map((layer) => [layer.layer, layer]));
      this.mark = layerChoice(find(this, ".layer-choice"), this.id, [...this.layers.keys()], (layer) => this.choose({ layer, ...Object.fromEntries(keys.map((key) => [key, null])) }));
    }

    /* The layer of a name, marked as chosen; the first to be shown if there is none. */
    layerNamed(name) {
      const layer = this.layers.get(name) ?? this.layers.get(this.first);
      this.mark(layer.layer);
      return layer;
    }

    /* Lay map `i` of `maps` over the photograph, with its scale; returns its peak, written. */
    shade(maps, i) {
      this.stage.show(maps, i);
      put(find(this.scale, ".maximum"), atlas.activation(255 * maps.scale));
      return atlas.activation(Math.max(...maps.slice(i)) * maps.scale);
    }

    /* The photograph as it is, with the caption that the markup has for it. */
    rest() {
      this.stage.clear();
      put(this.caption, this.caption.dataset.rest);
    }

    /* What to do next, as the markup has it. */
    advise() {
      put(this.hint, this.hint.dataset[this.held ? "held" : "rest"]);
    }

    choose(keys, options) {
      choices.set(this.key, keys, { ...options, from: this });
    }

    /* Do what another figure speaks of already. */
    quietly(act) {
      const { say } = this;
      this.say = () => {};
      act();
      this.say = say;
    }

    /* Read out by assistive technology, once the reader pauses. */
    say(text) {
      clearTimeout(this.saying);
      this.saying = setTimeout(() => (this.live.textContent = text), 400);
    }
  };

  /* Radio buttons: choose(value) is called with that of the one chosen. Returns what marks one. */
  const radios = atlas.radios = (inputs, choose) => {
    inputs.forEach((input) => on(input, "change", () => choose(input.value)));
    return (value) => inputs.forEach((input) => (input.checked = input.value === value));
  };

  /* A choice of layers as radio buttons in a <fieldset>; `choose(name)` is called with the layer's name. */
  const layerChoice = (fieldset, id, names, choose) => {
    put(find(fieldset, ".choices"), ...names.map((value) => {
      const { title, shape: [channels, rows, columns] } = layerOf(value);
      return element("label", element("input", { type: "radio", name: `${id}-layer`, value }), element("span", bdi(title), element("small", `${rows} × ${columns} × ${channels}`)));
    }));
    return radios(findAll(fieldset, "input"), choose);
  };

  /* A choice of how many groups, as a slider over `counts`: a <label> with an <input type="range"> and an <output>. */
  atlas.countChoice = (label, counts, choose) => {
    const input = find(label, "input"), output = find(label, "output");
    input.max = counts.length - 1;
    input.disabled = counts.length < 2;
    input.oninput = () => choose(counts[input.value]);
    return (count) => {
      input.value = counts.indexOf(count);
      input.ariaValueText = `${count} groups`;
      put(output, count);
    };
  };
}
