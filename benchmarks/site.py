"""The site in a real browser: bytes on the wire, first paint and figure, shifts, hovering.

Measured on `site/` if it is there, else on a synthetic atlas. Some runs slow the processor four
times. Bytes are counted as GitHub Pages sends them: text gzipped, pictures as they are.
"""

from __future__ import annotations

import gzip
import json
import statistics
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks._rows import row
from pipeline.website.generate import generate
from pipeline.website.output import MANIFEST
from pipeline.website.serve import served
from tests import synthetic
from tests.browser.chromium import launch

SITE = Path("site")
TEXT = (".html", ".js", ".css", ".json")
LEVEL = 6  # of gzip, as web servers have it
MOVES = 120
STARTS = 5
FURTHER = 3  # photographs, at most, that are visited after the first
SLOWED = 4

# Notes when the first figure is ready.
FIRST = """
new MutationObserver((changes, observer) => {
  const ready = ({ target }) => target.matches?.(".figure[data-state=ready]");
  if (!changes.some(ready)) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => (window.firstReady = performance.now())));
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
"""
# Notes what browsers report of loading: when the largest part of the first screen was painted, how
# much moved by itself, and tasks of more than 50 ms, which keep the page from answering.
NOTES = """
window.noted = { painted: 0, shifted: 0, tasks: [] };
const note = (type, act) => {
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(act));
  observer.observe({ type, buffered: true });
};
note("largest-contentful-paint", ({ startTime }) => (noted.painted = startTime));
note("layout-shift", ({ hadRecentInput, value }) => {
  if (!hadRecentInput) noted.shifted += value;
});
note("longtask", ({ duration }) => noted.tasks.push(duration));
"""
LENGTH = "document.documentElement.scrollHeight"
# Times from the pointer's event to the end of the frame in which its effect is painted.
HOVER = """async ([selector, moves]) => {
  const target = document.querySelector(selector);
  const times = [];
  target.scrollIntoView({ block: "center" });
  await new Promise((done) => setTimeout(done, 600));
  const box = target.getBoundingClientRect();
  for (let i = 0; i < moves; i++) {
    await new Promise(requestAnimationFrame);
    const start = performance.now();
    const clientX = box.left + box.width * ((i * 37) % 97) / 97;
    const clientY = box.top + box.height * ((i * 53) % 89) / 89;
    const options = { bubbles: true, pointerType: "mouse", clientX, clientY };
    target.dispatchEvent(new PointerEvent("pointermove", options));
    document.body.getBoundingClientRect();
    const script = performance.now() - start;
    await new Promise(requestAnimationFrame);
    const begun = performance.now();
    const channel = new MessageChannel();
    await new Promise((done) => {
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    });
    times.push(script + performance.now() - begun);
  }
  return times;
}"""
CHANGE = """async (name) => {
  const start = performance.now();
  atlas.state.show(name);
  const figures = [...document.querySelectorAll(".figure")].filter((figure) => figure.image);
  const shows = (figure) => figure.image === name && figure.dataset.state === "ready";
  while (!figures.every(shows)) await new Promise((done) => setTimeout(done));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""
# Bytes in memory of pictures, 4 a pixel.
DECODED = """async (paths) => {
  let sum = 0;
  for (const path of paths) {
    const image = new Image();
    image.src = path;
    try {
      await image.decode();
      sum += image.naturalWidth * image.naturalHeight * 4;
    } catch {}
  }
  return sum;
}"""
# A page of one line, ready at the first frame.
BLANK = '<!doctype html><title>x</title><p class="figure">x</p><script defer src="x.js"></script>\n'
BLANK_SCRIPT = """
requestAnimationFrame(() => (document.querySelector("p").dataset.state = "ready"));
"""


@contextmanager
def a_site() -> Iterator[Path]:
    if (SITE / MANIFEST).is_file():
        yield SITE
        return
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "site"
        generate(synthetic.make(Path(folder) / "store"), output)
        yield output


# ------------------------------------------------------------------------------------------ bytes
def wire(site: Path, paths: Set[str]) -> int:
    """Bytes of some files on the wire."""
    return sum(wire_size(path, (site / path).read_bytes()) for path in paths)


def wire_size(path: str, content: bytes) -> int:
    return len(gzip.compress(content, LEVEL)) if path.endswith(TEXT) else len(content)


def is_code(path: str) -> bool:
    return path.endswith((".js", ".css")) and not path.startswith("data/")


def bytes_rows(browser: Browser, site: Path, address: str) -> list[dict[str, Any]]:
    with opened(browser, address) as (page, asked):
        page.goto(f"{address}/index.html")
        at_once = set(asked)
        visit(page)
        first = set(asked)
        further, whole = [0], [0]
        for name in names(site, page)[1 : 1 + FURTHER]:
            before = set(asked)
            page.evaluate("name => { atlas.state.show(name); }", name)
            page.wait_for_timeout(300)
            visit(page)
            further.append(wire(site, asked - before))
            whole.append(wire(site, asked - before | files_of(site, name)))
        decoded = page.evaluate(DECODED, [path for path in first if path.endswith(".webp")])
    files = json.loads((site / MANIFEST).read_text())["files"]
    code = {path for path in files if is_code(path)}
    return [
        row("site: one photograph, all figures, on the wire", wire(site, first) / 1e6, "MB", 2.0),
        row("site: a further photograph, all figures", max(further) / 1e6, "MB", 0.8),
        row("site: the same, with every choice in them", max(whole) / 1e6, "MB"),
        row("site: JavaScript and CSS, on the wire", wire(site, code & at_once) / 1e3, "kB", 45),
        row("site: the same, loaded on demand", wire(site, code - at_once) / 1e3, "kB", 18.5),
        row("site: decoded pictures", decoded / 1e6, "MB", 60),
    ]


def names(site: Path, page: Page) -> list[str]:
    """All photographs, the one that is shown first."""
    shown = page.evaluate("() => atlas.state.image")
    every = sorted(path.stem for path in (site / "photographs").glob("*.webp"))
    return sorted(every, key=lambda name: name != shown)


def files_of(site: Path, name: str) -> set[str]:
    """All that the site has of one photograph and of no other."""
    folders = [site / "data" / name, site / "grids" / name]
    found = [path for folder in folders for path in folder.glob("*")]
    found.append(site / "photographs" / f"{name}.webp")
    return {path.relative_to(site).as_posix() for path in found}


# ------------------------------------------------------------------------------------------ times
def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def visit(page: Page) -> None:
    """Bring every figure near the view, as it is shown first."""
    for each in page.locator(".figure").all():
        each.scroll_into_view_if_needed()
        loaded = "figure => figure.dataset.state !== 'loading'"
        page.wait_for_function(loaded, arg=each.element_handle())
    page.wait_for_load_state("networkidle")


@contextmanager
def opened(browser: Browser, address: str, slowed: int = 1) -> Iterator[tuple[Page, set[str]]]:
    """Give a new page, which nothing has been loaded into, and the files that it asks for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    asked: set[str] = set()

    def note(url: str) -> None:
        asked.add(unquote(urlsplit(url).path).lstrip("/") or "index.html")

    page.on("requestfinished", lambda request: note(request.url))
    yield page, asked
    context.close()


def first_figure(browser: Browser, address: str, slowed: int) -> float:
    """Milliseconds from asking for the page to its first figure, in a browser new to the site."""
    times = []
    for _ in range(STARTS):
        with opened(browser, address, slowed) as (page, _asked):
            page.add_init_script(FIRST)
            page.goto(f"{address}/index.html")
            page.wait_for_function("() => window.firstReady")
            times.append(page.evaluate("() => window.firstReady"))
    # Starts differ by a third, with whatever else the machine does.
    return float(statistics.median(times))


def loading_rows(browser: Browser, address: str) -> list[dict[str, Any]]:
    """What a reader waits for and sees moving, while the page loads and is scrolled through."""
    painted, tasks = [], []
    for _ in range(STARTS):
        painted.append(loaded(browser, address, SLOWED)["painted"])
        tasks.append(max(loaded(browser, address, 1)["tasks"], default=0.0))
    with opened(browser, address) as (page, _asked):
        page.add_init_script(NOTES)
        page.goto(f"{address}/index.html")
        page.wait_for_load_state("networkidle")
        before = page.evaluate(LENGTH)
        while page.evaluate(f"scrollY + innerHeight < {LENGTH} - 1"):
            page.mouse.wheel(0, 500)
            page.wait_for_timeout(100)
        visit(page)
        grown = abs(page.evaluate(LENGTH) / before - 1)
        shifted = page.evaluate("noted.shifted")
    slowed = f", processor slowed {SLOWED}×"
    largest = statistics.median(painted) / 1e3
    return [
        row(f"site: largest contentful paint{slowed}", largest, "s", 1.0),
        row("site: longest task on load", statistics.median(tasks), "ms", 100),
        row("site: layout shift, loading and scrolling (CLS)", shifted, "", 0.02),
        row("site: change of the page's length by visiting all of it", 100 * grown, "%", 5),
    ]


def loaded(browser: Browser, address: str, slowed: int) -> dict[str, Any]:
    """What was noted until a page that is new to the browser had been still for a second."""
    with opened(browser, address, slowed) as (page, _asked):
        page.add_init_script(NOTES)
        page.goto(f"{address}/index.html")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1000)
        found: dict[str, Any] = page.evaluate("noted")
    return found


def speed_rows(browser: Browser, site: Path, address: str, slowed: int) -> list[dict[str, Any]]:
    first = first_figure(browser, address, slowed)
    with opened(browser, address, slowed) as (page, _):
        page.goto(f"{address}/index.html")
        visit(page)
        hover = page.evaluate(HOVER, ["#semantic-dictionary .cells", MOVES])
        first_name, *others = names(site, page)[: 1 + FURTHER]
        changes = [page.evaluate(CHANGE, name) for name in [*others, first_name] * 2]
    # By the second round, every photograph's data have been loaded.
    changed = max(changes[len(others) + 1 :], default=0.0)
    painted = percentile(hover, 0.95)
    throttled = slowed > 1
    label = f", processor slowed {slowed}×" if throttled else ""
    usable, hovering, changing = (1.0, 50, None) if throttled else (None, 16, 300)
    return [
        row(f"site: first figure usable{label}", first / 1e3, "s", usable),
        row(f"site: hover to painted frame, 95th percentile{label}", painted, "ms", hovering),
        row(f"site: changing the photograph, once loaded{label}", changed, "ms", changing),
    ]


def blank_row(browser: Browser) -> dict[str, Any]:
    """How fast the machine is at this moment: the first figure's measure, of a page of one line."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "index.html").write_text(BLANK)
        (Path(folder) / "x.js").write_text(BLANK_SCRIPT)
        with served(Path(folder)) as address:
            first = first_figure(browser, address, SLOWED)
    return row(f"a page of one line, processor slowed {SLOWED}×", first / 1e3, "s")


def rows() -> list[dict[str, Any]]:
    with a_site() as site, served(site) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        found = [
            *bytes_rows(browser, site, address),
            *loading_rows(browser, address),
            *speed_rows(browser, site, address, 1),
            *speed_rows(browser, site, address, SLOWED),
            blank_row(browser),
        ]
        browser.close()
    return found


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
