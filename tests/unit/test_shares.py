"""Shares: they add up, and are what slow loops in float64 and closed forms give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.attribution import attribute, attribute_along_paths, compute
from pipeline.attribution.baselines import displaced
from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.attribution.straight_path import StraightPath
from pipeline.config import AttributionTable
from pipeline.errors import AtlasError
from pipeline.factorization import Factorization
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    SPATIAL,
    AtBaseline,
    Attribution,
    Coalitions,
    Group,
    Substrate,
)
from pipeline.network import Network, Preprocessing
from tests.unit import correctness, shares
from tests.unit.architectures import ARCHITECTURES
from tests.unit.networks import close, network, photograph
from tests.unit.oracle import Oracle

CHANNELS, POSITIONS = Substrate("early", CHANNEL), Substrate("early", SPATIAL)
GROUPS, LATE_GROUPS = Substrate("early", Group(3)), Substrate("late", Group(2))
SHARES = AttributionTable(method="shares", steps=128)


RNG = np.random.default_rng(4)
MEANS = {"early": RNG.random(8, np.float32) / 2, "late": RNG.random(12, np.float32) / 2}


# ------------------------------------------------------------------------------- against the loops
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shares_are_the_slow_loops(name: str) -> None:
    *deviations, incompleteness = shares.row(name)
    assert max(deviations) < shares.BOUND
    assert incompleteness < shares.TOLERANCE


def test_the_document_lists_every_architecture() -> None:
    document = correctness.DOCUMENT.read_text(encoding="utf-8")
    text = document.partition("## Shares")[2].partition("## ")[0]
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]
    assert [row[0].strip() for row in rows] == list(ARCHITECTURES)
    assert max(float(cell) for row in rows for cell in row[1:-1]) < shares.BOUND
    assert max(float(row[-1]) for row in rows) < shares.TOLERANCE


# ------------------------------------------------------------------------------------------- groups
def test_coalitions_hold_the_logits_that_shares_are_made_of() -> None:
    net, x = network(), photograph()
    contents = [Coalitions(GROUPS), Attribution(GROUPS, CLASSES), AtBaseline("early")]
    stored = compute(net, x, contents, SHARES)
    logits = stored["coalition/early.group.3"]["coalition/early.group.3"].values
    assert logits.shape == (16, 5)
    assert close(logits[-1], net.logits(x)[0].numpy(), 1e-5)
    assert close(logits[0], stored["baseline/early"]["baseline/early"].values, 1e-5)
    alone = compute(net, x, contents[:1], AttributionTable())
    assert close(alone["coalition/early.group.3"]["coalition/early.group.3"].values, logits, 1e-6)
    observation = Observation(net, x, ["early"])
    residual = cut_all(observation, [GROUPS])[GROUPS].parts(range(3, 4))[0]
    slow = Oracle(net, x, "early", "output").run(residual.double()[None])
    assert close(logits[0b1000], slow[0].numpy(), 1e-5), "only the residual is there"


def test_too_many_groups_are_refused() -> None:
    net, x = network(), photograph()
    cut = Substrate("late", Group(10))
    factors = np.random.default_rng(0)
    groups = Factorization(
        factors.random((10, 6, 6), np.float32),
        factors.random((10, 12), np.float32),
        np.ones(10, np.float32),
        0.5,
        np.ones((6, 6), np.float32),
    )
    with pytest.raises(AtlasError, match=r"late\.group\.10.*2\^11 runs.*at most 9 groups"):
        attribute(net, x, cut, CLASSES, "shares", groups={cut: groups})


# ------------------------------------------------------------------------ channels and positions
@pytest.mark.parametrize("baseline", ["zero", "mean"])
@pytest.mark.parametrize("source", [CHANNELS, POSITIONS, GROUPS], ids=str)
def test_shares_add_up_to_the_change_of_the_logit(source: Substrate, baseline: str) -> None:
    net, x = network(), photograph()
    content = Attribution(source, CLASSES)
    settings = AttributionTable(method="shares", steps=128, baseline=baseline)
    stored = compute(net, x, [content, AtBaseline("early")], settings, means=MEANS)
    arrays = stored[content.path]
    total = arrays[content.path].values.astype(np.float64)
    total = total.reshape(-1, total.shape[-1]).sum(0)
    if source.atom.leaves_residual:
        total += arrays[content.residual_of_source].values
    around = stored["baseline/early"]["baseline/early"].values
    change = net.logits(x)[0].numpy() - around
    large = np.abs(change) > 1
    assert large.sum() >= 3
    assert (np.abs(change - total)[large] <= 0.01 * np.abs(change)[large]).all()
    gap = arrays[content.gap]
    assert (gap.dims, gap.units) == (("class",), "logits")
    assert np.abs(gap.values - (change - total)).max() < 2e-3 * np.abs(change).max()


def test_steps_follow_the_tolerance() -> None:
    net, x = network(), photograph()
    observation = Observation(net, x, ["early"])
    path = StraightPath(observation, cut_all(observation, [CHANNELS, CLASSES]), [CHANNELS], CLASSES)
    chosen = {tolerance: path.edges([0, 1], tolerance, 256) for tolerance in (0.5, 0.01, 0.001)}
    counts = [len(edges) for edges in chosen.values()]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] < 257
    for edges in chosen.values():
        assert edges[0] == 0
        assert edges[-1] == 1
        assert (np.diff(edges) > 0).all()
    assert len(path.edges([0, 1], 1e-9, 10)) == 11, "it is given up at so many steps"


class LastLayers(nn.Module):
    """One layer from the end, with a piecewise linear head: logits Σ w · relu(mean - threshold)."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3, bias=False)
        self.register_buffer("threshold", torch.tensor([0.0, 0.25, 0.5, 0.75]))

    def forward(self, x: Tensor) -> Tensor:
        means = self.early(x).abs().mean((2, 3))
        # At fraction t of the activations, unit c begins to respond at t = threshold[c].
        return self.head(torch.relu(means - self.threshold * self.full))


def test_shares_are_the_closed_form_of_a_piecewise_linear_network() -> None:
    module = LastLayers()
    module.register_buffer("full", torch.ones(4))
    net, x = network(module), photograph()
    means = net.run(x, ["early"])[0]["early"][0].abs().mean((1, 2))
    net.module.full.copy_(means)
    found = attribute_along_paths(net, x, CHANNELS, CLASSES, "shares", steps=256)
    weights = net.module.head.weight.T.numpy()
    truth = weights * ((1 - net.module.threshold) * means)[:, None].numpy()
    assert close(found.values, truth, 0.01)
    observation = Observation(net, x, ["early"])
    removed = observation.cubes["early"] - displaced(
        observation, cut_all(observation, [CHANNELS]), [CHANNELS]
    )[CHANNELS].parts(range(4))
    assert not removed.diagonal().any(), "a channel without its part is at zero"


def test_other_pairs_are_linear_and_say_what_they_lack() -> None:
    net, x = network(), photograph()
    content = Attribution(POSITIONS, Substrate("late", CHANNEL))
    stored = compute(net, x, [content], SHARES)[content.path]
    expected = attribute(net, x, content.source, content.target, "linear")
    assert close(stored[content.path].values.astype(np.float32), expected, 1e-3)
    slow = Oracle(net, x, "early", "late")
    ends = slow.run(torch.stack([slow.a, torch.zeros_like(slow.a)])).sum((2, 3)).detach().numpy()
    gap = ends[0] - ends[1] - expected.sum((0, 1))
    assert close(stored[content.gap].values, gap, 1e-3)


def test_only_the_most_probable_classes_have_shares() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 60)
    )
    preprocessing = Preprocessing(24, (0.5,) * 3, (0.25,) * 3)
    torch.manual_seed(0)
    net, x = Network(module, preprocessing, [str(i) for i in range(60)]), photograph()
    content = Attribution(Substrate("1", CHANNEL), CLASSES)
    values = compute(net, x, [content], SHARES)[content.path][content.path].values
    logits = net.logits(x)[0].numpy()
    assert set(np.flatnonzero(np.isfinite(values[0]))) == set(np.argsort(-logits)[:50])
    assert np.isfinite(attribute(net, x, *content.substrates, "shares")).all()


def test_chosen_targets_are_columns() -> None:
    net, x = network(), photograph()
    for source in (CHANNELS, GROUPS):
        chosen = attribute_along_paths(net, x, source, CLASSES, "shares", targets=[3, 1], steps=128)
        every = attribute(net, x, source, CLASSES, "shares", steps=128)
        assert close(chosen.values, every[..., [3, 1]], 1e-2)
        total = chosen.values.sum(0) + (0 if chosen.residual is None else chosen.residual)
        assert (np.abs(chosen.gap) < 0.01 * np.abs(total)).all()


def test_results_do_not_depend_on_memory() -> None:
    net, x = network(), photograph()
    for source, target in ((CHANNELS, CLASSES), (GROUPS, CLASSES), (GROUPS, LATE_GROUPS)):
        bound = attribute(net, x, source, target, "shares", memory=1)
        assert close(bound, attribute(net, x, source, target, "shares"), 1e-4)


def test_a_baseline_of_means_needs_means() -> None:
    with pytest.raises(AtlasError, match='layer "early" of tiny: its mean is not known'):
        compute(network(), photograph(), [AtBaseline("early")], AttributionTable(baseline="mean"))
