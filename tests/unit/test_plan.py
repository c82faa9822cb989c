from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import plan
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError
from pipeline.grammar import CLASSES, INPUT, Activation, Atom, Attribution, Interface, Presentation, Substrate, show
from pipeline.images import PhotographFile
from pipeline.probe import Facts, LayerFacts

FACTS = Facts("w", "tiny", ("a", "b"), 32, 10, (LayerFacts("early", "ReLU", (8, 16, 16), False, 1),))


def settings(**tables: Any) -> Settings:
    return Settings.model_validate({"dataset": {"images": ("x.png",)}, **tables})


@pytest.fixture
def photograph(tmp_path: Path) -> PhotographFile:
    path = tmp_path / "x.png"
    path.write_bytes(b"pixels")
    return PhotographFile("x", "X", "x.png", path)


def a_plan(*layers: str) -> plan.Plan:
    return plan.make_plan(("class_comparison", "semantic_dictionary"), layers, settings())


def test_the_plan_is_the_union_of_what_figures_show() -> None:
    made = a_plan("early")
    paths = [content.path for content in made.contents]
    assert len(paths) == len(set(paths))
    assert {"input", "logits", "activation/early", "attribution/early.channel/output.neuron"} == set(paths)
    assert paths[:2] == ["input", "logits"]
    fewer = plan.make_plan(("semantic_dictionary",), ("early",), settings())
    assert "attribution/early.channel/output.neuron" not in {content.path for content in fewer.contents}


def test_image_fingerprints_follow_what_the_file_depends_on(photograph: PhotographFile) -> None:
    def of(made: plan.Plan, facts: Facts = FACTS, **tables: Any) -> str:
        return plan.image_fingerprint(made, facts, settings(**tables), replace(photograph))  # found anew, as by another build

    known = of(a_plan("early"))
    assert known == of(a_plan("early"), features={"steps": 7}, execution={"workers": 2}, site={"text": "x"}, title="other")
    others = [
        of(a_plan("late")),
        of(a_plan("early"), replace(FACTS, weights="v")),
        of(a_plan("early"), replace(FACTS, size=64)),
        of(a_plan("early"), attribution={"method": "integrated"}),
        of(a_plan("early"), groups={"counts": {"early": (3,)}}),
        of(a_plan("early"), dataset={"images": ("x.png",), "fit": "pad"}),
    ]
    photograph.path.write_bytes(b"other pixels")
    others.append(of(a_plan("early")))
    assert len({known, *others}) == len(others) + 1


def test_picture_fingerprints_follow_features_only(photograph: PhotographFile) -> None:
    def of(facts: Facts = FACTS, layer: str = "early", photographs: tuple[PhotographFile, ...] = (photograph,), **tables: Any) -> str:
        return plan.picture_fingerprint(facts, settings(**tables), layer, photographs)

    known = of()
    assert known == of(attribution={"method": "integrated"}, execution={"workers": 2})
    assert known == of(features={"channels": "all"})
    assert known == of(photographs=(), features={"spectrum": "photographs"})  # which its recipe does not use
    others = [
        of(layer="late"),
        of(replace(FACTS, weights="v")),
        of(features={"steps": 7}),
        of(features={"size": 64}),
        of(features={"seed": 1}),
        of(execution={"dtype": "float32"}),
        of(features={"recipe": "maco"}),
        of(features={"recipe": "maco", "spectrum": "photographs"}),
        of(photographs=(), features={"recipe": "maco", "spectrum": "photographs"}),
    ]
    assert len({known, *others}) == len(others) + 1


def test_grids_are_positions_shown_as_feature_visualizations() -> None:
    spatial = Activation(Substrate("early", Atom.SPATIAL))
    drawn = Interface("x", show(spatial, Presentation.FEATURE_VIS))
    listed = Interface("y", (*show(spatial), *show(Activation(Substrate("early", Atom.CHANNEL)), Presentation.FEATURE_VIS)))
    made = replace(a_plan("early", "late"), interfaces=(listed,))
    assert plan.grid_layers(made) == ()
    assert plan.grid_layers(replace(made, interfaces=(listed, drawn))) == ("early",)


def test_figures_are_chosen_in_page_order() -> None:
    config = Config(path=Path("a.toml"), settings=settings(site={"figures": ("semantic_dictionary", "class_comparison")}))
    assert plan.chosen_figures(config) == ("class_comparison", "semantic_dictionary")
    assert plan.chosen_figures(config, ["predictions"]) == ("predictions",)
    with pytest.raises(AtlasError, match=r'--figures: no figure "dictionary"'):
        plan.chosen_figures(config, ["dictionary"])


def test_paths_of_the_plan_are_those_of_the_grammar() -> None:
    made = a_plan("early")
    assert Attribution(Substrate("early", Atom.CHANNEL), CLASSES) in made.contents
    assert Activation(Substrate(INPUT, Atom.WHOLE)) in made.contents
