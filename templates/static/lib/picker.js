/* The picker: a row of thumbnails that stays in sight; its choice counts for the whole page. With
   many photographs it shows a page of them at a time, and later/search.js puts them in another
   order: those that a text finds, or mistakes first. Its list and thumbnails are loaded once the
   first figure has what it needs. */
"use strict";

{
  const { element, find, findAll, on, put, state: choices } = atlas;
  // Thumbnails in pixels, as in the style sheet
  const SIDE = 48;
  const GAP = 10;
  const MOST = 24; // thumbnails on a page
  const PATIENCE = 10_000; // milliseconds that it waits for the page to have loaded

  class Picker extends HTMLElement {
    connectedCallback() {
      if (!atlas.site) return;
      this.list = find(this, ".picker-list");
      this.status = find(this, ".picker-status");
      this.search = find(this, "[type=search]");
      this.mistakes = find(this, "[type=checkbox]");
      [this.previous, this.next] = findAll(this, ".picker-turn");
      this.all = atlas.site.photographs;
      this.mistakes.parentElement.hidden = !this.all.mistakes;
      this.start = 0;
      this.order = null; // numbers of photographs, where it is not that of the atlas
      this.rove = atlas.roving(this.list, "button");
      choices.listen(() => this.follow());
      if (document.readyState === "complete") this.begin();
      else on(globalThis, "load", () => this.begin());
      setTimeout(() => this.begin(), PATIENCE);
    }

    begin() {
      if (this.begun) return;
      this.begun = true;
      this.listen();
      this.follow();
    }

    listen() {
      on(this.search, "input", () => this.filter());
      on(this.mistakes, "change", () => this.filter());
      on(this.search, "keydown", (event) => {
        if (event.key !== "Escape" || !this.search.value) return;
        this.search.value = "";
        this.filter();
      });
      on(this.previous, "click", () => this.turn(-1));
      on(this.next, "click", () => this.turn(1));
      this.width = this.clientWidth; // an observer reports at once, too
      new ResizeObserver(() => {
        if (this.clientWidth !== this.width) this.follow();
      }).observe(this);
    }

    get count() {
      return this.order?.length ?? this.all.count;
    }

    /* How many thumbnails fit; buttons and search take some of the room when there are more. */
    fits() {
      this.classList.remove("many");
      const many = this.classList.toggle("many", this.all.count > this.room());
      return many ? this.room() : MOST;
    }

    room() {
      const count = Math.floor((this.list.clientWidth + GAP) / (SIDE + GAP));
      return atlas.clamp(count, 2, MOST);
    }

    async filter() {
      const wanted = [this.search.value, this.mistakes.checked];
      this.wanted = String(wanted);
      const isPlain = !wanted[0].trim() && !wanted[1];
      let order = null;
      let problem = null;
      try {
        if (!isPlain) order = await atlas.later("photographsInOrder", ...wanted);
      } catch (error) {
        problem = error;
      }
      if (this.wanted !== String(wanted)) return; // something else by now
      if (problem) {
        put(this.status, problem.message);
        return;
      }
      this.order = order;
      this.start = 0;
      if (isPlain) this.follow();
      else this.render();
    }

    turn(pages) {
      const start = this.start + pages * this.shown;
      if (start >= this.count) return; // a second click, while the last page was on its way
      this.start = Math.max(start, 0);
      this.render();
    }

    /* Turn to the page with the chosen photograph. */
    async follow() {
      const { image } = choices;
      await atlas.meet(image).catch(() => {}); // the figures report it
      if (image !== choices.image) return;
      const { index = -1 } = atlas.photograph(image) ?? {};
      const at = this.order ? this.order.indexOf(index) : index;
      const shown = this.fits();
      if (at >= 0) this.start = Math.floor(at / shown) * shown;
      this.render();
    }

    async render() {
      this.width = this.clientWidth;
      this.shown = this.fits();
      const numbers = Array.from(
        { length: atlas.clamp(this.count - this.start, 0, this.shown) },
        (_, i) => this.order ? this.order[this.start + i] : this.start + i,
      );
      this.drawn = numbers;
      const { part } = this.all;
      const parts = new Map();
      try {
        for (const i of numbers.map((number) => Math.floor(number / part))) {
          if (!parts.has(i)) parts.set(i, await atlas.listed(i));
        }
      } catch (error) {
        if (this.drawn === numbers) put(this.status, error.message);
        return;
      }
      if (this.drawn !== numbers) return; // shows something else by now
      const row = (number) => parts.get(Math.floor(number / part))[number % part];
      this.show(numbers.map((number) => this.button(number, row(number))));
    }

    show(buttons) {
      const { activeElement: held } = document;
      const hadFocus = this.list.contains(held);
      put(this.list, ...buttons);
      const chosen = find(this.list, "[aria-pressed=true]");
      this.rove(chosen);
      // A reader who has walked on meanwhile is not called back.
      const same = buttons.find((each) => each.dataset.image === held?.dataset.image);
      if (hadFocus) (same ?? chosen ?? buttons[0])?.focus();
      this.previous.disabled = this.start === 0;
      this.next.disabled = this.start + this.shown >= this.count;
      const title = atlas.photograph(choices.image)?.title ?? "";
      const isPaged = this.classList.contains("many");
      const range = isPaged ? [element("span.quiet", ` ${this.describe(buttons)}`)] : [];
      put(this.status, atlas.name(title), ...range);
      this.dataset.state = "ready";
    }

    describe({ length }) {
      if (length === 0) return this.status.dataset.none;
      return `${this.start + 1}–${this.start + length} of ${this.count}`;
    }

    button(number, [name, title, prediction, isMistake]) {
      const { remark } = this.mistakes.parentElement.dataset;
      const label = isMistake ? `${title}; ${remark.replace("{}", () => prediction)}` : title;
      const button = element("button.thumbnail", {
        "aria-pressed": String(name === choices.image),
        "aria-label": label,
        title: label,
        "data-image": name,
      });
      button.classList.toggle("mistake", isMistake);
      atlas.sprite(button, "photographs", number, this.all.count);
      on(button, "click", () => choices.show(name));
      return button;
    }
  }

  customElements.define("atlas-picker", Picker);
}
