"""From the atlas to the site: bake every figure and write the files.

index.html  atlas.json  made.json  .nojekyll
card.jpg  sitemap.xml                              for those who share or list the site
atlas.css  atlas.js  figures.js                    code, from templates/static
data/site.js                                       what all figures need; registers itself
data/<photograph>/photograph.js                    the same of any photograph but the first
data/<photograph>/<figure>.js                      what a figure shows of a photograph
data/<photograph>/<figure>.<part>.js               more of it, loaded when it is first asked for
data/photographs-<part>.js                         what the picker lists
photographs/<photograph>.webp  sprites/*.webp      photographs and feature visualizations
grids/<photograph>/<layer>.webp                    activation grids
later.css  later.js                                code that is loaded when it is first used
data/<photograph>/inspector.js  data/channels.js   what the inspector shows
channels/<layer>/<channel>.html                    a page for every channel that has a picture
notebooks/<figure>.ipynb  store/                   how a figure is reproduced, and from what
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atlas import Atlas, Photograph
from pipeline.figures import Figure, chosen, directions_of, later
from pipeline.fingerprints import fingerprint_of
from pipeline.views import grids
from pipeline.views.inspected import Appearances
from pipeline.website import card, channel_pages, citation, notebooks, page, scripts, sprites
from pipeline.website.encoder import Encoder
from pipeline.website.facts import Listing, photograph_facts, site_facts
from pipeline.website.output import Site, is_whole, relative, replacing
from pipeline.website.report import Report, report
from pipeline.website.sprite_sheets import SpriteSheet, make_sprite_sheets

PHOTOGRAPH_QUALITY = 88


def generate(
    atlas: Atlas,
    output: Path,
    figures: Sequence[str] | None = None,
    config: Path | None = None,
    statement: str | None = None,
) -> Report:
    """Bake and write the whole site.

    Parameters
    ----------
    atlas
        What is baked; its store must hold all that the figures name.
    output
        The site's folder. It may be absent, empty, or an earlier site of ours.
    figures
        Names of figures; all by default.
    config
        The configuration, for notebooks that reproduce the figures; without it there are none.
    statement
        What the atlas was made from, to be published with it.

    Raises
    ------
    AtlasError
        When `output` holds something that is not a site of ours, cannot be written, or the store
        lacks a content.
    """
    shown = chosen(figures)
    with replacing(output) as folder:
        site = Site(folder, build_of(atlas, figures), atlas.unfinished)
        sprite_sheets = make_sprite_sheets(atlas, shown)
        with Encoder(site) as encoder:
            for sprite_sheet in sprite_sheets.values():
                for path, part in sprite_sheet.parts():
                    encoder.write(path, part)
            for path, picture in grids.files(atlas):
                encoder.write(path, picture, grids.QUALITY)
            appearances = _write_photographs(site, encoder, atlas, shown, sprite_sheets)
            channel_pages.write_pages(site, atlas, sprite_sheets, appearances)
        for path, code in scripts.code(page.templates_folder() / "static", shown).items():
            site.write(path, code)
        if config is not None:
            _write_notebooks(site, atlas, shown, output.absolute(), config)
        if statement is not None:
            site.write(page.STATEMENT, statement)
        rendered = page.render(atlas, shown, sprite_sheets, site.build, scripts.LOADED, site.sizes)
        site.write("index.html", rendered)
        site.write(card.NAME, card.card(atlas, shown, sprite_sheets))
        if (address := citation.canonical(atlas.settings.site.address)) is not None:
            pages = sorted(path for path in site.sizes if path.endswith(".html"))
            site.write("sitemap.xml", citation.site_map(address, pages))
        site.write(".nojekyll", "")
        site.write_manifest(atlas.settings.title, atlas.network.title)
    return report(site, output.absolute(), atlas, shown, sprite_sheets)


def build_of(atlas: Atlas, figures: Sequence[str] | None = None) -> str:
    """Return what tells this build of the site from any other: what it is made from, and by.

    All of the package's code and all templates count, whether or not the site depends on them:
    generating the site once too often costs seconds, a stale site misleads.
    """
    code = sources(Path(__file__).resolve().parents[1], page.templates_folder())
    names = [figure.NAME for figure in chosen(figures)]
    shown = [names, sorted(each.name for each in atlas.photographs), list(atlas.unfinished)]
    return fingerprint_of(atlas.fingerprint, shown, code)[:16]


def sources(package: Path, templates: Path) -> dict[str, bytes]:
    """Return the source files of a site's generator: path → contents."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for folder, suffixes in ((package, ("py",)), (templates, ("j2", "js", "css", "py")))
        for suffix in suffixes
        for path in folder.rglob(f"*.{suffix}")
    }


def is_current(atlas: Atlas, output: Path, figures: Sequence[str] | None = None) -> bool:
    """Whether `generate` would write what is in `output` already."""
    return is_whole(output, build_of(atlas, figures))


def _write_notebooks(
    site: Site, atlas: Atlas, shown: Sequence[Figure], output: Path, config: Path
) -> None:
    """Write a notebook for each figure and, where they are published, the data that it opens."""
    store = atlas.store.root
    if atlas.settings.site.data:
        for stored in notebooks.opened(atlas):
            site.write(f"store/{stored.relative_to(store).as_posix()}", stored.read_bytes())
        site.write(f"store/{config.name}", config.read_bytes())
        paths = notebooks.Paths("..", "../store", f"../store/{config.name}")
    else:
        there = output / notebooks.FOLDER
        paths = notebooks.Paths("..", relative(store, there), relative(config, there))
    for path, text in notebooks.notebooks(atlas, shown, page.templates_folder(), paths):
        site.write(path, text)


def _write_photographs(
    site: Site,
    encoder: Encoder,
    atlas: Atlas,
    shown: Sequence[Figure],
    sprite_sheets: Mapping[str, SpriteSheet],
) -> Appearances:
    """Write all that is shown of each photograph; return where each channel is most active.

    One photograph after the other, so that what is read of one is at hand for all of its figures,
    and no more than one is in memory.
    """
    inspector = channel_pages.Inspector(sprite_sheets)
    listing = Listing(site)
    first: dict[str, Any] = {}

    def written() -> Iterator[np.ndarray]:
        for number, photograph in enumerate(atlas.photographs):
            with atlas.store.holding(photograph.name):
                _write_figures(site, atlas, photograph, shown)
                vectors = directions_of(shown, atlas, photograph)
                facts = photograph_facts(photograph, number, sprite_sheets, vectors)
                if number:
                    site.register(f"{photograph.name}/photograph", facts)
                else:
                    first.update(facts)  # they are in data/site.js
                inspector.write(site, atlas, number)
                listing.add(atlas, photograph)
                yield _write_pixels(encoder, atlas, photograph)

    for i, some in enumerate(sprites.parts(written(), sprites.THUMBNAIL)):
        encoder.write(f"sprites/photographs-{i}.webp", some)
    listing.close()
    site.register("site", site_facts(atlas, sprite_sheets, first, listing.mistakes))
    return inspector.close(site, atlas)


def _write_figures(
    site: Site, atlas: Atlas, photograph: Photograph, shown: Sequence[Figure]
) -> None:
    for figure in shown:
        name = f"{photograph.name}/{figure.NAME}"
        site.register(name, figure.bake(atlas, photograph))
        for part, data in later(figure, atlas, photograph).items():
            site.register(f"{name}.{part}", data)


def _write_pixels(encoder: Encoder, atlas: Atlas, photograph: Photograph) -> np.ndarray:
    """Write a photograph; return its pixels, uint8 `[H, W, 3]`."""
    with atlas.open(photograph) as file:
        pixels = file.values("input")
    image = sprites.fitted(pixels, pixels.shape[0])
    encoder.write(f"photographs/{photograph.name}.webp", image, PHOTOGRAPH_QUALITY)
    return pixels
