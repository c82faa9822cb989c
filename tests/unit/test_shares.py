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
from pipeline.attribution.paths import Paths
from pipeline.attribution.staggered_paths import StaggeredPaths
from pipeline.attribution.straight_path import StraightPath
from pipeline.config import AttributionTable
from pipeline.errors import AtlasError
from pipeline.factorization import Factorization
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    NEURON,
    SPATIAL,
    AtBaseline,
    Attribution,
    Coalitions,
    Group,
    Removal,
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
    assert max(shares.row(name)) < shares.BOUND


def test_the_document_lists_every_architecture() -> None:
    document = correctness.DOCUMENT.read_text(encoding="utf-8")
    text = document.partition("## Shares")[2].partition("## ")[0]
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]
    assert [row[0].strip() for row in rows] == list(ARCHITECTURES)
    assert max(float(cell) for row in rows for cell in row[1:]) < shares.BOUND


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


@pytest.mark.parametrize("kind", [StraightPath, StaggeredPaths])
def test_pieces_follow_the_tolerance(kind: type[Paths]) -> None:
    net, x = network(), photograph()
    observation = Observation(net, x, ["early"])
    path = kind(observation, cut_all(observation, [CHANNELS, CLASSES]), [CHANNELS], CLASSES)
    chosen = [path.pieces([0, 1], tolerance, 512) for tolerance in (0.5, 0.01, 0.001)]
    counts = [len(pieces) for pieces in chosen]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] < 513
    for pieces in chosen:
        assert (pieces.change >= 0).all(), "no channel turns back"
        np.testing.assert_allclose(pieces.change.sum(0), pieces.paths, atol=1e-9)
        change = pieces.rise.sum(0) / pieces.paths
        assert close(change, (net.logits(x)[0] - at_zero(net, x))[:2].numpy(), 1e-5)
    assert len(path.pieces([0, 1], 1e-9, 18)) == 18, "it is given up at so many pieces"


def at_zero(net: Network, x: Tensor) -> Tensor:
    slow = Oracle(net, x, "early", "output")
    return slow.run(torch.zeros_like(slow.a)[None])[0].float().detach()


@pytest.mark.parametrize("kind", [StraightPath, StaggeredPaths])
def test_shares_add_up_however_few_the_pieces(kind: type[Paths]) -> None:
    net, x = network(), photograph()
    observation = Observation(net, x, ["early"])
    cuts = cut_all(observation, [CHANNELS, POSITIONS, CLASSES])
    path = kind(observation, cuts, [CHANNELS, POSITIONS], CLASSES)
    change = (net.logits(x)[0] - at_zero(net, x)).numpy()
    for values in path.shares(range(5), 0.01, 4).values():
        assert close(values.reshape(-1, 5).sum(0), change, 1e-5)


def test_channels_come_in_pairs_of_opposite_orders() -> None:
    net, x = network(), photograph()
    observation = Observation(net, x, ["early"])
    path = StaggeredPaths(
        observation, cut_all(observation, [CHANNELS, CLASSES]), [CHANNELS], CLASSES, seed=3
    )
    corners = path.corners(1000)
    assert corners.shape[-1] == 8
    np.testing.assert_allclose(corners[0::2], 1 - corners[1::2, ::-1], atol=1e-12)
    assert not np.allclose(corners[0], corners[2])


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


def test_shares_between_layers_add_up_and_say_what_was_spread() -> None:
    net, x = network(), photograph()
    content = Attribution(POSITIONS, Substrate("late", CHANNEL))
    with_removals = compute(net, x, [content, Removal(*content.substrates)], SHARES)
    stored = compute(net, x, [content], SHARES)[content.path]
    values = stored[content.path].values.astype(np.float32)
    assert close(with_removals[content.path][content.path].values, values, 1e-3)
    slow = Oracle(net, x, "early", "late")
    ends = slow.run(torch.stack([slow.a, torch.zeros_like(slow.a)])).sum((2, 3)).detach().numpy()
    assert close(values.sum((0, 1)), ends[0] - ends[1], 5e-3)
    gap = stored[content.gap].values
    spread = np.abs(values) * gap / (np.abs(values).sum((0, 1)) + 1e-9)
    assert (np.abs(gap) > 1e-3).any()
    assert np.isfinite(spread).all()


class Pairs(nn.Module):
    """A layer whose output is a product of two sums of channels: they interact in pairs only."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late = nn.Conv2d(3, 4, 3), nn.Identity()
        self.head = nn.Linear(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        a = self.early(x)
        late = self.late((a[:, :2].sum(1) * a[:, 2:].sum(1))[:, None])
        return self.head(late.mean((2, 3)))


def test_shares_between_layers_are_exact_where_channels_interact_in_pairs() -> None:
    net, x = network(Pairs()), photograph()
    found = attribute(net, x, CHANNELS, Substrate("late", CHANNEL), "shares")
    a = net.run(x, ["early"])[0]["early"][0].double()
    # Half of each product is due to either factor.
    others = torch.stack([a[2:].sum(0), a[2:].sum(0), a[:2].sum(0), a[:2].sum(0)])
    assert close(found[:, 0], (a * others / 2).sum((1, 2)).numpy(), 1e-4)


def test_neurons_give_to_later_layers_by_a_linear_approximation() -> None:
    net, x = network(), photograph()
    ends = Substrate("early", NEURON), Substrate("late", Group(2))
    shares, linear = (attribute(net, x, *ends, method) for method in ("shares", "linear"))
    assert close(shares, linear, 1e-5)


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
