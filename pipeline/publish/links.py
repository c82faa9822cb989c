"""Links of a static site that lead nowhere: in pages, style sheets and the list of its files.

Only what stays inside the site is followed. A link to an element of another page counts as broken
if that page has no element of this name; fragments that hold a state ("key=value") are no elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)['\"]?\s*\)")
_ATTRIBUTES = ("href", "src", "poster", "data-src")


class _Page(HTMLParser):
    """The addresses and the element names of one page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name in _ATTRIBUTES:
                self.links.append(value)
            elif name == "srcset":
                self.links += [each.split()[0] for each in value.split(",") if each.strip()]
            elif name in ("id", "name"):
                self.names.add(value)
            elif name == "style":
                self.links += _URL.findall(value)


def broken(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield file and link of each link that leads nowhere inside the site.

    Parameters
    ----------
    folder
        The site. Pages are all `*.html` in it, style sheets all `*.css`.
    """
    pages = {
        path.relative_to(folder).as_posix(): _parse(path) for path in sorted(folder.rglob("*.html"))
    }
    for name, page in pages.items():
        for link in page.links:
            if not _leads_somewhere(link, name, folder, pages):
                yield name, link
    for path in sorted(folder.rglob("*.css")):
        name = path.relative_to(folder).as_posix()
        for link in _URL.findall(path.read_text(encoding="utf-8")):
            if not _leads_somewhere(link, name, folder, pages):
                yield name, link


def _parse(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    return page


def _leads_somewhere(link: str, source: str, folder: Path, pages: Mapping[str, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True  # outside, or data: and mailto:
    path = unquote(parts.path)
    if path.startswith("/"):
        return False  # breaks wherever the site is not at the root of its host
    target = normpath(join(dirname(source), path)) if path else source
    if target.startswith(".."):
        return False
    found = folder / target
    if found.is_dir():
        target = normpath(join(target, "index.html"))
        found = folder / target
    if not found.is_file():
        return False
    fragment = unquote(parts.fragment)
    if not fragment or "=" in fragment or target not in pages:
        return True
    return fragment in pages[target].names
