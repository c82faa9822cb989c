/* The photograph and its most probable classes. */
"use strict";

{
  const { bar, element, name: bdi, number: decimal, percent, put } = atlas;

  class Predictions extends atlas.Figure {
    static parts = { list: ".class-bars", heading: ".photograph-title" };

    show({ classes, others }, image) {
      const { title } = atlas.photograph(image);
      const [first] = classes;
      this.view.photograph(image);
      put(this.heading, bdi(title));
      put(this.list, ...classes.map((each) => line(each, bdi(each.name), logit(each))));
      if (others.count) this.list.append(line(others, `all ${others.count} others`, ""));
      this.announce(`${title}: ${first.name}, ${percent(first.probability)}`);
    }
  }

  const logit = (prediction) => `logit ${decimal(prediction.logit)}`;

  const line = ({ probability }, name, detail) =>
    element(
      "li",
      element("span.class-name", name),
      element("span.track", { "aria-hidden": "true" }, bar(probability)),
      element("span.value", percent(probability)),
      element("span.value.quiet", detail),
    );

  atlas.define("predictions", Predictions);
}
