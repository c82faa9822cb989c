"""Several atlases in one site: each in a folder of its own, and a page that lists them.

`[site] path = "birds"` puts an atlas into `site/birds`. The page above is written again whenever
one of the atlases is; an address with a state, from when an atlas stood there itself, leads to the
first of the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import __version__
from pipeline.fingerprints import fingerprint_of
from pipeline.website import card, page
from pipeline.website.output import MANIFEST, Site, manifest_of, replacing

CODE = ("collection.css", "collection.js")


@dataclass(frozen=True)
class Listed:
    """An atlas in a folder of the site.

    Attributes
    ----------
    path
        The folder, relative to the site.
    title, network, build
        As the atlas's manifest has them.
    """

    path: str
    title: str
    network: str
    build: str


def atlases(root: Path) -> Iterator[Listed]:
    """Yield the atlases in the folders of a site, by path."""
    for path in sorted(root.glob(f"*/{MANIFEST}")):
        facts = manifest_of(path.parent)  # somebody else's folder may stand there as well
        if facts is not None:
            yield Listed(path.parent.name, facts["title"], facts["network"], facts["build"])


def adding(root: Path) -> None:
    """Make a folder a site that takes atlases, before the first is written into it.

    Raises
    ------
    AtlasError
        As for `write`.
    """
    if not (root / MANIFEST).is_file():
        write(root)


def write(root: Path) -> None:
    """Write the page that lists the atlases in a site's folders.

    Parameters
    ----------
    root
        The site.

    Raises
    ------
    AtlasError
        When the folder holds a site that is not ours, or cannot be written.
    """
    listed = list(atlases(root))
    facts = [(each.path, each.title, each.network, each.build) for each in listed]
    with replacing(root) as folder:
        site = Site(folder, fingerprint_of(facts, __version__)[:16])
        template = page.environment().get_template("collection.html.j2")
        text = template.render(
            atlases=listed, build=site.build, card=card.NAME, version=__version__
        )
        site.write("index.html", text)
        for name in CODE:
            source = page.templates_folder() / "static" / "collection" / name
            site.write(name, source.read_text(encoding="utf-8"))
        site.write(".nojekyll", "")
        site.write_manifest("Atlases", ", ".join(each.network for each in listed))
