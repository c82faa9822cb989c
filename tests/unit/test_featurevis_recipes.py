"""Recipes: chosen by name, fingerprinted by everything in them, and read without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from pipeline.config import FeaturesTable
from pipeline.errors import AtlasError
from pipeline.featurevis import recipes
from pipeline.featurevis.parameterizations import PARAMETERIZATIONS
from pipeline.featurevis.penalties import PENALTIES


def test_recipes_take_size_and_steps_from_the_configuration() -> None:
    chosen = recipes.recipe(FeaturesTable(recipe="article", size=64, steps=5))
    assert (chosen.name, chosen.size, chosen.steps) == ("article", 64, 5)
    assert recipes.recipe(FeaturesTable()) == recipes.RECIPES["fast"]


def test_an_unknown_recipe_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(AtlasError, match='did you mean "article"'):
        recipes.recipe(FeaturesTable(recipe="artcle"))


def test_fingerprints_change_with_every_setting_of_a_recipe() -> None:
    base = recipes.RECIPES["fast"]
    changed = [
        replace(base, steps=1),
        replace(base, jitter=1.0),
        replace(base, scales=(1.0, 1.0)),
        replace(base, opacity=1.0),
    ]
    assert len({str(each.fingerprint_parts()) for each in (base, *changed)}) == 5


def test_every_recipe_names_a_known_parameterization() -> None:
    named = {each.parameterization for each in recipes.RECIPES.values()}
    assert named <= set(PARAMETERIZATIONS)


def test_every_penalty_is_a_setting_of_recipes() -> None:
    for name in PENALTIES:
        assert isinstance(getattr(recipes.RECIPES["fast"], name), float)


def test_recipes_do_not_load_torch() -> None:
    code = (
        "import sys, pipeline.featurevis.recipes as recipes; recipes.named('fast'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
