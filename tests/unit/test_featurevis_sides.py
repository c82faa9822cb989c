"""The sides of pictures: how large they are made, and at which sides a network is shown them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from torch import Tensor, nn

from pipeline.featurevis import objectives, sides
from pipeline.featurevis.objectives import Objective
from pipeline.featurevis.recipes import RECIPES, Recipe, Stage
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import Request, requests_for_channels
from pipeline.probe import receptive_fields
from pipeline.units import Unit
from pipeline.website import sprites
from tests.unit import networks
from tests.unit.featurevis import Passes, largest_difference, pictures_of

LARGE = replace(RECIPES["fast"], size=224)


def test_sides_at_which_a_network_does_not_run_are_left_out() -> None:
    stages = (
        Stage(0.3, view=0.25, rate=2.0, patience=0.1),
        Stage(0.4, view=0.5),
        Stage(0.3),
    )
    recipe = replace(RECIPES["fast"], size=64, stages=stages)
    network = networks.network()

    def demanding(_module: nn.Module, inputs: tuple[Tensor]) -> None:
        if inputs[0].shape[-1] < 32:
            raise RuntimeError("Kernel size can't be greater than actual input size")

    network.module.register_forward_pre_hook(demanding)
    suited = sides.suited_recipe(network, recipe, [objectives.logit(0)])
    assert suited.stages == (Stage(0.3, patience=0.1), *stages[1:])
    request = Request("output", Unit("neuron", "0"), objectives.logit(0))
    [batch] = render(network, [request], replace(recipe, steps=6))
    assert batch.pictures.shape == (1, 64, 64, 3)


def test_the_receptive_field_is_measured() -> None:
    plain, functional = networks.network(), networks.network(networks.Functional())
    assert receptive_fields(plain, ["early"], 64) == {"early": 8}
    assert receptive_fields(plain, ["late"], 64) == {"late": 20}
    assert receptive_fields(functional, ["joined"], 64) == {"joined": 7}
    assert receptive_fields(plain, ["late"], 8) == {"late": 8}, "no more than there is"
    assert receptive_fields(plain, ["head"], 64) == {"head": 64}, "without positions all is seen"
    together = receptive_fields(plain, ["early", "late", "head"], 64)
    assert together == {"early": 8, "late": 20, "head": 64}


def test_icons_are_never_enlarged() -> None:
    assert sides.LEAST_SIDE == 112
    assert sides.LEAST_SIDE >= sprites.ICON


@pytest.mark.parametrize(
    ("objective", "recipe", "side"),
    [
        (objectives.channel("early", 0), LARGE, 112),
        (objectives.channel("early", 0), replace(LARGE, size=96), 96),
        (objectives.logit(0), LARGE, 224),
        (objectives.channel("early", 0) + 0.1 * objectives.logit(0), LARGE, 224),
        (objectives.neuron("early", 0), LARGE, 112),
        # Where the position is depends on the size.
        (objectives.neuron("early", 0, (2, 3)), LARGE, 224),
    ],
)
def test_units_with_small_receptive_fields_get_the_least_side(
    objective: Objective, recipe: Recipe, side: int
) -> None:
    assert sides.suited_recipe(networks.network(), recipe, [objective]).size == side


@pytest.mark.parametrize(
    ("field", "side"), [(40, 112), (57, 128), (70, 144), (105, 224), (224, 224)]
)
def test_a_picture_holds_the_receptive_field_twice(field: int, side: int) -> None:
    assert sides.side_for_field(field, 224) == side


def test_pictures_of_one_layer_do_not_depend_on_its_other_requests() -> None:
    network, recipe = networks.network(), replace(LARGE, size=128, steps=4, attempts=1)
    requests = requests_for_channels("early", [1])
    position, mixture = Unit("neuron", "0-1-1"), Unit("mixture", "0")
    others = [
        Request("early", position, objectives.neuron("early", 0, (1, 1))),
        Request("early", mixture, objectives.channel("early", 0) + objectives.logit(1)),
    ]
    alone = pictures_of(render(network, requests, recipe))
    among = pictures_of(render(network, [*others, *requests], recipe))
    unit = Unit.channel(1)
    assert among[unit].shape == (112, 112, 3)
    assert among[position].shape == among[mixture].shape == (128, 128, 3)
    assert largest_difference(alone[unit], among[unit]) <= 2


def test_a_picture_is_shown_at_one_side_after_another() -> None:
    stages = (Stage(0.25, view=0.6), Stage(0.25), Stage(0.5, view=1.75, rate=2.0))
    recipe = replace(RECIPES["fast"], size=64, steps=8, stages=stages, averaged=0.25)
    shown = [recipe.side(step) for step in range(8)]
    assert shown == [32, 32, 64, 64, 112, 112, 112, 112]
    rates = [recipe.rate(step) / recipe.learning_rate for step in range(8)]
    assert rates == [1, 1, 1, 1, 2, 2, 2, 2]
    assert [recipe.averages(step) for step in range(8)] == [False] * 6 + [True] * 2
    expected = [(stages[0], range(2)), (stages[1], range(2, 4)), (stages[2], range(4, 8))]
    assert recipe.schedule() == expected
    single = replace(recipe, size=50, stages=(Stage(),))
    assert {single.side(step) for step in range(8)} == {50}


@pytest.mark.parametrize("name", RECIPES)
def test_the_stages_of_a_recipe_cover_all_steps(name: str) -> None:
    recipe = RECIPES[name]
    assert sum(stage.share for stage in recipe.stages) == pytest.approx(1)
    for steps in (1, 3, recipe.steps, 1000):
        schedule = replace(recipe, steps=steps).schedule()
        assert [step for _, of_stage in schedule for step in of_stage] == list(range(steps))


def test_the_network_is_shown_the_sides_of_the_schedule() -> None:
    stages = (Stage(0.25, view=0.6), Stage(0.25), Stage(0.5, view=1.75, rate=2.0))
    recipe = replace(RECIPES["fast"], size=64, steps=8, stages=stages, attempts=1, redirected=0)
    network = networks.network()
    passes = Passes(network)
    request = Request("output", Unit("neuron", "1"), objectives.logit(1))
    [batch] = render(network, [request], recipe)
    assert np.isfinite(batch.objective).all()
    assert passes.sides == [32, 32, 64, 64, 112, 112, 112, 112]


@pytest.mark.parametrize(
    ("objective", "size", "staged"),
    [
        (objectives.channel("early", 0), 112, False),  # it sees 8 px
        (objectives.channel("late", 0), 21, False),  # 20 px
        (objectives.channel("late", 0), 20, True),
        (objectives.neuron("late", 0, (0, 0)), 64, False),
        (objectives.channel("head", 0), 112, True),
        (objectives.logit(0), 112, True),
        (objectives.channel("early", 0) + objectives.logit(0), 112, True),
    ],
)
def test_units_that_see_little_are_shown_their_picture_at_its_own_side(
    objective: Objective, size: int, staged: bool
) -> None:
    stages = (Stage(0.5, view=2.0, rate=2.0, patience=0.1), Stage(0.5))
    recipe = replace(RECIPES["fast"], size=size, steps=20, stages=stages)
    suited = sides.suited_recipe(networks.network(), recipe, [objective])
    if staged:
        assert suited == recipe
    else:
        assert suited == replace(recipe, stages=(Stage(),), steps=50), "as many pixels"


def test_recipes_of_one_side_measure_nothing() -> None:
    network = networks.network()
    passes = Passes(network)
    recipe = replace(RECIPES["fast"], stages=(Stage(0.5, rate=2.0), Stage(0.5)))
    assert sides.suited_recipe(network, recipe, [objectives.channel("early", 0)]) == recipe
    assert passes.sides == []
