"""Folded copies of networks compute the same function, and only safe pairs are folded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pipeline import models
from pipeline.featurevis import fast_modules, folding, readers
from pipeline.models.torchvision_import import import_torchvision
from pipeline.network import Network
from pipeline.phases import photographs
from pipeline.phases.atlas import atlas_of
from pipeline.photographs import decode, fit
from tests.unit import networks
from tests.unit.surveys import photograph, survey


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=1e-4)


def normalizations(network: Network) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.module.modules())


def test_a_normalization_with_an_activation_of_its_own_is_folded() -> None:
    import_torchvision()  # which timm needs
    from timm.layers import BatchNormAct2d

    norm = BatchNormAct2d(4, act_layer=nn.ReLU6)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.Conv2d(4, 3, 3))
    network = networks.network(nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    copy = folding.fold(network)
    assert normalizations(copy) == 0
    modules = copy.module.modules()
    clips = [module for module in modules if isinstance(module, fast_modules.FastClip)]
    assert [clip.reuse_gradient for clip in clips] == [True]
    x = torch.rand(1, 3, 16, 16)
    close(copy.logits(x), network.logits(x))


def test_every_pair_is_folded_every_time_whatever_is_kept() -> None:
    # A tensor that has been given away must not be taken for a later one at the same address.
    widths = [3, *[4] * 24]
    layers = [
        each
        for wide, wider in pairwise(widths)
        for each in (nn.Conv2d(wide, wider, 1), nn.BatchNorm2d(wider), nn.ReLU())
    ]
    network = networks.network(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    keep = [str(3 * block + 2) for block in range(24)]
    assert [normalizations(folding.fold(network, keep)) for _ in range(4)] == [0] * 4


class Clipped(nn.Module):
    """In-place ReLU6 in three roles.

    A convolution alone reads the result; a sum does, whose gradient two share; two read it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(5))
        self.alone, self.summed, self.read_twice = (nn.ReLU6(inplace=True) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        first, second, third, left, right = self.convolutions
        x = second(self.alone(first(x * 9)))
        x = third(self.summed(x * 9) + x)
        x = self.read_twice(x)
        return (left(x) * right(x)).mean((2, 3))


@pytest.mark.parametrize("keep", [(), ("alone",), ("summed", "read_twice")])
def test_gradients_are_overwritten_only_where_nothing_else_reads_them(
    keep: tuple[str, ...],
) -> None:
    network = networks.network(Clipped())
    copy = folding.fold(network, keep)
    modules = copy.module.named_modules()
    overwriting = [name for name, module in modules if getattr(module, "reuse_gradient", False)]
    assert overwriting == ([] if keep == ("alone",) else ["alone"])
    # In float64, because large terms of the sum cancel.
    x = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    slopes = []
    for each in (network, copy):
        each.module.double()
        pictures = x.clone().requires_grad_(True)
        caught, logits = each.run(pictures, list(keep))
        total = logits[:, 0].sum() + sum(value.square().sum() for value in caught.values())
        slopes.append(torch.autograd.grad(total, pictures)[0])
    assert slopes[0].any()
    close(slopes[1], slopes[0])


def test_folding_keeps_the_function_and_removes_the_normalizations() -> None:
    network = networks.network()
    copy = folding.fold(network, ["early", "late"])
    assert normalizations(copy) == 0
    assert normalizations(network) > 0
    x = torch.rand(2, 3, 32, 32)
    expected, logits = network.run(x, ["early", "late"])
    actual, folded_logits = copy.run(x, ["early", "late"])
    close(folded_logits, logits)
    for layer in expected:
        close(actual[layer], expected[layer])


class Shared(nn.Module):
    """Convolutions not to fold into: one is read twice, one runs twice; the last one is fine."""

    def __init__(self) -> None:
        super().__init__()
        self.read_twice, self.norm_a = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.run_twice, self.norm_b = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.good, self.norm_c = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.read_twice(x)
        x = x + self.norm_a(x)
        x = self.run_twice(x)
        x = self.norm_b(self.run_twice(x))
        return self.norm_c(self.good(x)).mean((2, 3))


def test_only_convolutions_with_one_reader_and_one_run_are_folded() -> None:
    network = networks.network(Shared())
    kinds = (
        lambda module: isinstance(module, nn.Conv2d),
        lambda module: isinstance(module, nn.BatchNorm2d),
    )
    assert readers.sole_readers(network, [], *kinds) == [("good", "norm_c")]
    assert readers.sole_readers(network, ["good"], *kinds) == []
    copy = folding.fold(network)
    x = torch.rand(1, 3, 16, 16)
    close(copy.logits(x), network.logits(x))


MINE = """
import torch
from torch import nn
from torch.nn import functional

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.norm.running_mean.uniform_(-1, 1)
        self.late = nn.Sequential(nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
        self.scripted = torch.jit.script(nn.Sequential(nn.Conv2d(6, 6, 1), nn.Tanh()))
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        h = self.stem(x)
        return self.head(self.late(self.norm(h) + self.scripted(h)).mean((2, 3)))

def build():
    torch.manual_seed(0)
    return Net()
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_network_with_a_scripted_module_is_folded_or_left_and_its_photographs_computed(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    shown = photograph(tmp_path, "x", 1)
    given = {"photographs": [shown], "layers": ("late",)}
    found = survey(tmp_path, **given, model={"source": "mine.py", "size": 24})
    network, x = models.load(found.config), torch.rand(1, 3, 24, 24)
    close(folding.folded(network, ("late",)).logits(x), network.logits(x))
    atlas = atlas_of(found, ())
    (job,) = photographs.jobs(found, atlas, photographs.missing_contents(found))
    computed = photographs.compute(job)
    assert {each.path for each in found.plan.contents} <= set(computed)
    pixels = fit(decode(shown.path), 24, found.settings.dataset.fit)
    expected = network.logits(network.input(pixels))[0]
    logits = torch.from_numpy(computed["logits"]["logits"].values)
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4)


def test_a_folded_copy_is_made_once_until_weights_change() -> None:
    network = networks.network()
    first = folding.folded(network, ("early",))
    assert folding.folded(network, ("early",)) is first
    with torch.no_grad():
        network.module.head.bias.add_(1.0)
    x = torch.rand(1, 3, 32, 32)
    close(folding.folded(network, ("early",)).logits(x), network.logits(x))


def test_threads_that_share_a_network_get_the_same_complete_copy() -> None:
    network, x = networks.network(), torch.rand(1, 3, 32, 32)

    def fold(_index: int) -> Network:
        network.run(x, ["early", "late"])
        return folding.folded(network, ("early",))

    with ThreadPoolExecutor(4) as pool:
        copies = list(pool.map(fold, range(8)))
    assert len({id(copy) for copy in copies}) == 1
    assert normalizations(copies[0]) == 0


def test_a_folded_copy_is_fast_and_the_original_is_left_alone() -> None:
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU6(inplace=True), nn.LocalResponseNorm(5)]
    body = nn.Sequential(*layers)
    ending = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    network = networks.network(nn.Sequential(body, *ending))
    copy = folding.fold(network, ["0"]).module.get_submodule("0")
    fast = [fast_modules.FastClip, fast_modules.FastResponseNorm]
    assert [type(each) for each in copy[1:]] == fast
    for original in (body, network.module.get_submodule("0")):
        assert [type(each) for each in original[1:]] == [nn.ReLU6, nn.LocalResponseNorm]
