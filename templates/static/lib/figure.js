/* What all figures have in common. A figure is a class that extends `atlas.Figure` with
     static parts = {name: selector}   parts of its markup, kept as properties beside those of PARTS
     static later = true               it needs code of later.js, from show() on
     build()                           once: find the parts of its markup, listen to them
     show(data, image)                 a photograph's data have arrived
     apply(state)                      the address has changed (texts; a user may write anything)
     numbers()                         [headings, rows] of its table, if it has one
   Where its markup has the macro `bars_choice`, `this.bars` is what bars show, "share" or
   "removal", one choice for the whole page, and `this.ticks` the other one.
   It calls `this.choose(keys)` when the reader chooses, and `this.announce(text)` for those who do
   not see. A figure is built, and its data are loaded, when it comes near the view; the first one
   at once. `data-state` is loading, ready or error. Its controls, in `.needs-script`, are inert in
   the markup and until the first data are shown. */
"use strict";

{
  const { find, findAll, on, put, state: choices } = atlas;
  const PARTS = {
    controls: ".needs-script",
    problem: ".figure-problem",
    live: ".figure-live",
    caption: ".view-caption",
    scale: ".map-scale",
    legend: ".legend",
    hint: ".hint",
    sums: ".sums",
    away: ".take-away",
  };
  const ANNOUNCE_AFTER = 400; // ms without another announcement

  const approaching = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        approaching.unobserve(target);
        target.begin();
      }
    },
    { rootMargin: "100% 0%" },
  );

  atlas.define = (name, figure) => {
    figure.figure = name; // of its data files
    customElements.define(`atlas-${name.replaceAll("_", "-")}`, figure);
  };

  atlas.Figure = class extends HTMLElement {
    connectedCallback() {
      if (this.problem) return;
      this.problem = find(this, PARTS.problem);
      const isFirst = this === find(document, ".figure");
      if (!atlas.site) {
        this.fail(atlas.siteError ?? new Error("data/site.js is missing or damaged."));
      } else if (isFirst) this.begin(); // need not wait for the layout of the page
      else approaching.observe(this);
    }

    /* Once, when it first comes near the view. */
    begin() {
      this.findParts();
      // Where its keys are kept; figures that show the same choice name the same id.
      this.key = this.constructor.state ?? this.id;
      on(this, "atlas-missing", ({ detail }) => this.complain(detail));
      this.build();
      choices.follow((key, from) => this.follow(key, from));
      choices.listen(() => this.refresh());
      this.refresh();
    }

    findParts() {
      // Chromium lays out a section with a select as soon as the page is parsed, for autofill.
      for (const later of findAll(this, "template")) later.replaceWith(later.content);
      for (const [name, selector] of Object.entries({ ...PARTS, ...this.constructor.parts })) {
        this[name] = find(this, selector);
      }
      const view = find(this, ".photograph-view");
      const details = find(this, ".figure-table");
      if (view) this.view = new atlas.PhotographView(view);
      if (details) this.table = atlas.table(details, () => this.numbers());
      const options = findAll(this, ".bars-choice input");
      on(this.away, "click", () => {
        atlas.later("takeAway", this).catch((error) => this.complain(error, ""));
      });
      this.markBars = atlas.radios(
        options,
        (by) => choices.set("bars", { by: by === "share" ? null : by }),
      );
    }

    get bars() {
      return choices.of("bars").by === "removal" ? "removal" : "share";
    }

    get ticks() {
      return this.bars === "share" ? "removal" : "share";
    }

    /* Bring the figure to the choices in the address. */
    applyChoices() {
      this.markBars(this.bars);
      this.apply(choices.of(this.key));
    }

    /* Show a passing state that another figure has set. */
    follow(key, from) {
      const isOther = key === this.key && from !== this;
      if (isOther && this.isShowing(choices.image)) {
        this.silently(() => this.apply(choices.of(key)));
      }
    }

    isShowing(image) {
      return this.image === image && this.dataset.state === "ready";
    }

    /* Bring the figure to what the address has. */
    async refresh() {
      const { image } = choices;
      this.wanted = image; // and what is on its way no more
      if (this.isShowing(image)) {
        this.removeAttribute("aria-busy");
        this.applyChoices();
        return;
      }
      this.setAttribute("aria-busy", "true");
      try {
        const { figure, later } = this.constructor;
        const [data] = await Promise.all([
          atlas.ofPhotograph(image, figure),
          later && atlas.later(),
        ]);
        if (this.wanted === image) this.showImage(data, image);
      } catch (error) {
        if (error.isAbsent) choices.forget(image);
        else if (this.wanted === image) this.fail(error);
      } finally {
        if (this.wanted === image) this.removeAttribute("aria-busy");
      }
    }

    showImage(data, image) {
      this.problem.hidden = true;
      this.image = image;
      this.show(data, image);
      this.dataset.state = "ready";
      this.applyChoices();
      this.controls?.removeAttribute("inert");
      this.away.disabled = false;
    }

    /* A part of its data that comes in a file of its own, as a promise. */
    more(part) {
      return atlas.load(this.image, `${this.constructor.figure}.${part}`);
    }

    /* Nothing can be shown. */
    fail(error) {
      this.image = null;
      this.dataset.state = "error";
      this.complain(error, "This figure cannot be shown: ");
    }

    /* Something is missing; everything else is shown. */
    complain(error, start = "Some pictures cannot be shown: ") {
      const again = atlas.element("button", "Try again");
      on(again, "click", () => {
        this.problem.hidden = true;
        this.image = null;
        choices.tell();
      });
      const message = atlas.element("p", start, error.message);
      put(this.problem, message, ...(atlas.site ? [again] : []));
      this.problem.hidden = false;
    }

    build() {}

    apply() {}

    /* Keep the layers of its data, and offer a choice among them; another choice drops `keys`. */
    offer({ first, layers }, ...keys) {
      this.first = first;
      this.layers = new Map(layers.map((layer) => [layer.layer, layer]));
      const dropped = Object.fromEntries(keys.map((key) => [key, null]));
      const choose = (layer) => this.choose({ layer, ...dropped });
      const fieldset = find(this, ".layer-choice");
      this.mark = atlas.layerChoice(fieldset, this.id, [...this.layers.keys()], choose);
    }

    /* The layer of a name, marked as chosen; the one shown first if there is none of that name. */
    layerNamed(name) {
      const layer = this.layers.get(name) ?? this.layers.get(this.first);
      this.mark(layer.layer);
      return layer;
    }

    /* Lay map `i` of `maps` over the photograph, with its scale, which goes below zero where one of
       the maps does; returns its peak as text. */
    showMap(maps, i) {
      this.view.show(maps, i);
      const most = atlas.activation(maps.most * maps.scale);
      const signed = maps.values.some((value) => value < 0);
      put(find(this.scale, ".maximum"), most);
      put(find(this.scale, ".minimum"), signed ? `−${most}` : 0);
      this.scale.classList.toggle("signed", signed);
      return atlas.activation(Math.max(...maps.slice(i)) * maps.scale);
    }

    /* The photograph as it is, with the caption that the markup has for it. */
    showIdle() {
      this.view.clear();
      put(this.caption, this.caption.dataset.idle);
    }

    /* What to do next, as the markup has it. */
    showHint() {
      put(this.hint, this.hint.dataset[this.held ? "held" : "idle"]);
    }

    choose(keys, options) {
      choices.set(this.key, keys, { ...options, from: this });
    }

    /* Act without announcing it, because another figure does. */
    silently(act) {
      const { announce } = this;
      this.announce = () => {};
      act();
      this.announce = announce;
    }

    /* Have assistive technology read a text, once the reader pauses. */
    announce(text) {
      clearTimeout(this.announcing);
      this.announcing = setTimeout(() => (this.live.textContent = text), ANNOUNCE_AFTER);
    }
  };
}
