"""Effects of removal against a slow loop, and the rest of a network against the whole of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.attribution import compute
from pipeline.attribution.groups import cut_all
from pipeline.attribution.observation import Observation
from pipeline.attribution.removal import remove_all
from pipeline.attribution.rest import RestOfNetwork
from pipeline.errors import AtlasError
from pipeline.grammar import (
    CHANNEL,
    CLASSES,
    INPUT,
    OUTPUT,
    SPATIAL,
    Atom,
    Group,
    Removal,
    Substrate,
)
from pipeline.network import Network
from tests.unit import correctness, removals
from tests.unit.architectures import ARCHITECTURES
from tests.unit.networks import close, hooks, network, photograph

EARLY, LATE = Substrate("early", CHANNEL), Substrate("late", CHANNEL)
POSITIONS, LATE_POSITIONS = Substrate("early", SPATIAL), Substrate("late", SPATIAL)


# --------------------------------------------------------------------------------- against the loop
@pytest.mark.parametrize("dtype", removals.BOUNDS, ids=str)
@pytest.mark.parametrize("atom", removals.ATOMS, ids=str)
@pytest.mark.parametrize("baseline", removals.BASELINES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_effect_is_the_loops(
    name: str, baseline: str, atom: Atom, dtype: torch.dtype
) -> None:
    found = removals.deviations(name, baseline, atom, dtype)
    assert len(found) == len(removals.ATOMS) + 1
    assert max(found.values()) < removals.BOUNDS[dtype]


def test_the_document_lists_every_architecture_and_atom() -> None:
    text = correctness.DOCUMENT.read_text(encoding="utf-8").partition("## Removals")[2]
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]
    expected = {f"{name}, {atom.name}" for name in ARCHITECTURES for atom in removals.ATOMS}
    assert {row[0].strip() for row in rows} == expected
    numbers = [float(cell) for row in rows for cell in row[1:]]
    assert max(numbers) < removals.BOUNDS[torch.float32]


def test_what_is_removed_is_known_in_closed_form() -> None:
    """Behind the last convolution, a mean and a linear head: no other atom matters."""
    net, x = network(), photograph()
    cube = net.run(x, ["late"])[0]["late"][0].numpy()
    weights = net.module.head.weight.detach().numpy()
    parts = cube.transpose(1, 2, 0) / cube[0].size
    found = _datasets(net, Removal(LATE, CLASSES), Removal(LATE_POSITIONS, CLASSES))
    assert close(found["removal/late.spatial/output.neuron"], parts @ weights.T, 1e-3)
    by_channel = parts.sum((0, 1))[:, None] * weights.T
    assert close(found["removal/late.channel/output.neuron"], by_channel, 1e-3)


# -------------------------------------------------------------------------- the rest of a network
class Counted(nn.Module):
    """How often a module runs."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.rows = inner, []

    def forward(self, x: Tensor) -> Tensor:
        self.rows.append(len(x))
        return self.inner(x)


def counted() -> tuple[Network, dict[str, list[int]]]:
    """Plain, with a count of the passes through each of its parts."""
    net = network()
    rows = {}
    for name in ("stem", "early", "pool", "late"):
        wrapped = Counted(getattr(net.module, name))
        setattr(net.module, name, wrapped)
        rows[name] = wrapped.rows
    return net, rows


def test_what_comes_before_the_layer_runs_once() -> None:
    net, rows = counted()
    observation = Observation(net, photograph(), ["early", "late"])
    for each in rows.values():
        each.clear()
    rest = RestOfNetwork(observation, "early", ["late", OUTPUT])
    cube = observation.cubes["early"]
    with torch.no_grad():
        for count in (3, 3, 2):
            nodes = rest.run(cube.expand(count, *cube.shape))
            assert torch.allclose(nodes["late"], observation.cubes["late"], atol=1e-5)
            assert torch.allclose(nodes[OUTPUT], observation.cubes[OUTPUT], atol=1e-5)
    assert rows == {"stem": [1], "early": [1], "pool": [3, 3, 2], "late": [3, 3, 2]}


def test_a_pass_ends_at_the_last_layer_wanted() -> None:
    net, rows = counted()
    observation = Observation(net, photograph(), ["early", "late"])
    rest = RestOfNetwork(observation, "early", ["pool"])
    cube = observation.cubes["early"]
    for each in rows.values():
        each.clear()
    for _ in range(2):
        nodes = rest.run(cube.expand(3, *cube.shape))
        assert OUTPUT not in nodes
    assert nodes["pool"].shape[0] == 3
    assert rows == {"stem": [1], "early": [1], "pool": [3, 3], "late": []}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_rest_of_a_network_is_that_of_the_whole(name: str) -> None:
    chosen = ARCHITECTURES[name]
    net, x = network(chosen.module(), seed=2), photograph(side=16)
    observation = Observation(net, x, [chosen.lower, chosen.upper])
    rest = RestOfNetwork(observation, chosen.lower, [chosen.upper, OUTPUT])
    cube = observation.cubes[chosen.lower]
    before = hooks(net)
    for seed, count in enumerate((2, 1, 3)):
        noise = torch.randn(count, *cube.shape, generator=torch.Generator().manual_seed(seed))
        found = rest.run(cube + noise)
        for row, each in zip(found[OUTPUT], cube + noise, strict=True):
            handle = net.layer(chosen.lower).register_forward_hook(
                lambda *_, each=each: each[None].clone()
            )
            expected = net.logits(x)[0]
            handle.remove()
            assert torch.allclose(row, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert hooks(net) == before
    assert not any("forward" in vars(module) for module in net.module.modules())


def test_gradients_pass_through_the_rest() -> None:
    net, x = network(), photograph()
    observation = Observation(net, x, ["early"])
    cube = observation.cubes["early"][None].clone().requires_grad_()
    (found,) = torch.autograd.grad(
        RestOfNetwork(observation, "early").run(cube)[OUTPUT][0, 1], cube
    )
    with net.capture(["early"], substitute=lambda *_: cube):
        (expected,) = torch.autograd.grad(net.logits(x)[0, 1], cube)
    assert torch.allclose(found, expected, atol=1e-6)


class Fickle(nn.Module):
    """Calls its two halves in another order every time."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.late = nn.Conv2d(3, 4, 1)
        self.head = nn.Linear(4, 5)
        self.turn = 0

    def forward(self, x: Tensor) -> Tensor:
        self.turn += 1
        halves = (self.first, self.second) if self.turn % 2 else (self.second, self.first)
        for half in halves:
            x = half(x)
        return self.head(self.late(x).mean((2, 3)))


def test_a_network_without_an_order_is_refused() -> None:
    net = network(Fickle())
    observation = Observation(net, photograph(), ["late"])
    rest = RestOfNetwork(observation, "late")
    with pytest.raises(AtlasError, match="does not call its modules in the same order every time"):
        rest.run(observation.cubes["late"][None])
    assert not any("forward" in vars(module) for module in net.module.modules())


# ---------------------------------------------------------------------------- memory and mistakes
def _removed(memory: int | None = None) -> Iterator[np.ndarray]:
    net = network()
    groups = Substrate("early", Group(3))
    sources, targets = [EARLY, POSITIONS, groups], [CLASSES, LATE, LATE_POSITIONS]
    observation = Observation(net, photograph(), ["early", "late"])
    cuts = cut_all(observation, [*sources, *targets])
    pairs = [(source, target) for source in sources for target in targets]
    found = remove_all(observation, cuts, pairs, memory)
    assert list(found) == pairs
    return iter(found.values())


def test_batches_do_not_matter() -> None:
    for few, many in zip(_removed(memory=1), _removed(), strict=True):
        assert close(few, many, 1e-5)


def test_pixels_can_be_removed() -> None:
    net, x = network(), photograph(side=8)
    pixels = Substrate(INPUT, SPATIAL)
    found = _datasets(net, Removal(pixels, CLASSES), x=x)[Removal(pixels, CLASSES).path]
    changed = x.clone()
    changed[:, :, 2, 5] = 0
    expected = (net.logits(x) - net.logits(changed))[0].numpy()
    assert close(found[2, 5], expected, 2e-3)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [(LATE, EARLY, "comes before it"), (EARLY, POSITIONS, "is the same layer")],
)
def test_a_target_that_does_not_depend_on_the_layer_is_refused(
    source: Substrate, target: Substrate, reason: str
) -> None:
    with pytest.raises(AtlasError, match=f"does not exist: the target {reason}"):
        _datasets(network(), Removal(source, target))


# ------------------------------------------------------------------------------------- in the store
def _datasets(net: Network, *contents: Removal, x: Tensor | None = None) -> dict[str, np.ndarray]:
    found = compute(net, photograph() if x is None else x, contents)
    return {
        name: array.values.astype(np.float32)
        for datasets in found.values()
        for name, array in datasets.items()
    }


def test_groups_keep_their_residuals_apart() -> None:
    lower, upper = Substrate("early", Group(3)), Substrate("late", Group(2))
    content = Removal(lower, upper)
    found = _datasets(network(), content)
    shapes = {name: values.shape for name, values in found.items()}
    assert shapes == {
        content.path: (3, 2),
        content.residual_of_source: (2,),
        content.residual_of_target: (3,),
        content.residual_of_both: (),
    }
    assert all(np.abs(values).min() > 0 for values in found.values())
