/* What the network says: the photograph and its most probable classes. */
"use strict";

{
  const { bar, element, name: bdi, number: decimal, percent, photograph: photographOf, put } = atlas;

  atlas.define("predictions", class extends atlas.Figure {
    static parts = { list: ".class-bars", heading: ".photograph-title" };

    show({ classes, others }, image) {
      this.stage.photograph(image);
      put(this.heading, bdi(photographOf(image).title));
      const line = (probability, name, detail) => element("li", element("span.class-name", name), element("span.track", { "aria-hidden": "true" }, bar(probability)), element("span.value", percent(probability)), element("span.value.quiet", detail));
      put(this.list, ...classes.map(({ name, probability, logit }) => line(probability, bdi(name), `logit ${decimal(logit)}`)));
      if (others.count) this.list.append(line(others.probability, `all ${others.count} others`, ""));
      this.say(`${photographOf(image).title}: ${classes[0].name}, ${percent(classes[0].probability)}`);
    }
  });
}
