"""The site in a real browser: bytes on the wire, code, time to the first figure, hovering, changing the photograph.

Measured on `site/` if it is there, else on a synthetic atlas; throttled runs slow the processor four times. Bytes count
as GitHub Pages sends them: text gzipped, pictures as they are.
"""

from __future__ import annotations

import gzip
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks._rows import row
from pipeline.generate import MANIFEST, generate
from tests import synthetic
from tests.browser.chromium import launch
from tests.browser.serving import served

SITE = Path("site")
TEXT = (".html", ".js", ".css", ".json")
MOVES = 120
STARTS = 5
SLOWED = 4

# Notes when the first figure is ready.
FIRST = """new MutationObserver((changes, observer) => {
  if (!changes.some(({target}) => target.matches?.(".figure[data-state=ready]"))) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => (window.firstReady = performance.now())));
}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-state"]});"""
# Time from the pointer's event to the end of the frame in which its effect is painted.
HOVER = """async ([selector, moves]) => {
  const target = document.querySelector(selector), times = [];
  target.scrollIntoView({block: "center"});
  await new Promise((done) => setTimeout(done, 600));
  const box = target.getBoundingClientRect();
  for (let i = 0; i < moves; i++) {
    await new Promise(requestAnimationFrame);
    const start = performance.now();
    const place = {clientX: box.left + box.width * ((i * 37) % 97) / 97, clientY: box.top + box.height * ((i * 53) % 89) / 89};
    target.dispatchEvent(new PointerEvent("pointermove", {bubbles: true, pointerType: "mouse", ...place}));
    document.body.getBoundingClientRect();
    const script = performance.now() - start;
    await new Promise(requestAnimationFrame);
    const begun = performance.now(), channel = new MessageChannel();
    await new Promise((done) => { channel.port1.onmessage = done; channel.port2.postMessage(0); });
    times.push(script + performance.now() - begun);
  }
  return times;
}"""
CHANGE = """async (name) => {
  const start = performance.now();
  atlas.state.show(name);
  const figures = [...document.querySelectorAll(".figure")].filter((figure) => figure.image);
  const shown = () => figures.every((figure) => figure.image === name && figure.dataset.state === "ready");
  while (!shown()) await new Promise((done) => setTimeout(done));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""


@contextmanager
def a_site() -> Iterator[Path]:
    if (SITE / MANIFEST).is_file():
        yield SITE
        return
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "site"
        generate(synthetic.make(Path(folder) / "store"), output)
        yield output


def wire(site: Path, paths: set[str]) -> int:
    """Bytes that some files take on the way."""
    contents = ((path, (site / path).read_bytes()) for path in paths)
    return sum(len(gzip.compress(content, 6)) if path.endswith(TEXT) else len(content) for path, content in contents)


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def visit(page: Page) -> None:
    """Bring every figure near the view, in its opening state."""
    for each in page.locator(".figure").all():
        each.scroll_into_view_if_needed()
        page.wait_for_function("figure => figure.dataset.state !== 'loading'", arg=each.element_handle())
    page.wait_for_load_state("networkidle")


@contextmanager
def opened(browser: Browser, address: str, slowed: int = 1) -> Iterator[tuple[Page, set[str]]]:
    """A fresh page, not yet on its way, and the files that it has asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    asked: set[str] = set()
    page.on("requestfinished", lambda request: asked.add(unquote(urlsplit(request.url).path).lstrip("/") or "index.html"))
    yield page, asked
    context.close()


def bytes_rows(browser: Browser, site: Path, address: str) -> list[dict[str, Any]]:
    with opened(browser, address) as (page, asked):
        page.goto(f"{address}/index.html")
        visit(page)
        first = set(asked)
        names = page.evaluate("() => atlas.site.photographs.map(({name}) => name)")
        if len(names) > 1:
            page.evaluate("name => { atlas.state.show(name); }", names[1])
            page.wait_for_timeout(300)
            visit(page)
        further = asked - first
        decoded = page.evaluate(
            "async (paths) => { let sum = 0; for (const path of paths) { const image = new Image(); image.src = path; "
            "try { await image.decode(); sum += image.naturalWidth * image.naturalHeight * 4; } catch {} } return sum; }",
            [path for path in first if path.endswith(".webp")],
        )
    code = sum((site / path).stat().st_size for path in json.loads((site / MANIFEST).read_text())["files"] if is_code(path))
    return [
        row("site: one photograph, all figures, on the wire", wire(site, first) / 1e6, "MB", 2.0),
        row("site: each further photograph", wire(site, further) / 1e6, "MB", 1.5),
        row("site: JavaScript and CSS", code / 1e3, "kB", 100),
        row("site: decoded pictures", decoded / 1e6, "MB", 60),
    ]


def is_code(path: str) -> bool:
    return path.endswith((".js", ".css")) and not path.startswith("data/")


def first_figure(browser: Browser, address: str, slowed: int) -> float:
    """Milliseconds from asking for the page to its first figure, of a browser that has not seen it before."""
    times = []
    for _ in range(STARTS):
        with opened(browser, address, slowed) as (page, _asked):
            page.add_init_script(FIRST)
            page.goto(f"{address}/index.html")
            page.wait_for_function("() => window.firstReady")
            times.append(page.evaluate("() => window.firstReady"))
    # A start takes longer or shorter by a third, as the machine's other work falls: the middle one of some.
    return float(statistics.median(times))


def speed_rows(browser: Browser, address: str, slowed: int) -> list[dict[str, Any]]:
    first = first_figure(browser, address, slowed)
    with opened(browser, address, slowed) as (page, _):
        page.goto(f"{address}/index.html")
        visit(page)
        hover = page.evaluate(HOVER, ["#semantic-dictionary .cells", MOVES])
        names = page.evaluate("() => atlas.site.photographs.map(({name}) => name)")
        changes = [page.evaluate(CHANGE, name) for name in [*names[1:], names[0]] * 2]
    label = f", processor slowed {slowed}×" if slowed > 1 else ""
    return [
        row(f"site: first figure usable{label}", first / 1e3, "s", 1.0 if slowed > 1 else None),
        row(f"site: hover to painted frame, 95th percentile{label}", percentile(hover, 0.95), "ms", 50 if slowed > 1 else 16),
        # The second round: every photograph's data have been loaded by then.
        row(
            f"site: changing the photograph, once loaded{label}", max(changes[len(names) :], default=0.0), "ms", None if slowed > 1 else 300
        ),
    ]


def blank_row(browser: Browser) -> dict[str, Any]:
    """What a browser so slowed takes for a page of one line, measured like the first figure: how fast the machine is at this moment."""
    with tempfile.TemporaryDirectory() as folder:
        page = '<!doctype html><title>x</title><p class="figure">x</p><script defer src="x.js"></script>\n'
        (Path(folder) / "index.html").write_text(page)
        (Path(folder) / "x.js").write_text('requestAnimationFrame(() => (document.querySelector("p").dataset.state = "ready"));\n')
        with served(Path(folder)) as address:
            first = first_figure(browser, address, SLOWED)
    return row(f"a page of one line, processor slowed {SLOWED}×", first / 1e3, "s")


def rows() -> list[dict[str, Any]]:
    measures: list[Callable[[Browser, Path, str], list[dict[str, Any]]]] = [
        bytes_rows,
        lambda browser, _, address: speed_rows(browser, address, 1),
        lambda browser, _, address: speed_rows(browser, address, SLOWED),
    ]
    with a_site() as site, served(site) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        found = [*(each for measure in measures for each in measure(browser, site, address)), blank_row(browser)]
        browser.close()
    return found


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
