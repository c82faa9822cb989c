"""Heads: softmax, sigmoid, several independent classes, one output; found, and what follows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pipeline as bb
from pipeline import probe
from pipeline.atlas import Atlas
from pipeline.figures import opening, predictions, switchboard
from pipeline.likelihood import sigmoid
from pipeline.network import Network, Preprocessing
from pipeline.phases.atlas import atlas_of
from pipeline.store import Store
from pipeline.views.classes import is_mistake
from pipeline.views.packing import unpack
from tests import synthetic
from tests.unit.surveys import survey

RGB = Preprocessing(16, (0.0,) * 3, (1.0,) * 3)
X = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Headed(nn.Module):
    def __init__(self, classes: int, end: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
        self.attention = nn.Softmax(1)
        self.head = nn.Linear(6, classes)
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        x = x * self.attention(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.shape)
        return self.end(self.head(4 * x.sum((2, 3))))


def headed(classes: int, end: Callable[[Tensor], Tensor], said: str | None = None) -> Network:
    torch.manual_seed(0)
    names = [f"class {i}" for i in range(max(classes, 2))]
    return Network(Headed(classes, end), RGB, names, "headed", probabilities=said)


def plain(x: Tensor) -> Tensor:
    return x


ENDS = {
    "module softmax": (4, nn.Softmax(1), "softmax"),
    "module log-softmax": (4, nn.LogSoftmax(1), "softmax"),
    "functional softmax": (4, lambda z: functional.softmax(z, 1), "softmax"),
    "method softmax": (4, lambda z: z.softmax(-1), "softmax"),
    "module sigmoid": (4, nn.Sigmoid(), "sigmoid"),
    "torch sigmoid": (4, torch.sigmoid, "sigmoid"),
    "method sigmoid": (4, lambda z: z.sigmoid(), "sigmoid"),
    "one sigmoid": (1, nn.Sigmoid(), "one output"),
    "one sigmoid, squeezed": (1, lambda z: z.sigmoid().squeeze(1), "one output"),
    "one sigmoid of [N]": (1, lambda z: z[:, 0].sigmoid(), "one output"),
    "one logit": (1, plain, "one output"),
    "logits": (4, plain, "softmax"),
}


@pytest.mark.parametrize(("classes", "end", "kind"), ENDS.values(), ids=ENDS.keys())
def test_logits_are_what_goes_into_the_end(
    classes: int, end: Callable[[Tensor], Tensor], kind: str
) -> None:
    network, logits = headed(classes, end), headed(classes, plain).logits(X)
    for tried in (network, network.copy()):
        torch.testing.assert_close(tried.logits(X), logits, rtol=0, atol=0)
        torch.testing.assert_close(tried.logits(X[:1]), logits[:1])
    profile = probe.probe(network, "w")
    assert profile.probabilities(None) == kind
    assert profile.layer("layer").bottleneck
    likely = network.probabilities_of(logits)
    expected = logits.sigmoid() if kind == "sigmoid" else logits.softmax(1)
    torch.testing.assert_close(likely, expected)
    if kind == "one output":
        z = Headed.forward(network.module, X).reshape(-1)
        yes = z.sigmoid() if end is plain else z
        torch.testing.assert_close(likely[:, 1], yes)


def test_the_end_is_found_by_whichever_pass_comes_first() -> None:
    network = headed(4, nn.Softmax(1))
    assert network.ending == "softmax"
    caught, logits = headed(4, nn.Softmax(1)).run(X, ["layer"])
    torch.testing.assert_close(logits, headed(4, plain).logits(X))
    assert caught["layer"].shape[1] == 6
    gradient = torch.autograd.grad(network.logits(X.requires_grad_())[0, 0], X)[0]
    expected = torch.autograd.grad(headed(4, plain).logits(X)[0, 0], X)[0]
    torch.testing.assert_close(gradient, expected)
    X.requires_grad_(False)


def test_what_is_said_of_probabilities_wins_over_the_end_but_not_over_one_output() -> None:
    logits = headed(4, plain).logits(X)
    for said, expected in (("sigmoid", logits.sigmoid()), ("softmax", logits.softmax(1))):
        torch.testing.assert_close(headed(4, plain, said).probabilities_of(logits), expected)
        profile = probe.probe(headed(4, nn.Sigmoid()), "w")
        assert profile.probabilities(said) == said
        assert probe.probe(headed(1, plain), "w").probabilities(said) == "one output"
    one = headed(1, plain, "sigmoid")
    torch.testing.assert_close(one.probabilities_of(one.logits(X)).sum(1), torch.ones(2))


def test_a_profile_keeps_what_the_network_says_of_probabilities(tmp_path: Path) -> None:
    said = probe.probe(headed(4, plain, "sigmoid"), "w")
    probe.save(Store(tmp_path), said)
    for profile in (said, probe.load(Store(tmp_path), "w")):
        assert profile is not None
        assert profile.probabilities(None) == "sigmoid"
        assert profile.probabilities("softmax") == "softmax"
        atlas = atlas_of(survey(tmp_path, profile=profile, layers=("layer",)), ())
        assert not atlas.network.exclusive
    assert probe.probe(headed(4, nn.Sigmoid(), "softmax"), "w").probabilities(None) == "softmax"


def test_one_output_is_known_as_soon_as_the_end_is() -> None:
    """Asked between any two lines of the first pass, as another thread may ask."""
    network, found, asking = headed(1, plain), list[bool](), False

    def refuse(_module: nn.Module, _inputs: object) -> None:
        if asking:
            raise RuntimeError("not known yet")

    def ask(frame: FrameType, _event: str, _argument: object) -> Any:
        nonlocal asking
        if frame.f_code is not Network.logits.__code__:
            return None
        asking = True
        with suppress(RuntimeError):
            found.append(network.has_one_output)
        asking = False
        return ask

    network.module.register_forward_pre_hook(refuse)
    before = sys.gettrace()
    sys.settrace(ask)
    try:
        network.logits(X)
    finally:
        sys.settrace(before)
    assert found
    assert all(found)


def test_predictions_of_independent_classes() -> None:
    network = headed(4, nn.Sigmoid())
    pixels = (X[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    found = bb.predict(network, pixels, 4)
    logits = network.logits(network.input(bb.photograph(pixels, network)))[0]
    assert [value for _, value in found] == pytest.approx(
        sorted(logits.sigmoid().tolist(), reverse=True)
    )


# ------------------------------------------------------------------------------------- the figures
@pytest.fixture(scope="module")
def independent(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """An atlas of a network whose classes do not exclude each other."""
    atlas = synthetic.make(
        tmp_path_factory.mktemp("independent"), photographs=synthetic.PHOTOGRAPHS[:1]
    )
    return replace(atlas, network=replace(atlas.network, probabilities="sigmoid"))


def test_the_sigmoid_is_exact_and_never_overflows() -> None:
    logits = np.array([-1000.0, -2.5, 0.0, 3.0, 1000.0])
    expected = [0.0, 1 / (1 + np.exp(2.5)), 0.5, 1 / (1 + np.exp(-3.0)), 1.0]
    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(logits) == pytest.approx(expected)


def test_every_class_has_a_probability_of_its_own(independent: Atlas) -> None:
    (photograph,) = independent.photographs
    with independent.open(photograph) as file:
        logits = file.values("logits").astype(float)
    baked = predictions.bake(independent, photograph)
    for each in baked["classes"]:
        expected = 1 / (1 + np.exp(-logits[each["index"]]))
        assert each["probability"] == pytest.approx(expected, abs=1e-6)
    assert baked["others"]["probability"] is None
    for speaker in opening.bake(independent, photograph)["speakers"]:
        assert 0 < speaker["without"]["probability"] < 1
    assert not opening.bake(independent, photograph)["exclusive"]


def test_subsets_have_no_normalizer(independent: Atlas) -> None:
    (photograph,) = independent.photographs
    baked = switchboard.bake(independent, photograph)
    found = baked["layers"][0]["factorizations"][0]
    assert found["normalizer"] is None
    page = switchboard.page(independent)
    layer = next(each for each in baked["layers"] if each["layer"] == page["layer"].name)
    shown = next(e for e in layer["factorizations"] if e["count"] + 1 == page["parts"])
    best = unpack(shown["best"])
    assert page["intact"]["probability"] == pytest.approx(1 / (1 + np.exp(-best[-1])), rel=1e-5)


def test_a_mistake_is_a_true_class_below_one_half(independent: Atlas) -> None:
    (photograph,) = independent.photographs
    with independent.open(photograph) as file:
        logits = file.values("logits")
    for k, logit in enumerate(logits):
        known = replace(independent, photographs=(replace(photograph, label=k),))
        assert is_mistake(known, known.photographs[0]) == (logit < 0)
        assert predictions.bake(known, known.photographs[0])["truth"]["mistake"] == (logit < 0)
