/* What the network says: the photograph and its most probable classes. */
"use strict";

customElements.define("atlas-predictions", class extends atlas.Figure {
  static figure = "predictions";

  build() {
    this.stage = new atlas.Stage(this.querySelector(".stage"));
    this.list = this.querySelector(".class-bars");
    this.heading = this.querySelector(".photograph-title");
  }

  show({ classes, others }, image) {
    this.stage.photograph(image);
    this.heading.replaceChildren(atlas.name(atlas.photograph(image).title));
    const bar = (probability, name, detail) => {
      const fill = atlas.element("span", { class: "fill" });
      fill.style.width = `${100 * probability}%`;
      return atlas.element("li", {}, atlas.element("span", { class: "class-name" }, name), atlas.element("span", { class: "track", "aria-hidden": "true" }, fill), atlas.element("span", { class: "value" }, atlas.percent(probability)), atlas.element("span", { class: "value quiet" }, detail));
    };
    this.list.replaceChildren(...classes.map(({ name, probability, logit }) => bar(probability, atlas.name(name), `logit ${atlas.number(logit)}`)));
    if (others.count) this.list.append(bar(others.probability, `all ${others.count} others`, ""));
    this.say(`${atlas.photograph(image).title}: ${classes[0].name}, ${atlas.percent(classes[0].probability)}`);
  }

  apply() {}
});
