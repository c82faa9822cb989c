"""From the atlas to the site: bake every figure and write the files.

index.html  atlas.json  .nojekyll
card.jpg  sitemap.xml                              for those who share or list the site
atlas.css  atlas.js  figures.js                    code, from templates/static
data/site.js  data/<photograph>/<figure>.js        what the figures show; registers itself
photographs/<photograph>.webp  sprites/*.webp      photographs and feature visualizations
grids/<photograph>/<layer>.webp                    activation grids
later.css  later.js                                code that is loaded when it is first used
data/<photograph>/inspector.js  data/channels.js   what the inspector shows
channels/<layer>/<channel>.html                    a page for every channel that has a picture
notebooks/<figure>.ipynb  store/                   how a figure is reproduced, and from what
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.atlas import Atlas
from pipeline.figures import Figure, chosen
from pipeline.fingerprints import fingerprint_of
from pipeline.views import grids
from pipeline.website import card, channel_pages, citation, notebooks, page, scripts, sprites
from pipeline.website.facts import site_facts
from pipeline.website.output import Site, is_whole, replacing
from pipeline.website.report import Report, report
from pipeline.website.sprite_sheets import make_sprite_sheets

PHOTOGRAPH_QUALITY = 88


def generate(
    atlas: Atlas,
    output: Path,
    figures: Sequence[str] | None = None,
    config: Path | None = None,
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

    Raises
    ------
    AtlasError
        When `output` holds something that is not a site of ours, cannot be written, or the store
        lacks a content.
    """
    shown = chosen(figures)
    with replacing(output) as folder:
        site = Site(folder, build_of(atlas, figures))
        sprite_sheets = make_sprite_sheets(atlas, shown)
        _write_photographs(site, atlas)
        for sprite_sheet in sprite_sheets.values():
            for path, part in sprite_sheet.parts().items():
                site.write(path, part)
        for path, picture in grids.files(atlas):
            site.write(path, sprites.encode(picture, grids.QUALITY))
        for figure in shown:
            for photograph in atlas.photographs:
                site.register(f"{photograph.name}/{figure.NAME}", figure.bake(atlas, photograph))
        site.register("site", site_facts(atlas, sprite_sheets))
        appearances = channel_pages.write_inspector(site, atlas, sprite_sheets)
        channel_pages.write_pages(site, atlas, sprite_sheets, appearances)
        for path, code in scripts.code(page.templates_folder() / "static", shown).items():
            site.write(path, code)
        if config is not None:
            _write_notebooks(site, atlas, shown, output.absolute(), config)
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
    return fingerprint_of(atlas.fingerprint, names, code)[:16]


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
        for photograph in atlas.photographs:
            stored = atlas.store.photograph_path(photograph.name)
            site.write(f"store/{stored.relative_to(store).as_posix()}", stored.read_bytes())
        site.write(f"store/{config.name}", config.read_bytes())
        paths = notebooks.Paths("..", "../store", f"../store/{config.name}")
    else:
        there = output / notebooks.FOLDER
        paths = notebooks.Paths("..", _relative(store, there), _relative(config, there))
    for path, text in notebooks.notebooks(atlas, shown, page.templates_folder(), paths):
        site.write(path, text)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return path.absolute().as_posix()


def _write_photographs(site: Site, atlas: Atlas) -> None:
    thumbnails: list[np.ndarray] = []
    for photograph in atlas.photographs:
        with atlas.open(photograph) as file:
            pixels = file.values("input")
        image = sprites.fitted(pixels, pixels.shape[0])
        encoded = sprites.encode(image, quality=PHOTOGRAPH_QUALITY)
        site.write(f"photographs/{photograph.name}.webp", encoded)
        thumbnails.append(np.asarray(sprites.fitted(pixels, sprites.THUMBNAIL)))
    for i, part in enumerate(sprites.parts(thumbnails, sprites.THUMBNAIL)):
        site.write(f"sprites/photographs-{i}.webp", part)
