"""Stages: pictures leave one when they have converged, variants of a unit together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.featurevis import objectives
from pipeline.featurevis.optimization import Optimization
from pipeline.featurevis.recipes import Stage
from pipeline.featurevis.render import render
from pipeline.featurevis.renderer import Renderer
from pipeline.featurevis.requests import Request, requests_for_channels
from pipeline.units import Unit
from tests.unit import networks
from tests.unit.featurevis import QUICK, largest_difference, pictures_of

Shown = list[tuple[int, int]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """For each step of a rendering: how many pictures the network was shown, and their side."""
    seen: Shown = []
    take_step = Renderer.step

    def counted(self: Renderer, pictures: Optimization, step: int, redirect: bool) -> None:
        seen.append((len(pictures), self.recipe.side(step)))
        take_step(self, pictures, step, redirect)

    monkeypatch.setattr(Renderer, "step", counted)
    return seen


def test_converged_pictures_leave_a_stage_without_changing_the_others(shown: Shown) -> None:
    # Logits see all of a picture; units that see less would be shown it at its own side alone.
    network = networks.network(seed=7)
    requests = [Request("output", Unit("logit", str(k)), objectives.logit(k)) for k in range(5)]
    stages = (Stage(0.75, patience=0.03), Stage(0.25, view=0.5))
    # Small steps, because large ones enlarge differences of the last bit.
    calm = replace(QUICK, size=64, steps=64, learning_rate=0.01, attempts=1)
    patient = replace(calm, stages=stages, averaged=0.3)
    together = pictures_of(render(network, requests, patient))
    at_own_side = [count for count, side in shown if side == 64]
    assert at_own_side[0] == 5 > at_own_side[-1]
    assert sorted(at_own_side, reverse=True) == at_own_side
    # Pictures that left the first stage take all steps of the next.
    assert [count for count, side in shown if side == 32] == [5] * 16
    for request in requests:
        [picture] = pictures_of(render(network, [request], patient)).values()
        assert largest_difference(picture, together[request.unit]) <= 2, request.unit


@pytest.mark.parametrize(("patience", "steps"), [(1e9, 12), (-1e9, 24)])
def test_no_picture_leaves_a_stage_before_its_half_nor_one_that_still_gains(
    shown: Shown, patience: float, steps: int
) -> None:
    recipe = replace(QUICK, steps=24, stages=(Stage(patience=patience),), attempts=1)
    list(render(networks.network(), requests_for_channels("late", range(4)), recipe))
    assert [count for count, _ in shown] == [4] * steps


def test_variants_of_a_unit_leave_a_stage_together(shown: Shown) -> None:
    stages = (Stage(patience=0.1),)
    varied = replace(QUICK, steps=64, stages=stages, variants=2, diversity=0.3, attempts=1)
    list(render(networks.network(), requests_for_channels("late", range(4)), varied))
    sizes = [count for count, _ in shown]
    assert sizes[0] == 8 > sizes[-1]
    assert all(count % 2 == 0 for count in sizes)


def test_variants_are_named_and_differ_more_with_diversity() -> None:
    network = networks.network()
    recipe = replace(QUICK, variants=3, steps=30, attempts=1)
    requests = requests_for_channels("late", [4])

    def likeness(weight: float) -> float:
        found = pictures_of(render(network, requests, replace(recipe, diversity=weight)))
        assert [str(unit) for unit in found] == ["channel:4", "channel:4~1", "channel:4~2"]
        assert list(found) == [Unit.channel(4).with_variant(variant) for variant in range(3)]
        x = torch.from_numpy(np.stack(list(found.values()))).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            responses = network.run_to(x, ["late"])
        asked = [objectives.likeness("late", "f")] * 3
        return float(objectives.evaluate(asked, responses).mean())

    assert likeness(3.0) < likeness(0.0)
