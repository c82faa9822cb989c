/* Take-away: a figure as it is now as a picture, a drawing or a table, and a link to it. */
"use strict";

{
  const { element, find, on, put, state: choices } = atlas;
  const QUOTE = "\x22";
  const SCALE = 2; // pixels of a picture per pixel of the page
  const FROM_A_DISK = "A page from a disk may not copy its pictures; open it from a web server " +
    "(building-blocks serve).";

  const nameOf = (figure, ending) => `${figure.id}-${choices.image}.${ending}`;

  function save(name, blob) {
    const link = element("a", { download: name, href: URL.createObjectURL(blob) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /* A browser keeps from scripts what it has read from a disk. */
  async function readable(act) {
    try {
      return await act();
    } catch (error) {
      throw error.name === "SecurityError" ? new Error(FROM_A_DISK) : error;
    }
  }

  async function takePicture(figure) {
    const canvas = atlas.canvasOf(await atlas.drawingOf(figure), SCALE);
    const blob = await readable(() => new Promise((resolve) => canvas.toBlob(resolve)));
    save(nameOf(figure, "png"), blob);
    return "Picture saved";
  }

  async function takeDrawing(figure) {
    const drawing = await atlas.drawingOf(figure);
    const text = await readable(() => atlas.svgOf(drawing));
    save(nameOf(figure, "svg"), new Blob([text], { type: "image/svg+xml" }));
    return "Drawing saved";
  }

  /* Headings and rows of texts or elements as CSV (RFC 4180), with signs that programs read. */
  atlas.csvOf = ([headings, rows]) => {
    const text = (cell) =>
      String(cell?.textContent ?? cell).trim()
        .replaceAll("−", "-").replaceAll("\u202f", "");
    const quoted = (cell) => {
      return /[\x22,\n\r]/.test(cell)
        ? [QUOTE, cell.replaceAll(QUOTE, QUOTE + QUOTE), QUOTE].join("")
        : cell;
    };
    return [headings, ...rows].map((row) => row.map((cell) => quoted(text(cell))).join(","))
      .join("\r\n") + "\r\n";
  };

  function takeNumbers(figure) {
    // Spreadsheets know UTF-8 by this mark.
    const text = `\ufeff${atlas.csvOf(figure.numbers())}`;
    save(nameOf(figure, "csv"), new Blob([text], { type: "text/csv" }));
    return "Table saved";
  }

  /* The address of this view; it leads to the figure. */
  const linkTo = (figure) => {
    const [page] = location.href.split("#");
    const states = location.hash.slice(1).split("&").filter((part) => part.includes("="));
    return [`${page}#${figure.id}-section`, ...states].join("&");
  };

  async function takeLink(figure, menu) {
    const link = linkTo(figure);
    try {
      await navigator.clipboard.writeText(link);
      return "Link copied";
    } catch {
      const field = element("input", { readonly: true, value: link, "aria-label": "Link" });
      menu.append(field);
      field.select();
      return "Copy the link:";
    }
  }

  const WAYS = [
    ["Picture (PNG)", takePicture],
    ["Drawing (SVG)", takeDrawing],
    ["Numbers (CSV)", takeNumbers],
    ["Link to this view", takeLink],
  ];

  function menuOf(figure) {
    const status = element("p.fine", { role: "status" });
    const menu = element("div.take-menu", { role: "group", "aria-label": "Take away" });
    const ways = WAYS.filter(([, take]) => take !== takeNumbers || figure.numbers);
    const buttons = ways.map(([name, take]) => {
      const button = element("button", name);
      on(button, "click", async () => {
        put(status, "…");
        find(menu, "input")?.remove();
        try {
          put(status, await take(figure, menu));
        } catch (error) {
          put(status, error.message);
        }
      });
      return button;
    });
    menu.append(...buttons, status);
    return menu;
  }

  /* Open the menu of a figure, or close it. */
  atlas.takeAway = (figure) => {
    const { away } = figure;
    const open = away.nextElementSibling;
    if (open?.matches(".take-menu")) {
      open.remove();
      away.ariaExpanded = "false";
      return;
    }
    const menu = menuOf(figure);
    away.ariaExpanded = "true";
    away.after(menu);
    on(menu, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      atlas.takeAway(figure);
      away.focus();
    });
    find(menu, "button").focus();
  };
}
