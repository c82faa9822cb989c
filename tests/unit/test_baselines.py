"""Baselines of means: what they are, what they depend on, and what depends on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import models
from pipeline.attribution.baselines import displaced, mean_activations
from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.grammar import CHANNEL, NEURON, SPATIAL, WHOLE, Group, Substrate
from pipeline.phases import baselines, photographs
from pipeline.phases.atlas import atlas_of
from pipeline.phases.phase import Inventory
from pipeline.progress import Reporter
from pipeline.survey import Survey
from tests.unit import networks
from tests.unit.networks import close
from tests.unit.surveys import photograph, survey

MEAN = {"baseline": "mean"}


def of_two(folder: Path, **how) -> Survey:
    shown = [photograph(folder, name, seed) for seed, name in enumerate(("x", "y"))]
    return survey(folder, photographs=shown, layers=("early", "late"), **how)


def test_means_are_over_positions_and_photographs() -> None:
    net, shown = networks.network(), [networks.photograph(seed) for seed in range(3)]
    found = mean_activations(net, shown, ["late", "input"])
    cubes = [net.run(x, ["late"])[0]["late"][0].double().numpy() for x in shown]
    assert close(found["late"], np.mean([cube.mean((1, 2)) for cube in cubes], axis=0), 1e-6)
    assert close(found["input"], torch.cat(shown).mean((0, 2, 3)).numpy(), 1e-6)
    assert found["late"].dtype == np.float32


@pytest.mark.parametrize("atom", [CHANNEL, SPATIAL, NEURON, WHOLE, Group(3)], ids=str)
def test_without_any_atom_a_layer_is_at_its_baseline(atom) -> None:
    net, x = networks.network(), networks.photograph()
    means = {"early": np.arange(8, dtype=np.float32) / 8}
    observation, source = Observation(net, x, ["early"], means), Substrate("early", atom)
    cut = displaced(observation, cut_all(observation, [source]), [source])[source]
    left = observation.cubes["early"] - cut.parts(range(cut.count)).sum(0)
    assert close(left.numpy(), np.broadcast_to(means["early"][:, None, None], left.shape), 1e-5)


def test_zero_needs_no_phase(tmp_path: Path) -> None:
    found = of_two(tmp_path)
    assert baselines.fingerprints(found) == {}
    assert baselines.read_means(found) is None


def test_means_follow_all_photographs_and_the_network(tmp_path: Path) -> None:
    found = of_two(tmp_path, attribution=MEAN)
    known = baselines.fingerprints(found)
    assert set(known) == {("early",), ("late",)}
    assert known == baselines.fingerprints(of_two(tmp_path, attribution=MEAN))
    others = [
        replace(found, photographs=found.photographs[:1]),
        replace(found, profile=replace(found.profile, weights="v")),
        replace(found, profile=replace(found.profile, size=64)),
    ]
    for other in others:
        assert not set(baselines.fingerprints(other).values()) & set(known.values())


def test_only_what_uses_means_follows_the_photographs(tmp_path: Path) -> None:
    attribution, groups = "attribution/early.channel/output.neuron", "logits"

    def of(found: Survey) -> dict[str, str]:
        return photographs.fingerprints_of_contents(found, found.photographs[0])

    for table, follows in (({}, False), (MEAN, True)):
        found = of_two(tmp_path, attribution=table)
        both, one = of(found), of(replace(found, photographs=found.photographs[:1]))
        assert (both[attribution] != one[attribution]) == follows
        assert both[groups] == one[groups]


def test_the_phase_computes_what_photographs_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "load", lambda config: networks.network())
    found = of_two(tmp_path, attribution={**MEAN, "method": "shares"})
    atlas = atlas_of(found, (baselines.BASELINES, photographs.PHOTOGRAPHS))
    baselines.BASELINES.run(found, atlas, Reporter())
    assert baselines.inventory(found, atlas) == Inventory([], 2, [])
    means = baselines.read_means(found)
    assert means is not None
    assert {name: len(values) for name, values in means.items()} == {"early": 8, "late": 12}
    (job, _) = photographs.jobs(found, atlas, photographs.missing_contents(found))
    assert job.means is not None
    assert np.array_equal(job.means["late"], means["late"])
    computed = photographs.compute(job)
    assert "attribution/early.channel/output.neuron" in computed
    torch.set_flush_denormal(False)
