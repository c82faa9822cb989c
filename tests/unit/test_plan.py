from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import plan
from pipeline.config import Config
from pipeline.errors import AtlasError
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    SPATIAL,
    WHOLE,
    Activation,
    AtBaseline,
    Attribution,
    Interface,
    Presentation,
    Substrate,
    show,
)
from tests.unit.surveys import FIGURES, PROFILE, settings


def a_plan(*layers: str) -> plan.Plan:
    return plan.make_plan(FIGURES, layers, settings())


def config(**tables: Any) -> Config:
    return Config(path=Path("a.toml"), settings=settings(**tables))


def test_the_plan_is_the_union_of_what_figures_show() -> None:
    made = a_plan("early")
    paths = [content.path for content in made.contents]
    assert len(paths) == len(set(paths))
    attribution = "attribution/early.channel/output.neuron"
    measured = {"removal/early.channel/output.neuron", "baseline/early"}
    assert {"input", "logits", "activation/early", attribution} | measured == set(paths)
    assert paths[:2] == ["input", "logits"]
    fewer = plan.make_plan(("semantic_dictionary",), ("early",), settings())
    assert attribution not in {content.path for content in fewer.contents}


def test_what_goes_around_bypassed_layers_is_part_of_every_plan() -> None:
    made = plan.make_plan(("semantic_dictionary",), ("early", "late"), settings(), ["early"])
    assert AtBaseline("early") in made.contents
    assert AtBaseline("late") not in made.contents


def test_the_plan_has_what_its_contents_require_before_them() -> None:
    made = plan.make_plan(("group_flow", "spatial_attribution"), ("early", "late"), settings())
    seen: set[str] = set()
    for content in made.contents:
        assert {required.path for required in content.requires} <= seen
        seen.add(content.path)
    assert any(content.requires for content in made.contents)


def test_paths_of_the_plan_are_those_of_the_grammar() -> None:
    made = a_plan("early")
    assert Attribution(Substrate("early", CHANNEL), CLASSES) in made.contents
    assert Activation(Substrate(INPUT, WHOLE)) in made.contents


def test_grids_are_positions_shown_as_feature_visualizations() -> None:
    spatial = Activation(Substrate("early", SPATIAL))
    channels = Activation(Substrate("early", CHANNEL))
    drawn = Interface("x", show(spatial, Presentation.FEATURE_VIS))
    listed = Interface("y", (*show(spatial), *show(channels, Presentation.FEATURE_VIS)))
    made = replace(a_plan("early", "late"), interfaces=(listed,))
    assert made.grid_layers == ()
    assert replace(made, interfaces=(listed, drawn)).grid_layers == ("early",)


# --------------------------------------------------------------------------------- what is checked
def test_figures_are_chosen_in_page_order() -> None:
    configured = config(site={"figures": ("semantic_dictionary", "class_comparison")})
    assert plan.chosen_figures(configured) == ("class_comparison", "semantic_dictionary")
    assert plan.chosen_figures(configured, ["predictions"]) == ("predictions",)
    with pytest.raises(AtlasError, match=r'--figures: no figure "dictionary"'):
        plan.chosen_figures(configured, ["dictionary"])
    with pytest.raises(AtlasError, match=r"a\.toml: \"site.figures\": names no figure"):
        plan.chosen_figures(config(site={"figures": ()}))


def test_unknown_recipes_and_methods_are_reported_together() -> None:
    wrong = config(features={"recipe": "fats"}, attribution={"method": "linaer"})
    recipe, method = plan.check_names(wrong)
    assert 'did you mean "fast"' in str(recipe)
    assert str(method).startswith('a.toml: "attribution.method": no method "linaer"')
    assert 'did you mean "linear"' in str(method)
    assert plan.check_names(config()) == []


def test_more_groups_than_can_have_shares_are_refused() -> None:
    counts = {"counts": {"early": (3, 12), "late": (9,)}}
    (error,) = plan.check_names(config(attribution={"method": "shares"}, groups=counts))
    assert str(error).startswith('a.toml: "groups.counts.early": the shares of 12 groups')
    assert "choose at most 9 groups" in str(error)
    assert plan.check_names(config(attribution={"method": "linear"}, groups=counts)) == []


def test_layers_and_channels_that_are_not_there_are_reported_together() -> None:
    wrong = config(
        features={"channels": {"early": (3, 99), "lte": (1,)}}, groups={"counts": {"erly": (3,)}}
    )
    messages = [str(error) for error in plan.check_channels(wrong, PROFILE, ("early", "late"))]
    assert len(messages) == 3
    for part in (
        '"features.channels.lte": not one of the display layers; did you mean "late"',
        '"groups.counts.erly": not one of the display layers; did you mean "early"',
        '"features.channels.early": no channel 99; the layer has 8, 0 to 7',
    ):
        assert any(part in message for message in messages)
