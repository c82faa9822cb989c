"""How an atlas is cited, and where it stands in the web: BibTeX, canonical address, site map."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from pipeline.slugs import slug

ARTICLE = "https://doi.org/10.23915/distill.00010"  # The Building Blocks of Interpretability

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "#$%&_"},
}


@dataclass(frozen=True)
class Citation:
    """What a reader needs to cite an atlas.

    Attributes
    ----------
    title, authors, license, year
        As the configuration has them. The year is none of the clock's, so that the same
        configuration gives the same site.
    address
        Where the atlas appears, ending in "/"; None where that is not known.
    version
        Of building-blocks.
    build
        What tells this build of the site from any other.
    """

    title: str
    authors: Sequence[str]
    address: str | None
    license: str | None
    version: str
    build: str
    year: int | None = None

    @property
    def license_address(self) -> str | None:
        named = self.license or ""
        return named if re.match(r"https?://", named) else None

    def bibtex(self) -> str:
        """Return the entry for a bibliography."""
        fields = {
            "title": f"{{{_tex(self.title)}}}",
            "author": " and ".join(_tex(name) for name in self.authors),
            "year": str(self.year or ""),
            "url": self.address or "",
            "note": f"Atlas made with building-blocks {self.version}, build {self.build}",
        }
        lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
        first = slug(self.authors[0].split()[-1]).lower() if self.authors else "atlas"
        return "\n".join([f"@misc{{{first}-{self.build[:8]},", *lines, "}"])


def canonical(address: str | None) -> str | None:
    """Return the address of a site as its pages name it: with a slash at the end."""
    return None if address is None else address.removesuffix("index.html").rstrip("/") + "/"


def site_map(address: str, pages: Iterable[str]) -> str:
    """Return `sitemap.xml` (sitemaps.org, protocol 0.9).

    Parameters
    ----------
    address
        Canonical address of the site.
    pages
        Paths of its pages; an `index.html` stands for its folder.
    """
    entries = "".join(
        f"<url><loc>{escape(address + page.removesuffix('index.html'))}</loc></url>\n"
        for page in pages
    )
    namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<urlset xmlns="{namespace}">\n{entries}</urlset>\n'


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
