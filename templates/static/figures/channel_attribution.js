/* Channel attribution: per layer, the channels that add most to a target and those that take most
   away. The target is a class or, at the end of a trail of clicks, a channel; then earlier layers
   show what feeds it, later ones what it feeds. */
"use strict";

{
  const { activation, bar, element, find, findAll, layer: layerOf, name: bdi, on, put } = atlas;
  const { number: decimal, percent, signed } = atlas;
  const { abs, max } = Math;

  // How a column's channels stand to the target: positive values and negative ones.
  const WORDS = {
    class: { adds: "supports", takes: "opposes" },
    feeds: { relation: "feeds it", adds: "adds to it", takes: "takes from it" },
    fed: { relation: "is fed by it", adds: "gains from it", takes: "loses by it" },
    chosen: { relation: "chosen here" },
  };
  // What pressing a channel of the target's own layer does: the target, another one.
  const CHOICES = { true: "chosen; press to go back", false: "choose it instead" };
  const SMALLEST = 1e-9; // a scale is never zero

  class ChannelAttribution extends atlas.Figure {
    static parts = {
      select: "select",
      trailList: ".trail ol",
      columns: ".layer-columns",
      effects: ".effects",
      effectsTitle: ".effects-title",
    };

    build() {
      on(this.select, "change", () => this.choose({ class: this.select.value, trail: null }));
      this.renew = atlas.pointing(this.columns, "step", {
        look: (text) => this.look(text),
        pick: (text) => this.go(atlas.trail.follow(this.trail, this.parseStep(text))),
      });
      on(this.trailList, "click", ({ target }) => {
        const button = target.closest("button");
        if (button) this.go(this.trail.slice(0, Number(button.dataset.length)));
      });
      on(this, "keydown", ({ key }) => {
        if (key === "Escape" && this.trail?.length) this.go(this.trail.slice(0, -1));
      });
    }

    show({ classes, layers }, image) {
      this.view.photograph(image);
      this.classes = classes;
      this.layers = layers;
      const largest = ({ values }) => values.reduce((most, value) => max(most, abs(value)), 0);
      this.strongest = max(SMALLEST, ...layers.map(({ toClasses }) => largest(toClasses)));
      const option = ({ index, name }) => element("option", { value: index }, name);
      put(this.select, ...classes.map(option));
    }

    numbers() {
      const unit = this.target ? "summed activation" : "logits";
      const headings = ["Layer", "Channel", `Attribution, ${unit}`, "Relation"];
      const rows = this.drawn.flatMap(({ kind, layer, entries }) =>
        entries.map(({ index, value }) => [
          bdi(layerOf(layer.layer).title),
          `channel ${layer.channels.at(index)}`,
          value === undefined ? "" : this.write(value),
          WORDS[kind].relation ?? "to the class",
        ])
      );
      return [headings, rows];
    }

    apply({ class: chosen, trail = "" }) {
      this.k = max(0, this.classes.findIndex(({ index }) => String(index) === chosen));
      this.select.value = this.classes[this.k].index;
      this.trail = atlas.trail.parse(trail, this.layers);
      this.drawn = atlas.trail.columns(this.layers, this.k, this.trail);
      this.drawTrail();
      this.renew(this.drawn.map((column, m) => this.column(column, m)), "[aria-pressed=true]");
      this.table();
      this.look();
    }

    /* The channel at the end of the trail; undefined where it is a class that is explained. */
    get target() {
      return this.trail.at(-1);
    }

    go(trail) {
      this.choose({
        class: this.classes[this.k].index,
        trail: atlas.trail.write(trail, this.layers),
      });
    }

    /* The step of a button's "layer.index". */
    parseStep(text) {
      const [layer, index] = atlas.parseNumbers(text);
      return { layer, index };
    }

    write(value) {
      if (!this.target) return signed(value);
      return (value > 0 ? "+" : "") + activation(value);
    }

    names({ layer, index }) {
      const { layer: name, channels } = this.layers[layer];
      return [bdi(layerOf(name).title), ` channel ${channels.at(index)}`];
    }

    drawTrail() {
      const steps = this.trail.map((step) => this.names(step));
      const names = [[bdi(this.classes[this.k].name)], ...steps];
      const crumbs = names.map((name, length) => {
        if (length === steps.length) return element("span", { "aria-current": "true" }, ...name);
        return element("button", { "data-length": length }, ...name);
      });
      put(this.trailList, ...crumbs.map((crumb) => element("li", crumb)));
    }

    /* --------------------------------------------------------------------------- columns */
    column(column, m) {
      const { kind, layer } = column;
      const name = element("p.layer-name", bdi(layerOf(layer.layer).title));
      name.append(element("small", WORDS[kind].relation ?? ""));
      return element(
        kind === "chosen" ? "div.layer-column.own" : "div.layer-column",
        name,
        ...this.tiles(column, m),
        element("p.fine.column-note", this.note(column)),
      );
    }

    tiles(column, m) {
      const { kind, entries, unlisted } = column;
      if (unlisted) return [];
      const part = (some, words, className) => {
        const tiles = some.map((entry) => this.tile(entry, column, m, words));
        return element(
          "div",
          {
            class: `tiles ${className}`,
            role: "group",
            "aria-label": `${layerOf(column.layer.layer).title}, ${words}`,
          },
          element("p.tiles-title", words),
          ...(tiles.length ? tiles : [element("p.quiet.fine", "none")]),
        );
      };
      if (kind === "chosen") return [part(entries, "chosen among", "own")];
      return [
        part(entries.filter(({ value }) => value > 0), WORDS[kind].adds, "adds"),
        part(entries.filter(({ value }) => value < 0), WORDS[kind].takes, "takes"),
      ];
    }

    note({ kind, layer, shares, counts, scale, unlisted }) {
      if (unlisted) return this.columns.dataset.ends;
      if (kind === "chosen") return "";
      const parts = ["support", "opposition"].map((word, i) => {
        const share = `${Math.round(100 * shares[i])} % of all ${word}`;
        return counts ? `${share}, which comes from ${counts[i]} channels` : share;
      });
      const full = this.target
        ? `${activation(scale)}, summed activation`
        : `${decimal(scale)} logits`;
      return `Shown: ${parts.join("; ")}.${counts ? this.total(layer) : ""} Full bar: ${full}.`;
    }

    total({ layer, classes }) {
      const count = layerOf(layer).shape[0];
      return ` All ${count} channels together: ${signed(classes.total.at(this.k))} logits.`;
    }

    tile({ index, value }, { kind, layer, scale }, m, words) {
      const channel = layer.channels.at(index);
      const chosen = kind === "chosen";
      const pressed = chosen && index === this.target.index;
      const picture = this.picture(layer, index);
      const spoken = chosen ? CHOICES[pressed] : this.describe(value, words);
      const title = `${layerOf(layer.layer).title} channel ${channel}`;
      const button = element(
        "button.tile",
        {
          "data-step": `${m}.${index}`,
          "data-channel": channel,
          "aria-pressed": chosen ? String(pressed) : null,
          "aria-label": `${title}: ${spoken}${atlas.flaw(picture)}`,
        },
        picture,
        element("span.channel-name", `channel ${channel}`),
      );
      if (!chosen) {
        button.append(element("span.value", this.write(value)));
        button.append(element("span.track", bar(abs(value) / scale)));
      }
      return button;
    }

    describe(value, words) {
      const unit = this.target ? "of summed activation" : "logits";
      return `${words}, ${this.write(value)} ${unit}; press to follow it`;
    }

    /* The feature visualization of a channel; where there is none, the photograph, dark where the
       channel is not active. */
    picture({ layer, channels, maps }, index) {
      const picture = atlas.picture(layer, `channel:${channels.at(index)}`);
      if (picture.dataset.picture !== "absent") return picture;
      const canvas = element("canvas");
      const [, rows, columns] = maps.shape;
      atlas.paint(canvas, maps.slice(index), rows, columns, atlas.colours.activation, 255);
      picture.append(element("img", { src: this.view.image.src, alt: "" }), canvas);
      picture.classList.add("where");
      return picture;
    }

    /* ------------------------------------------------------------------- the photograph */
    /* Show where a channel is active and what it does for the classes: the one pointed at, else
       that of the keyboard, else the target. */
    look(hovered) {
      const text = hovered ?? find(this.columns, "button:focus-visible")?.dataset.step;
      const step = text ? this.parseStep(text) : this.target;
      const shown = `${step?.layer}.${step?.index}`;
      for (const button of findAll(this.columns, "button")) {
        button.classList.toggle("looked-at", button.dataset.step === shown);
      }
      this.scale.hidden = !step;
      this.drawEffects(step);
      if (step) this.showStep(step);
      else this.showIdle();
    }

    showStep(step) {
      const { maps, block, negative } = this.layers[step.layer];
      const peak = this.showMap(maps, step.index);
      const mean = block > 1 ? ` (mean over ${block} × ${block} positions)` : "";
      put(
        this.caption,
        ...this.names(step),
        `: bright where it is active, at most ${peak}${mean}.`,
        negative ? " Negative activations are shown as 0." : "",
        this.target ? " Escape goes one step back." : "",
      );
      this.announce(this.caption.textContent);
    }

    /* Bars for the classes: a channel's attribution to them or, without a channel, their
       probabilities. */
    drawEffects(step) {
      const half = decimal(this.strongest);
      const title = `What it does for the classes, logits; half a bar is ${half}`;
      put(this.effectsTitle, step ? title : "Probability of the classes");
      const rows = this.classes.map(({ name, probability }, k) => {
        const [text, fill] = step
          ? this.effect(step, k)
          : [percent(probability), bar(probability, "probability")];
        const value = element("span.value", text);
        return element(k === this.k ? "li.current" : "li", bdi(name), value, axis(fill));
      });
      put(this.effects, ...rows);
    }

    effect({ layer, index }, k) {
      const value = this.layers[layer].toClasses.at(index, k);
      const fill = bar(abs(value) / this.strongest / 2, value > 0 ? "adds" : "takes");
      return [signed(value), fill];
    }
  }

  const axis = (fill) => element("span.axis", fill);

  atlas.define("channel_attribution", ChannelAttribution);
}
