"""What the predictions figure bakes, against the store's logits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import predictions
from pipeline.phases.atlas import in_order
from pipeline.views.classes import is_mistake
from tests import synthetic


def labelled(atlas: Atlas, label: int | None) -> Atlas:
    photographs = tuple(replace(each, label=label) for each in atlas.photographs)
    return replace(atlas, photographs=photographs)


def test_the_true_class_is_told_with_its_rank(tmp_path: Path) -> None:
    atlas = synthetic.make(tmp_path, photographs=synthetic.PHOTOGRAPHS[:1])
    with atlas.open(atlas.photographs[0]) as file:
        order = np.argsort(-file.values("logits"))
    for rank in (1, 2, len(order)):
        known = labelled(atlas, int(order[rank - 1]))
        (photograph,) = known.photographs
        truth = predictions.bake(known, photograph)["truth"]
        assert (truth["rank"], truth["index"]) == (rank, order[rank - 1])
        assert is_mistake(known, photograph) == (rank > 1)
    assert predictions.bake(atlas, atlas.photographs[0])["truth"] is None
    assert not is_mistake(atlas, atlas.photographs[0])


def test_mistakes_come_first_where_that_is_configured(tmp_path: Path) -> None:
    atlas = synthetic.make(tmp_path)
    labels = []
    for wrong, photograph in zip((False, True, False), atlas.photographs, strict=True):
        with atlas.open(photograph) as file:
            order = np.argsort(-file.values("logits"))
        labels.append(int(order[1 if wrong else 0]))
    shown = tuple(
        replace(each, label=label) for each, label in zip(atlas.photographs, labels, strict=True)
    )
    known = replace(atlas, photographs=shown)
    assert in_order(known) is known
    dataset = known.settings.dataset.model_copy(update={"first": "mistakes"})
    settings = known.settings.model_copy(update={"dataset": dataset})
    ordered = in_order(replace(known, settings=settings)).photographs
    assert ordered == (shown[1], shown[0], shown[2])


def test_classes_and_others_have_all_of_the_probability(tmp_path: Path) -> None:
    atlas = synthetic.make(tmp_path, photographs=synthetic.PHOTOGRAPHS[:1])
    (photograph,) = atlas.photographs
    baked = predictions.bake(atlas, photograph)
    with atlas.open(photograph) as file:
        logits = file.values("logits").astype(float)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    order = sorted(range(len(logits)), key=lambda k: -logits[k])
    assert [entry["index"] for entry in baked["classes"]] == order[:5]
    for entry in baked["classes"]:
        assert entry["probability"] == pytest.approx(probabilities[entry["index"]], abs=1e-6)
    assert baked["others"]["count"] == len(logits) - 5
    others = sum(probabilities[k] for k in order[5:])
    assert baked["others"]["probability"] == pytest.approx(others, abs=1e-6)
