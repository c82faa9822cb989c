"""From the atlas to the site: bake every figure and write the files.

index.html  atlas.json  .nojekyll
atlas.css  atlas.js  figures.js                    code, from templates/static
data/site.js  data/<photograph>/<figure>.js        what the figures show; registers itself
photographs/<photograph>.webp  sprites/*.webp      photographs and feature visualizations
grids/<photograph>/<layer>.webp                    activation grids
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.atlas import Atlas
from pipeline.figures import chosen
from pipeline.fingerprints import fingerprint_of
from pipeline.views import grids
from pipeline.website import page, scripts, sprites
from pipeline.website.facts import site_facts
from pipeline.website.output import Site, is_whole, replacing
from pipeline.website.report import Report, report
from pipeline.website.sprite_sheets import make_sprite_sheets

PHOTOGRAPH_QUALITY = 88


def generate(atlas: Atlas, output: Path, figures: Sequence[str] | None = None) -> Report:
    """Bake and write the whole site.

    Parameters
    ----------
    atlas
        What is baked; its store must hold all that the figures name.
    output
        The site's folder. It may be absent, empty, or an earlier site of ours.
    figures
        Names of figures; all by default.

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
        for path, code in scripts.code(page.templates_folder() / "static", shown).items():
            site.write(path, code)
        rendered = page.render(atlas, shown, sprite_sheets, site.build, scripts.LOADED)
        site.write("index.html", rendered)
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
        for folder, suffixes in ((package, ("py",)), (templates, ("j2", "js", "css")))
        for suffix in suffixes
        for path in folder.rglob(f"*.{suffix}")
    }


def is_current(atlas: Atlas, output: Path, figures: Sequence[str] | None = None) -> bool:
    """Whether `generate` would write what is in `output` already."""
    return is_whole(output, build_of(atlas, figures))


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
