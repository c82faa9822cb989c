/* What the parts of a layer do for classes: the share of each, and what is lost without it. The
   last part is the residual that the groups leave. */
"use strict";

{
  /* `share` and `removal` [parts, classes], in logits. */
  atlas.Effects = class {
    constructor({ share, removal }) {
      Object.assign(this, { share, removal });
      const [count, classes] = share.shape;
      this.parts = atlas.range(count);
      const sizes = [share, removal].flatMap(({ values }) =>
        [...values].slice(0, -classes).map(Math.abs)
      );
      this.largest = Math.max(...sizes, 1e-9); // of any group on any class
    }

    /* Headings of a table whose rows have the `cells` of parts. */
    static headings(classes) {
      return classes.flatMap(({ name }) => [`Share in ${name}, logits`, "Effect of removal"]);
    }

    cells(i) {
      return atlas.range(this.share.shape[1]).flatMap((k) => this.texts(i, k));
    }

    texts(i, k) {
      return [this.share, this.removal].map((values) => atlas.signed(values.at(i, k)));
    }

    nameOf(i) {
      return i < this.parts.length - 1 ? `group ${i + 1}` : "residual";
    }

    /* Both numbers of part i for class k, and whether they disagree. */
    describe(i, k) {
      const [share, lost] = this.texts(i, k);
      const words = this.disagreement(i, k);
      const numbers = `share ${share}, effect of removal ${lost}`;
      return words ? `${numbers} (${words})` : numbers;
    }

    disagreement(i, k) {
      return atlas.disagreement(this.share.at(i, k), this.removal.at(i, k), this.largest);
    }

    /* What the shares in class k add up to, against what changes when the layer is at its baseline:
       the values of the macro `sums`. */
    sums(k, logit, baseline) {
      const { number, signed } = atlas;
      const shares = this.parts.map((i) => this.share.at(i, k));
      const whole = atlas.sum(shares);
      const residual = shares.at(-1);
      const missed = logit - baseline - whole;
      const rest = ` is ${number(Math.abs(missed))} ${missed > 0 ? "more" : "less"}`;
      const end = signed(missed) === "0.00" ? [":", ""] : [";", rest];
      const sums = [whole - residual, residual, whole].map((each) => signed(each));
      const change = [signed(logit), signed(baseline)];
      return [...sums, end[0], ...change, end[1], this.disagreements(k)];
    }

    disagreements(k) {
      const pairs = this.parts.map((i) => [this.disagreement(i, k), this.nameOf(i)]);
      const found = atlas.listByWords(pairs);
      return found && `Of these, ${found}.`;
    }
  };

  /* What [words, name] say, with all names that the same is said of; nothing of empty words. */
  atlas.listByWords = (pairs) => {
    const names = new Map();
    for (const [words, name] of pairs) names.set(words, [...names.get(words) ?? [], name]);
    names.delete("");
    return [...names].map(([words, of]) => `${of.join(", ")} – ${words}`).join("; ");
  };
}
