/* The image picker: a row of thumbnails that stays in sight; its choice counts for the whole page. With many
   photographs it shows a page of them at a time and can be searched; thumbnails come in sprites, page by page. */
"use strict";

{
  const { element, find, name: bdi, on, photograph: photographOf, put, roving, sprite, state: choices } = atlas;
  const { floor, max, min } = Math;

  customElements.define("atlas-picker", class extends HTMLElement {
    connectedCallback() {
      if (!atlas.site) return;
      this.list = find(this, ".picker-list");
      this.status = find(this, ".picker-status");
      this.search = find(this, "input");
      this.start = 0;
      this.found = atlas.site.photographs;
      this.roving = roving(this.list, "button");
      on(this.search, "input", () => this.filter());
      on(this.search, "keydown", (event) => {
        if (event.key === "Escape" && this.search.value) {
          this.search.value = "";
          this.filter();
        }
      });
      on(find(this, ".picker-previous"), "click", () => this.turn(-1));
      on(find(this, ".picker-next"), "click", () => this.turn(1));
      choices.listen(() => this.follow());
      new ResizeObserver(() => this.clientWidth !== this.width && this.follow()).observe(this);
      this.follow();
      this.dataset.state = "ready";
    }

    /* How many thumbnails there is room for; buttons and search take some of it when there are more. */
    fits() {
      const side = 48, gap = 10, most = 24; // sizes of thumbnails in pixels, as in the style sheet
      const room = () => max(2, min(most, floor((this.list.clientWidth + gap) / (side + gap))));
      this.classList.remove("many");
      const many = this.classList.toggle("many", atlas.site.photographs.length > room());
      return many ? room() : most;
    }

    filter() {
      const words = this.search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      this.found = atlas.site.photographs.filter(({ name, title, says }) => words.every((word) => `${name} ${title} ${says}`.toLocaleLowerCase().includes(word)));
      this.start = 0;
      if (words.length) this.render();
      else this.follow();
    }

    turn(pages) {
      this.start = max(0, min(this.found.length - 1, this.start + pages * this.shown));
      this.render();
    }

    /* Turn to the page with the chosen photograph. */
    follow() {
      const index = this.found.findIndex(({ name }) => name === choices.image);
      const shown = this.fits();
      if (index >= 0) this.start = floor(index / shown) * shown;
      this.render();
    }

    render() {
      const all = atlas.site.photographs, focused = this.list.contains(document.activeElement);
      this.width = this.clientWidth;
      this.shown = this.fits();
      const many = this.classList.contains("many");
      const page = this.found.slice(this.start, this.start + this.shown);
      put(this.list, ...page.map((photograph) => this.button(photograph)));
      const chosen = find(this.list, "[aria-pressed=true]");
      this.roving(chosen);
      if (focused) (chosen ?? find(this.list, "button"))?.focus();
      find(this, ".picker-previous").disabled = this.start === 0;
      find(this, ".picker-next").disabled = this.start + this.shown >= this.found.length;
      const { title } = photographOf(choices.image);
      const place = page.length ? `${this.start + 1}–${this.start + page.length} of ${this.found.length}` : "no photograph matches";
      put(this.status, bdi(title), ...(many ? [element("span.quiet", ` ${place}`)] : []));
    }

    button(photograph) {
      const chosen = photograph.name === choices.image;
      const button = element("button.thumbnail", { "aria-pressed": String(chosen), "aria-label": photograph.title, title: photograph.title, "data-image": photograph.name });
      sprite(button, "photographs", atlas.site.photographs.indexOf(photograph), atlas.site.photographs.length);
      on(button, "click", () => choices.show(photograph.name));
      return button;
    }
  });
}
