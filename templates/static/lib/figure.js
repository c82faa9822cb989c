/* What all figures have in common. A figure is a class that extends `atlas.Figure` with
     static figure = "semantic_dictionary"   the name of its data files
     build()                                 once: find the parts of its markup, listen to them
     show(data, image)                       a photograph's data have come
     apply(state)                            the address says something else (texts; anything may stand there)
   and calls `this.choose(keys)` when the reader chooses and `this.say(text)` for those who do not see.
   Its data are loaded when it comes near the view. `data-state` is loading, ready or error. */
"use strict";

{
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      target.near = true;
      target.refresh();
    }
  }, { rootMargin: "100% 0%" });

  atlas.Figure = class extends HTMLElement {
    connectedCallback() {
      if (this.problem) return;
      this.problem = this.querySelector(".figure-problem");
      this.live = this.querySelector(".figure-live");
      this.addEventListener("atlas-missing", ({ detail }) => this.complain(detail));
      if (!atlas.site) return this.fail(atlas.siteError ?? new Error("data/site.js is missing or damaged."));
      // Where its keys are kept; figures that show the same choice name the same place.
      this.key = this.constructor.state ?? this.id;
      this.build();
      atlas.state.follow((key, from) => key === this.key && from !== this && this.dataset.state === "ready" && this.image === atlas.state.image && this.quietly(() => this.apply(atlas.state.of(key))));
      atlas.state.listen(() => this.near && this.refresh());
      near.observe(this);
    }

    /* Bring the figure to what the address says. */
    async refresh() {
      const image = atlas.state.image;
      if (image === this.image && this.dataset.state === "ready") return this.apply(atlas.state.of(this.key));
      this.wanted = image;
      this.setAttribute("aria-busy", "true");
      try {
        const data = await atlas.load(image, this.constructor.figure);
        if (this.wanted !== image) return; // another photograph has been chosen meanwhile
        this.problem.hidden = true;
        this.image = image;
        this.show(data, image);
        this.dataset.state = "ready";
        this.apply(atlas.state.of(this.key));
      } catch (error) {
        if (this.wanted === image) this.fail(error);
      } finally {
        if (this.wanted === image) this.removeAttribute("aria-busy");
      }
    }

    /* Nothing can be shown. */
    fail(error) {
      this.image = null;
      this.dataset.state = "error";
      this.complain(error, "This figure cannot be shown: ");
    }

    /* Something is missing; the rest is shown. */
    complain(error, start = "Some pictures cannot be shown: ") {
      const again = atlas.element("button", { type: "button" }, "Try again");
      again.addEventListener("click", () => {
        this.problem.hidden = true;
        this.image = null;
        this.refresh();
      });
      this.problem.replaceChildren(atlas.element("p", {}, start, error.message), ...(atlas.site ? [again] : []));
      this.problem.hidden = false;
    }

    choose(keys, options) {
      atlas.state.set(this.key, keys, { ...options, from: this });
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

  /* A choice of layers as radio buttons in a <fieldset>; `choose(name)` is called with the layer's name. */
  atlas.layerChoice = (fieldset, id, names, choose) => {
    const inputs = names.map((name) => {
      const { title, shape } = atlas.layer(name);
      const input = atlas.element("input", { type: "radio", name: `${id}-layer`, value: name });
      input.addEventListener("change", () => choose(name));
      const label = atlas.element("label", {}, input, atlas.element("span", {}, atlas.name(title), atlas.element("small", {}, `${shape[1]} × ${shape[2]} × ${shape[0]}`)));
      return [input, label];
    });
    fieldset.querySelector(".choices").replaceChildren(...inputs.map(([, label]) => label));
    return (name) => inputs.forEach(([input]) => (input.checked = input.value === name));
  };

  /* A choice of how many groups, as a slider over `counts`: a <label> with an <input type="range"> and an <output>. */
  atlas.countChoice = (label, counts, choose) => {
    const input = label.querySelector("input"), output = label.querySelector("output");
    input.max = counts.length - 1;
    input.disabled = counts.length < 2;
    input.oninput = () => choose(counts[input.value]);
    return (count) => {
      input.value = counts.indexOf(count);
      input.setAttribute("aria-valuetext", `${count} groups`);
      output.textContent = count;
    };
  };
}
