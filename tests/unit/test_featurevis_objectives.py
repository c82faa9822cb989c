"""Objectives against their formulas, written out in NumPy."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from pipeline.errors import AtlasError
from pipeline.featurevis import objectives
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import Request
from pipeline.grammar import INPUT, OUTPUT
from pipeline.units import Unit
from tests.unit import networks
from tests.unit.featurevis import QUICK


def test_objectives_score_by_their_formulas() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 5, 4, 3))
    vector = rng.normal(size=5)
    logits = rng.normal(size=(6, 7))
    x = rng.random((6, 3, 8, 8))
    dots = np.einsum("nchw,c->nhw", a, vector)
    cos = dots[3] / (np.linalg.norm(a[3], axis=0) * np.linalg.norm(vector))
    variation = np.abs(np.diff(x[5], axis=1)).mean() + np.abs(np.diff(x[5], axis=2)).mean()
    asked = [
        objectives.channel("l", 2),
        objectives.neuron("l", 1),
        objectives.neuron("l", 1, (0, 2)) - 0.5 * objectives.channel("l", 0),
        objectives.direction("l", vector, cosine_power=2.0),
        objectives.direction("l", vector, position=(1, 2)) + objectives.logit(3) * 2,
        objectives.group("l", vector) - objectives.total_variation() - 3 * objectives.l1(),
    ]
    expected = [
        a[0, 2].mean(),
        a[1, 1, 2, 1],
        a[2, 1, 0, 2] - 0.5 * a[2, 0].mean(),
        (dots[3] * np.maximum(0.1, cos) ** 2).mean(),
        a[4, :, 1, 2] @ vector + 2 * logits[4, 3],
        (dots[5] / np.linalg.norm(vector)).mean() - variation - 3 * np.abs(x[5] - 0.5).mean(),
    ]
    responses = {"l": a, OUTPUT: logits, INPUT: x}
    tensors = {layer: torch.tensor(values).float() for layer, values in responses.items()}
    scores = objectives.evaluate(asked, tensors).numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-4)


def test_blur_is_the_distance_from_the_blurred_picture() -> None:
    x = np.random.default_rng(0).random((2, 3, 6, 6))
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    smooth = sum(
        kernel[i] * kernel[j] * padded[:, :, i : i + 6, j : j + 6]
        for i in range(5)
        for j in range(5)
    )
    scores = objectives.evaluate([objectives.blur()] * 2, {INPUT: torch.tensor(x).float()})
    np.testing.assert_allclose(scores.numpy(), ((x - smooth) ** 2).mean((1, 2, 3)), rtol=1e-4)


def test_likeness_is_the_mean_cosine_of_gram_matrices_within_a_family() -> None:
    a = np.random.default_rng(0).random((4, 3, 2, 2))
    grams = [each.reshape(3, -1) @ each.reshape(3, -1).T for each in a]
    cosine = [[(p * q).sum() / np.linalg.norm(p) / np.linalg.norm(q) for q in grams] for p in grams]
    asked = [objectives.diversity("l", family) for family in ("a", "b", "a", "a")]
    scores = objectives.evaluate(asked, {"l": torch.tensor(a).float()})
    expected = [
        -(cosine[0][2] + cosine[0][3]) / 2,
        0,
        -(cosine[2][0] + cosine[2][3]) / 2,
        -(cosine[3][0] + cosine[3][2]) / 2,
    ]
    np.testing.assert_allclose(scores.numpy(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (objectives.channel("early", 8), "8 channels, 0 to 7"),
        (objectives.direction("early", np.ones(5)), "direction of 5"),
        (objectives.neuron("early", 0, (99, 0)), "no position (99, 0)"),
        (objectives.logit(5), "5 classes"),
    ],
)
def test_what_a_layer_lacks_is_reported(objective: objectives.Objective, words: str) -> None:
    request = Request("early", Unit.channel(0), objective)
    with pytest.raises(AtlasError, match=re.escape(words)):
        list(render(networks.network(), [request], QUICK))
