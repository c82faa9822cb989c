/* The opening: a decision, the channels that speak most for it and against it, and what the network
   says without each of them. */
"use strict";

{
  const { element, find, findAll, name: bdi, percent, put, sentence, signed } = atlas;

  class Opening extends atlas.Figure {
    static parts = { statement: ".statement", speakers: ".speakers", odds: ".odds" };

    build() {
      this.renew = atlas.pointing(this.speakers, "channel", {
        look: (channel) => this.look(channel),
        pick: (channel) => this.choose({ channel: channel === this.pinned ? null : channel }),
        back: () => this.pinned && this.choose({ channel: null }),
      });
    }

    show({ layer, classes, named, speakers, maps }, image) {
      Object.assign(this, { layer, classes, maps, shown: speakers, named: speakers[named] });
      this.view.photograph(image);
      put(this.odds, ...classes.map(line));
      const sides = [["for", 1], ["against", -1]];
      this.renew(sides.map(([kind, sign]) => this.block(kind, sign)));
    }

    block(kind, sign) {
      const title = this.speakers.dataset[kind];
      const shown = this.shown.filter(({ share }) => share * sign > 0);
      return element(
        `div.speaker-block.${kind}`,
        { role: "group", "aria-label": `${title} ${this.classes[0].name}` },
        element("p.block-title", title, " it ", element("small", "share, logits")),
        ...shown.map((each) => this.tile(each)),
      );
    }

    tile({ channel, share, without }) {
      const most = Math.max(...this.shown.map((each) => Math.abs(each.share)));
      const { first, probability } = without;
      const texts = [channel, signed(share), first, percent(probability)];
      return element(
        "button.channel.speaker",
        { "data-channel": channel, "aria-label": sentence(this, "channel", ...texts) },
        atlas.picture(this.layer, `channel:${channel}`),
        element("span.value", signed(share)),
        element("span.track", atlas.bar(Math.abs(share) / most)),
        element("span.channel-name", `channel ${channel}`),
      );
    }

    apply({ channel }) {
      this.pinned = channel;
      this.look();
    }

    /* Show what the network says without a channel: the one pointed at, else the one that the
       keyboard is on, else the one that was clicked. */
    look(hovered) {
      const focused = find(this.speakers, "button:focus-visible")?.dataset.channel;
      const channel = hovered ?? focused ?? this.pinned;
      const i = this.shown.findIndex((each) => String(each.channel) === channel);
      for (const button of findAll(this.speakers, "button")) {
        const { channel: own } = button.dataset;
        button.classList.toggle("looked-at", own === channel);
        button.ariaPressed = own === this.pinned;
      }
      if (i < 0) this.showIdle();
      else this.lightUp(i);
      const speaker = this.shown[i];
      this.drawOdds(speaker?.without.shown ?? this.classes.map((each) => each.probability));
      this.state(speaker ?? this.named);
      if (speaker) this.announce(this.statement.textContent);
    }

    /* Where a channel is active, up to its own peak. */
    lightUp(i) {
      const values = this.maps.slice(i);
      this.view.show(this.maps, i, atlas.largest(values.map(Math.abs)));
      const most = atlas.activation(Math.max(...values) * this.maps.scale);
      const below = values.some((value) => value < 0) ? this.caption.dataset.below : "";
      put(this.caption, sentence(this.caption, "shown", most), below);
    }

    drawOdds(probabilities) {
      probabilities.forEach((probability, i) => {
        const row = this.odds.children[i];
        find(row, ".fill").style.width = `${100 * probability}%`;
        put(find(row, ".value"), percent(probability));
      });
    }

    /* The sentence in large type; the markup has it for the first photograph. */
    state(speaker) {
      const [{ name, probability }] = this.classes;
      put(this.statement, "It says ", strong(name));
      if (speaker) this.statement.append(...this.without(speaker, name, probability));
      this.statement.append(".");
    }

    without({ channel, without: { first, probability } }, name, before) {
      const picture = atlas.picture(this.layer, `channel:${channel}`);
      const unit = element("span.unit", picture, ` channel ${channel},`);
      const start = [". Without ", unit, " it would "];
      if (first !== name) return [...start, "say ", strong(first)];
      return [...start, `still say so: ${percent(probability)} instead of ${percent(before)}`];
    }
  }

  const strong = (name) => element("strong", bdi(name));

  const line = ({ name, probability }) =>
    element(
      "li",
      bdi(name),
      element("span.value"),
      element("span.track.ticked", atlas.bar(probability), atlas.tick(probability)),
    );

  atlas.define("opening", Opening);
}
