/* The picker: a row of thumbnails that stays in sight; its choice counts for the whole page. With
   many photographs it shows a page of them at a time and can be searched. */
"use strict";

{
  const { element, find, findAll, on, put, state: choices } = atlas;
  // Thumbnails in pixels, as in the style sheet
  const SIDE = 48;
  const GAP = 10;
  const MOST = 24; // thumbnails on a page

  /* The photographs whose name, title or prediction has all words of a text, in any case. */
  function search(photographs, text) {
    const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    return photographs.filter(({ name, title, prediction }) => {
      const searched = `${name} ${title} ${prediction}`.toLocaleLowerCase();
      return words.every((word) => searched.includes(word));
    });
  }

  class Picker extends HTMLElement {
    connectedCallback() {
      if (!atlas.site) return;
      this.list = find(this, ".picker-list");
      this.status = find(this, ".picker-status");
      this.search = find(this, "input");
      [this.previous, this.next] = findAll(this, ".picker-turn");
      this.start = 0;
      this.found = atlas.site.photographs;
      this.rove = atlas.roving(this.list, "button");
      this.listen();
      this.follow();
      this.dataset.state = "ready";
    }

    listen() {
      on(this.search, "input", () => this.filter());
      on(this.search, "keydown", (event) => {
        if (event.key !== "Escape" || !this.search.value) return;
        this.search.value = "";
        this.filter();
      });
      on(this.previous, "click", () => this.turn(-1));
      on(this.next, "click", () => this.turn(1));
      choices.listen(() => this.follow());
      new ResizeObserver(() => {
        if (this.clientWidth !== this.width) this.follow();
      }).observe(this);
    }

    /* How many thumbnails fit; buttons and search take some of the room when there are more. */
    fits() {
      this.classList.remove("many");
      const many = this.classList.toggle("many", atlas.site.photographs.length > this.room());
      return many ? this.room() : MOST;
    }

    room() {
      const count = Math.floor((this.list.clientWidth + GAP) / (SIDE + GAP));
      return atlas.clamp(count, 2, MOST);
    }

    filter() {
      this.found = search(atlas.site.photographs, this.search.value);
      this.start = 0;
      if (this.search.value.trim()) this.render();
      else this.follow();
    }

    turn(pages) {
      const start = this.start + pages * this.shown;
      this.start = atlas.clamp(start, 0, this.found.length - 1);
      this.render();
    }

    /* Turn to the page with the chosen photograph. */
    follow() {
      const index = this.found.findIndex(({ name }) => name === choices.image);
      const shown = this.fits();
      if (index >= 0) this.start = Math.floor(index / shown) * shown;
      this.render();
    }

    render() {
      this.width = this.clientWidth;
      this.shown = this.fits();
      const page = this.found.slice(this.start, this.start + this.shown);
      this.renderButtons(page);
      this.previous.disabled = this.start === 0;
      this.next.disabled = this.start + this.shown >= this.found.length;
      const { title } = atlas.photograph(choices.image);
      const isPaged = this.classList.contains("many");
      const range = isPaged ? [element("span.quiet", ` ${this.describe(page)}`)] : [];
      put(this.status, atlas.name(title), ...range);
    }

    renderButtons(page) {
      const hadFocus = this.list.contains(document.activeElement);
      put(this.list, ...page.map((photograph) => this.button(photograph)));
      const chosen = find(this.list, "[aria-pressed=true]");
      this.rove(chosen);
      if (hadFocus) (chosen ?? find(this.list, "button"))?.focus();
    }

    describe({ length }) {
      if (length === 0) return this.status.dataset.none;
      return `${this.start + 1}–${this.start + length} of ${this.found.length}`;
    }

    button(photograph) {
      const { name, title } = photograph;
      const { photographs } = atlas.site;
      const button = element("button.thumbnail", {
        "aria-pressed": String(name === choices.image),
        "aria-label": title,
        title,
        "data-image": name,
      });
      const index = photographs.indexOf(photograph);
      atlas.sprite(button, "photographs", index, photographs.length);
      on(button, "click", () => choices.show(name));
      return button;
    }
  }

  customElements.define("atlas-picker", Picker);
}
