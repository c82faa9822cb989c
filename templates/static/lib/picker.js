/* The image picker: a row of thumbnails that stays in sight; its choice counts for the whole page. With many
   photographs it shows a page of them at a time and can be searched; thumbnails come in sprites, page by page. */
"use strict";

customElements.define("atlas-picker", class extends HTMLElement {
  connectedCallback() {
    if (!atlas.site) return;
    this.list = this.querySelector(".picker-list");
    this.status = this.querySelector(".picker-status");
    this.search = this.querySelector("input");
    this.start = 0;
    this.found = atlas.site.photographs;
    this.roving = atlas.roving(this.list, "button");
    this.search.addEventListener("input", () => this.filter());
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.search.value) {
        this.search.value = "";
        this.filter();
      }
    });
    this.querySelector(".picker-previous").addEventListener("click", () => this.turn(-1));
    this.querySelector(".picker-next").addEventListener("click", () => this.turn(1));
    atlas.state.listen(() => this.follow());
    new ResizeObserver(() => this.clientWidth !== this.width && this.follow()).observe(this);
    this.follow();
    this.dataset.state = "ready";
  }

  /* How many thumbnails there is room for; buttons and search take some of it when there are more. */
  fits() {
    const side = 48, gap = 10, most = 24; // sizes of thumbnails in pixels, as in the style sheet
    const room = () => Math.max(2, Math.min(most, Math.floor((this.list.clientWidth + gap) / (side + gap))));
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
    this.start = Math.max(0, Math.min(this.found.length - 1, this.start + pages * this.shown));
    this.render();
  }

  /* Turn to the page with the chosen photograph. */
  follow() {
    const index = this.found.findIndex(({ name }) => name === atlas.state.image);
    const shown = this.fits();
    if (index >= 0) this.start = Math.floor(index / shown) * shown;
    this.render();
  }

  render() {
    const all = atlas.site.photographs, focused = this.list.contains(document.activeElement);
    this.width = this.clientWidth;
    this.shown = this.fits();
    const many = this.classList.contains("many");
    const page = this.found.slice(this.start, this.start + this.shown);
    this.list.replaceChildren(...page.map((photograph) => this.button(photograph)));
    const chosen = this.list.querySelector("[aria-pressed=true]");
    this.roving(chosen);
    if (focused) (chosen ?? this.list.querySelector("button"))?.focus();
    this.querySelector(".picker-previous").disabled = this.start === 0;
    this.querySelector(".picker-next").disabled = this.start + this.shown >= this.found.length;
    const { title } = atlas.photograph(atlas.state.image);
    const place = page.length ? `${this.start + 1}–${this.start + page.length} of ${this.found.length}` : "no photograph matches";
    this.status.replaceChildren(atlas.name(title), ...(many ? [atlas.element("span", { class: "quiet" }, ` ${place}`)] : []));
  }

  button(photograph) {
    const chosen = photograph.name === atlas.state.image;
    const button = atlas.element("button", { type: "button", class: "thumbnail", "aria-pressed": String(chosen), "aria-label": photograph.title, title: photograph.title, "data-image": photograph.name });
    atlas.sprite(button, "photographs", atlas.site.photographs.indexOf(photograph), atlas.site.photographs.length);
    button.addEventListener("click", () => atlas.state.show(photograph.name));
    return button;
  }
});
