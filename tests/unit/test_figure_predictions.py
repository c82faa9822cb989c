"""What the predictions figure bakes, against the store's logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.figures import predictions
from tests import synthetic


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
