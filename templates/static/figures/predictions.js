/* The photograph and its most probable classes. */
"use strict";

{
  const { bar, className, element, name: bdi, number: decimal, percent, put } = atlas;

  class Predictions extends atlas.Figure {
    static parts = { list: ".class-bars", heading: ".photograph-title" };

    show({ classes, others, truth }, image) {
      const { title } = atlas.photograph(image);
      const [first] = classes;
      this.view.photograph(image);
      put(this.heading, bdi(title), ...(truth ? labelled(truth) : []));
      put(this.list, ...classes.map((each) => line(each, className(each), logit(each))));
      if (others.count && others.probability !== null) {
        this.list.append(line(others, `all ${others.count} others`, ""));
      }
      this.announce(`${title}: ${first.name}, ${percent(first.probability)}`);
      this.classes = classes;
    }

    numbers() {
      const rows = this.classes.map((each) => {
        return [each.name, percent(each.probability), decimal(each.logit)];
      });
      return [["Class", "Probability", "Logit"], rows];
    }
  }

  /** The true class, where the photograph stands in the folder of one. */
  const labelled = ({ name, rank, probability, mistake }) =>
    !mistake
      ? [". Right: labelled ", bdi(name)]
      : [". A mistake: labelled ", bdi(name), `, number ${rank} with ${percent(probability)}`];

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
