/* Channel attribution: per layer, the channels that add most to a target and those that take most
   away, and what was measured without each of them. The target is a class or, at the end of a trail
   of clicks, a channel; then earlier layers show what feeds it, later ones what it feeds. */
"use strict";

{
  const { activation, bar, className, element, find, findAll, largest, layer: layerOf } = atlas;
  const { name: bdi, number: decimal, on, percent, put, sentence, signed } = atlas;
  const { abs, max } = Math;

  const SMALLEST = 1e-9; // a scale is never zero

  class ChannelAttribution extends atlas.Figure {
    static later = true;
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
      const effects = layers.flatMap(({ toClasses, removals }) => [toClasses, removals]);
      this.strongest = max(SMALLEST, ...effects.map(({ values }) => largest(values.map(abs))));
      atlas.offerClasses(this.select, classes);
    }

    numbers() {
      const unit = this.target ? "summed activation" : "logits";
      const headings = sentence(this, "headings", unit, unit).split("|");
      const rows = this.drawn.flatMap(({ kind, layer, entries }) =>
        entries.map(({ index, share, removal }) => [
          bdi(layerOf(layer.layer).title),
          `channel ${layer.channels.at(index)}`,
          ...[share, removal].map((value) => value === undefined ? "" : this.write(value)),
          this.words(kind)[0] || this.dataset.relation,
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

    /* How a column's channels stand to the target: all, positive values and negative ones. */
    words(kind) {
      return this.columns.dataset[kind].split("|");
    }

    write(value) {
      return this.target ? atlas.signedActivation(value) : signed(value);
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
      name.append(element("small", this.words(kind)[0]));
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
      const byShare = kind !== "chosen" && this.bars === "removal" ? this.dataset.chosenBy : "";
      const part = (some, words, className) => {
        const tiles = some.map((entry) => this.tile(entry, column, m, words));
        return element(
          "div",
          {
            class: `tiles ${className}`,
            role: "group",
            "aria-label": `${layerOf(column.layer.layer).title}, ${words}`,
          },
          element("p.tiles-title", words, byShare),
          ...(tiles.length ? tiles : [element("p.quiet.fine", "none")]),
        );
      };
      if (kind === "chosen") return [part(entries, "chosen among", "own")];
      const [, adds, takes] = this.words(kind);
      return [
        part(entries.filter(({ share }) => share > 0), adds, "adds"),
        part(entries.filter(({ share }) => share < 0), takes, "takes"),
      ];
    }

    note({ kind, layer, shares, counts, scale, unlisted }) {
      if (unlisted) return this.columns.dataset.ends;
      if (kind === "chosen") return "";
      const [adds, takes] = Array.from(shares, (share) => Math.round(100 * share));
      if (!counts) return sentence(this, "shown", adds, takes, activation(scale));
      const [count] = layerOf(layer.layer).shape;
      const { total, whole } = layer.classes;
      const sums = [total, whole].map((each) => signed(each.at(this.k)));
      const parts = [adds, counts[0], takes, counts[1]];
      return sentence(this, "shownForClass", ...parts, count, ...sums, decimal(scale));
    }

    tile({ index, share, removal }, { kind, layer, scale }, m, words) {
      const channel = layer.channels.at(index);
      const chosen = kind === "chosen";
      const pressed = chosen && index === this.target.index;
      const picture = this.picture(layer, index);
      const { back, instead } = this.dataset;
      const press = pressed ? back : instead;
      const spoken = chosen ? press : this.describe(share, removal, words);
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
        const { [this.bars]: bars, [this.ticks]: tick } = { share, removal };
        const words = atlas.disagreement(share, removal, scale);
        const value = element(`span.value.${bars > 0 ? "adds" : "takes"}`, this.write(bars));
        button.append(value, axis(bars / scale, tick / scale));
        if (words) button.append(element("span.disagrees", words));
      }
      return button;
    }

    describe(share, removal, words) {
      const target = this.target ? "toChannel" : "toClass";
      return sentence(this, target, words, this.write(share), this.write(removal));
    }

    /* The feature visualization of a channel; where there is none, the photograph, dark where the
       channel is not active. */
    picture({ layer, channels, maps }, index) {
      const picture = atlas.picture(layer, `channel:${channels.at(index)}`);
      if (picture.dataset.picture !== "absent") return picture;
      const canvas = element("canvas");
      const [, rows, columns] = maps.shape;
      atlas.paint(canvas, maps.slice(index), rows, columns, atlas.colours.activation, maps.most);
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
      const texts = this.caption.dataset;
      const mean = block > 1 ? sentence(this.caption, "mean", block, block) : "";
      put(
        this.caption,
        ...this.names(step),
        sentence(this.caption, "shown", peak, mean),
        negative ? texts.negative : "",
        this.target ? texts.back : "",
      );
      this.announce(this.caption.textContent);
    }

    /* Bars for the classes: a channel's shares in them and the effects of its removal or, without
       a channel, their probabilities. */
    drawEffects(step) {
      const title = step ? "channel" : "photograph";
      put(this.effectsTitle, sentence(this.effectsTitle, title, decimal(this.strongest)));
      const rows = this.classes.map((each, k) => {
        const [text, marks] = step
          ? this.effect(step, k)
          : [percent(each.probability), element("span.axis", bar(each.probability, "probability"))];
        const value = element("span.value", text);
        return element(k === this.k ? "li.current" : "li", className(each), value, marks);
      });
      put(this.effects, ...rows);
    }

    effect({ layer, index }, k) {
      const { toClasses, removals } = this.layers[layer];
      const both = { share: toClasses.at(index, k), removal: removals.at(index, k) };
      const { [this.bars]: bars, [this.ticks]: tick } = both;
      return [signed(bars), axis(bars / this.strongest, tick / this.strongest)];
    }
  }

  const axis = (share, tick) => element("span.axis", ...atlas.marks(share, tick, "adds", "takes"));

  atlas.define("channel_attribution", ChannelAttribution);
}
