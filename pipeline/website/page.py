"""The page: `index.html` from the templates, with what the figures have for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from pipeline import __version__
from pipeline.atlas import Atlas
from pipeline.attribution import METHODS
from pipeline.errors import AtlasError
from pipeline.figures import Figure
from pipeline.views.bypass import bypasses
from pipeline.views.classes import top_classes
from pipeline.website import card, notebooks
from pipeline.website.citation import ARTICLE, Citation, canonical
from pipeline.website.sprite_sheets import SpriteSheet

STATEMENT = "made.json"  # what the atlas was made from, and by what; see pipeline.upkeep.statement
LISTED = 24  # photographs that the page lists for readers without JavaScript


def templates_folder() -> Path:
    """Return where the templates are: inside the installed package, or beside it in a checkout.

    Raises
    ------
    AtlasError
        When they are missing.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "templates", package.parent / "templates"):
        if folder.is_dir():
            return folder
    where = package / "templates"
    raise AtlasError(f"{where}: the templates are missing; install building-blocks again")


def render(
    atlas: Atlas,
    shown: Sequence[Figure],
    sprite_sheets: Mapping[str, SpriteSheet],
    build: str,
    scripts: Sequence[str],
    written: Collection[str] = (),
) -> str:
    """Render the page.

    Parameters
    ----------
    atlas
        What is baked.
    shown
        The figures, in page order.
    sprite_sheets
        Layer → its feature visualizations.
    build
        What tells this build of the site from any other.
    scripts
        Paths of the scripts to load, in order.
    written
        Paths of the site's files so far; the page links to the notebooks and the statement
        among them.
    """
    attribution, site = atlas.settings.attribution, atlas.settings.site
    address = canonical(site.address)
    method = METHODS[attribution.method]
    template = environment().get_template("base.html.j2")
    return template.render(
        address=address,
        article=ARTICLE,
        atlas=atlas,
        build=build,
        bypasses=bypasses(atlas),
        card={"name": card.NAME, "width": card.WIDTH, "height": card.HEIGHT},
        citation=Citation(
            title=atlas.settings.title,
            authors=site.authors,
            year=site.year,
            address=address,
            license=site.license,
            version=__version__,
            build=build,
        ),
        figures=[_for_template(figure, atlas, written) for figure in shown],
        method_description=method.describe(attribution),
        method_is_local=method.LOCAL,
        method_relaxes_pooling=attribution.relax_pooling and method.RELAXES,
        predictions=[(each, top_classes(atlas, each, 3)) for each in atlas.photographs[:LISTED]],
        scripts=scripts,
        sprite_sheets=sprite_sheets,
        statement=STATEMENT if STATEMENT in written else None,
        version=__version__,
    )


def _for_template(figure: Figure, atlas: Atlas, written: Collection[str]) -> dict[str, Any]:
    notebook = notebooks.path(figure)
    return {
        "notebook": notebook if notebook in written else None,
        "name": figure.NAME,
        "title": figure.TITLE,
        "id": identity(figure.NAME),
        "page": figure.page(atlas),
    }


def environment() -> jinja2.Environment:
    """Return the templates, with the filters by which they write numbers."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(number=_number, identity=identity, thousands=_thousands)
    return found


def identity(name: str) -> str:
    """Return the name of a figure as it stands in addresses and element ids."""
    return name.replace("_", "-")


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _thousands(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
