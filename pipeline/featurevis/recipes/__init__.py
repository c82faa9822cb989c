"""Recipes: named settings by which feature visualizations are made, S pixels square in T steps.

A recipe is a value; a configuration chooses one by name and may override its size and steps. A new
recipe is one file with a `Recipe` and one line in `RECIPES`. Recipes of activation grids are in
`GRID_RECIPES`. Nothing here imports torch, so the website and a build with nothing to do read
recipes without loading it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from pipeline.config import FeaturesTable
from pipeline.errors import AtlasError, did_you_mean
from pipeline.featurevis.recipes.article import ARTICLE
from pipeline.featurevis.recipes.diverse import DIVERSE
from pipeline.featurevis.recipes.fast import FAST
from pipeline.featurevis.recipes.grid import ARTICLE_GRID, GRID, GridRecipe
from pipeline.featurevis.recipes.lucid import LUCID
from pipeline.featurevis.recipes.maco import MACO
from pipeline.featurevis.recipes.recipe import VERSION, Recipe, Stage

__all__ = [
    "GRID",
    "GRID_RECIPES",
    "RECIPES",
    "VERSION",
    "GridRecipe",
    "Recipe",
    "Stage",
    "grid_named",
    "named",
    "recipe",
]

Found = TypeVar("Found")

RECIPES: dict[str, Recipe] = {
    each.name: each
    for each in (
        FAST,
        ARTICLE,
        MACO,
        DIVERSE,
        LUCID,
    )
}

GRID_RECIPES: dict[str, GridRecipe] = {each.name: each for each in (GRID, ARTICLE_GRID)}


def recipe(table: FeaturesTable) -> Recipe:
    """Return the recipe that `[features]` of a configuration asks for, with its size and steps.

    Raises
    ------
    AtlasError
        For a name that is not in the table.
    """
    return named(table.recipe, size=table.size, steps=table.steps)


def named(name: str, *, size: int | None = None, steps: int | None = None) -> Recipe:
    """Return the recipe of that name, with another size or other steps where given.

    Raises
    ------
    AtlasError
        For a name that is not in the table.
    """
    chosen = _chosen("recipe", name, RECIPES)
    return replace(chosen, size=size or chosen.size, steps=steps or chosen.steps)


def grid_named(name: str) -> GridRecipe:
    """Return the recipe of activation grids of that name.

    Raises
    ------
    AtlasError
        For a name that is not in the table.
    """
    return _chosen("grids", name, GRID_RECIPES)


def _chosen(key: str, name: str, table: Mapping[str, Found]) -> Found:
    if name not in table:
        hint = did_you_mean(name, table) or ";"
        known = ", ".join(table)
        raise AtlasError(f'[features] {key} = "{name}": no such recipe{hint} known are {known}')
    return table[name]
