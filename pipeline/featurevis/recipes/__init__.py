"""Recipes: named settings by which feature visualizations are made, S pixels square in T steps.

A recipe is a value; a configuration chooses one by name and may override its size and steps. A new
recipe is one file with a `Recipe` and one line in `RECIPES`. Nothing here imports torch, so the
website and a build with nothing to do read recipes without loading it.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.config import FeaturesTable
from pipeline.errors import AtlasError, did_you_mean
from pipeline.featurevis.recipes.article import ARTICLE
from pipeline.featurevis.recipes.diverse import DIVERSE
from pipeline.featurevis.recipes.fast import FAST
from pipeline.featurevis.recipes.grid import GRID, GridRecipe
from pipeline.featurevis.recipes.lucid import LUCID
from pipeline.featurevis.recipes.maco import MACO
from pipeline.featurevis.recipes.recipe import VERSION, Recipe, Stage

__all__ = ["GRID", "RECIPES", "VERSION", "GridRecipe", "Recipe", "Stage", "named", "recipe"]

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
    if name not in RECIPES:
        hint = did_you_mean(name, RECIPES) or ";"
        known = ", ".join(RECIPES)
        raise AtlasError(f'[features] recipe = "{name}": no such recipe{hint} known are {known}')
    chosen = RECIPES[name]
    return replace(chosen, size=size or chosen.size, steps=steps or chosen.steps)
