"""The feature visualization engine against slow oracles, on small random networks."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline import allocator, sprites
from pipeline.config import FeaturesTable
from pipeline.errors import AtlasError
from pipeline.featurevis import colour, folding, lean, objectives, recipes, spectrum, transforms
from pipeline.featurevis import optimizer as engine
from pipeline.featurevis.parameterizations import PARAMETERIZATIONS, fourier_values
from pipeline.featurevis.receptive import receptive_field
from pipeline.featurevis.rectifiers import redirected
from pipeline.grammar import INPUT, OUTPUT
from pipeline.models.torchvision_import import import_torchvision
from pipeline.network import Network, Preprocessing
from tests.unit import networks

QUICK = recipes.Recipe("quick", size=32, steps=12, jitter=2.0)


def generators(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, index]) for index in range(count)]


def pictures_of(batches: list[engine.Batch]) -> dict[str, np.ndarray]:
    return {unit: picture for batch in batches for unit, picture in zip(batch.units, batch.pictures, strict=True)}


# ---------------------------------------------------------------- parameterizations


@pytest.mark.parametrize("size", [8, 9])
def test_fourier_values_are_the_written_out_sum(size: int) -> None:
    coefficients = np.random.default_rng(0).normal(size=(2, 3, size, size // 2 + 1, 2))
    waves = coefficients[..., 0] + 1j * coefficients[..., 1]
    expected = np.zeros((2, 3, size, size))
    y, x = np.mgrid[:size, :size]
    for row in range(size):
        for column in range(size // 2 + 1):
            fy = row / size if row < (size + 1) // 2 else row / size - 1
            scale = size / max(np.hypot(fy, column / size), 1 / size) / 4
            once = column == 0 or (size % 2 == 0 and column == size // 2)
            wave = np.exp(2j * np.pi * (row * y + column * x) / size) * (1 if once else 2) * scale / size**2
            expected += (waves[:, :, row, column, None, None] * wave).real
    actual = fourier_values(torch.from_numpy(coefficients), size).numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_colour_goes_there_and_back_and_its_longest_column_has_length_one() -> None:
    values = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(colour.decorrelate(colour.correlate(values)), values, atol=1e-4, rtol=1e-4)
    assert colour.MATRIX.norm(dim=0).max() == pytest.approx(1)
    expected = torch.sigmoid(torch.einsum("ij,bjhw->bihw", colour.MATRIX, values))
    torch.testing.assert_close(colour.to_rgb(values), expected)


@pytest.mark.parametrize("name", sorted(PARAMETERIZATIONS))
def test_every_parameterization_starts_per_picture_and_has_gradients(name: str) -> None:
    chosen = PARAMETERIZATIONS[name]
    together = chosen.start(generators(3), 16, None)
    alone = chosen.start(generators(3)[2:], 16, None)
    for key, value in together.items():
        torch.testing.assert_close(value[2:], alone[key])
        value.requires_grad_(True)
    shown = chosen.pictures(together, 16)
    assert shown.shape[0] == 3
    assert shown.shape[1] in (3, 4)
    assert shown.min() >= 0
    assert shown.max() <= 1
    (shown * torch.randn_like(shown)).sum().backward()
    assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in together.values())


def test_maco_moves_phases_only_and_keeps_the_natural_magnitude() -> None:
    chosen = PARAMETERIZATIONS["maco"]
    photograph = (np.random.default_rng(0).random((40, 50, 3)) * 255).astype(np.uint8)
    natural = spectrum.natural_magnitude([photograph], side=16)
    parameters = chosen.start(generators(2), 16, natural)
    values = colour.decorrelate(torch.logit(chosen.pictures(parameters, 16).double()).float())
    measured = torch.fft.rfft2(values).abs()
    # A real transform has no free phase where a frequency is its own mirror image; elsewhere the magnitude stands.
    inner = np.s_[:, :, 1:8, 1:8]
    torch.testing.assert_close(measured[inner], torch.from_numpy(natural).expand(2, -1, -1, -1)[inner], rtol=2e-2, atol=1e-3)
    assert values.std() == pytest.approx(1.0, rel=0.15)


def test_a_resized_spectrum_is_that_of_the_resized_photograph() -> None:
    y, x = np.mgrid[:64, :64] / 64
    smooth = 0.5 + 0.2 * np.sin(2 * np.pi * 3 * x) + 0.2 * np.cos(2 * np.pi * 2 * y)
    photograph = (np.repeat(smooth[..., None], 3, 2) * 255).astype(np.uint8)
    large, small = (spectrum.natural_magnitude([photograph], side) for side in (64, 32))
    shrunk = spectrum.resized(large, 32)
    strong = small > 0.2 * small.max()
    np.testing.assert_allclose(shrunk[strong], small[strong], rtol=0.1)


# ---------------------------------------------------------------- transforms


def test_one_resampling_is_what_each_pictures_own_map_says() -> None:
    size, view = 12, 10
    x = torch.rand(3, 3, size, size, dtype=torch.float64)
    draws = transforms.draw(generators(3), 5, jitter=2.0, scales=(0.8, 1.2), degrees=30.0)[:, 4]
    shown = transforms.resample(x, transforms.maps(draws, size, view).double(), view).numpy()
    for n in range(3):
        scale, angle, dx, dy = draws[n].double().tolist()
        for row in range(view):
            for column in range(view):
                u, v = column + 0.5 - view / 2, row + 0.5 - view / 2
                px = (np.cos(angle) * u - np.sin(angle) * v) / scale + dx + size / 2 - 0.5
                py = (np.sin(angle) * u + np.cos(angle) * v) / scale + dy + size / 2 - 0.5
                left, top = int(np.floor(px)), int(np.floor(py))
                for channel in range(3):
                    total = 0.0
                    for yy, wy in ((top, 1 - (py - top)), (top + 1, py - top)):
                        for xx, wx in ((left, 1 - (px - left)), (left + 1, px - left)):
                            inside = 0 <= yy < size and 0 <= xx < size
                            total += wy * wx * (x[n, channel, yy, xx].item() if inside else transforms.OUTSIDE)
                    assert shown[n, channel, row, column] == pytest.approx(total, abs=1e-5)


def test_draws_are_a_pictures_own() -> None:
    kwargs = {"jitter": 4.0, "scales": (0.9, 1.1), "degrees": 5.0}
    together = transforms.draw(generators(4), 7, **kwargs)
    alone = transforms.draw(generators(4)[3:], 7, **kwargs)
    torch.testing.assert_close(together[3:], alone)
    assert together[..., 2:].abs().max() <= 4
    assert len(torch.unique(together[..., 0])) == 4 * 7


# ---------------------------------------------------------------- objectives


def test_objectives_score_as_their_formulas_say() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 5, 4, 3))
    vector = rng.normal(size=5)
    logits = rng.normal(size=(6, 7))
    x = rng.random((6, 3, 8, 8))
    cos = np.einsum("chw,c->hw", a[3], vector) / (np.linalg.norm(a[3], axis=0) * np.linalg.norm(vector))
    smooth_free = np.abs(np.diff(x[5], axis=1)).mean() + np.abs(np.diff(x[5], axis=2)).mean()
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
        (np.einsum("chw,c->hw", a[3], vector) * np.maximum(0.1, cos) ** 2).mean(),
        a[4, :, 1, 2] @ vector + 2 * logits[4, 3],
        (np.einsum("chw,c->hw", a[5], vector) / np.linalg.norm(vector)).mean() - smooth_free - 3 * np.abs(x[5] - 0.5).mean(),
    ]
    responses = {"l": torch.tensor(a).float(), OUTPUT: torch.tensor(logits).float(), INPUT: torch.tensor(x).float()}
    np.testing.assert_allclose(objectives.evaluate(asked, responses).numpy(), expected, rtol=1e-3, atol=1e-4)


def test_blur_is_the_distance_from_the_blurred_picture() -> None:
    x = np.random.default_rng(0).random((2, 3, 6, 6))
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    smooth = sum(kernel[i] * kernel[j] * padded[:, :, i : i + 6, j : j + 6] for i in range(5) for j in range(5))
    scores = objectives.evaluate([objectives.blur()] * 2, {INPUT: torch.tensor(x).float()})
    np.testing.assert_allclose(scores.numpy(), ((x - smooth) ** 2).mean((1, 2, 3)), rtol=1e-4)


def test_likeness_is_the_mean_cosine_of_gram_matrices_within_a_family() -> None:
    a = np.random.default_rng(0).random((4, 3, 2, 2))
    grams = [each.reshape(3, -1) @ each.reshape(3, -1).T for each in a]
    cosine = [[(p * q).sum() / np.linalg.norm(p) / np.linalg.norm(q) for q in grams] for p in grams]
    asked = [objectives.diversity("l", family) for family in ("a", "b", "a", "a")]
    scores = objectives.evaluate(asked, {"l": torch.tensor(a).float()})
    expected = [-(cosine[0][2] + cosine[0][3]) / 2, 0, -(cosine[2][0] + cosine[2][3]) / 2, -(cosine[3][0] + cosine[3][2]) / 2]
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
def test_what_a_layer_does_not_have_is_said(objective: objectives.Objective, words: str) -> None:
    request = engine.Request("early", "unit", objective)
    with pytest.raises(AtlasError, match=words.replace("(", r"\(").replace(")", r"\)")):
        list(engine.render(networks.network(), [request], QUICK))


# ---------------------------------------------------------------- redirected gradients


class Silent(nn.Module):
    """Channel 0 of "layer" is clipped to zero for all but extreme inputs; the clipping is spelt in different ways."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.spelling = spelling
        self.convolution = nn.Conv2d(3, 2, 3, padding=1)
        self.module = nn.ReLU()
        self.layer = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolution(x) - 3.0
        match self.spelling:
            case "module":
                y = self.module(y)
            case "functional":
                y = functional.relu(y)
            case "in place":
                functional.relu(y, inplace=True)
            case "method":
                y = y.relu_()
            case "relu6":
                y = functional.relu6(y)
            case "lean":
                y = lean.clip_in_place(y, 0.0, 6.0)
            case "clamp":
                y = torch.clamp(y, min=0)
        return self.layer(y).mean((2, 3))


def silent(spelling: str) -> Network:
    network = networks.network(Silent(spelling))
    with torch.no_grad():
        network.module.convolution.weight.abs_()
        network.module.convolution.bias.zero_()
    return network


@pytest.mark.parametrize("spelling", ["module", "functional", "in place", "method", "relu6", "lean", "clamp"])
def test_a_dead_start_is_revived_however_the_clipping_is_spelt(spelling: str) -> None:
    network = silent(spelling)
    x = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    plain = torch.autograd.grad(network.run_to(x, ["layer"])["layer"].mean(), x)[0]
    assert not plain.any()
    with redirected():
        lifted = torch.autograd.grad(-network.run_to(x, ["layer"])["layer"].mean(), x)[0]
    assert (lifted < 0).any()
    requests = engine.requests_for_channels("layer", [0])
    recipe = replace(QUICK, steps=40, learning_rate=0.1, attempts=1)
    assert engine.generator_of(0, "layer", "channel:0").random() != engine.generator_of(0, "layer", "channel:0", 1).random()
    [dead] = engine.render(network, requests, replace(recipe, redirected=0))
    [alive] = engine.render(network, requests, recipe)
    assert not dead.alive[0]
    assert alive.alive[0]
    assert alive.activation[0] > 0


def test_redirection_leaves_pictures_alone_that_have_gradients() -> None:
    y = torch.tensor([[-1.0, 2.0], [-1.0, -2.0]], requires_grad=True)
    with redirected():
        z = functional.relu(y)
    gradient = torch.autograd.grad(z, y, torch.tensor([[-1.0, -1.0], [-1.0, 1.0]]))[0]
    # The first row passes something by itself; in the second only what lifts (a negative gradient of a loss) is let through.
    assert gradient.tolist() == [[0.0, -1.0], [-1.0, 0.0]]


def test_redirection_ends_with_the_context_and_after_an_exception() -> None:
    y = torch.full((1, 1, 2, 2), -1.0, requires_grad=True)
    with pytest.raises(KeyError), redirected():
        raise KeyError
    assert not torch.autograd.grad(functional.relu(y).sum(), y)[0].any()


def test_a_unit_that_cannot_be_activated_is_recorded_as_such() -> None:
    network = silent("module")
    with torch.no_grad():
        network.module.convolution.weight.mul_(1e-4)
    [batch] = engine.render(network, engine.requests_for_channels("layer", [0, 1]), QUICK)
    assert batch.alive.tolist() == [False, False]
    assert sorted(batch.units) == ["channel:0", "channel:1"]


def test_a_picture_without_any_gradient_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    original = engine.gradient
    monkeypatch.setattr(engine, "gradient", lambda *each: shown.append(len(each[2])) or original(*each))
    recipe = replace(QUICK, steps=40, attempts=1, redirected=0)
    [batch] = engine.render(silent("module"), engine.requests_for_channels("layer", [0]), recipe)
    assert not batch.alive[0]
    assert len(shown) == 3
    # While gradients are redirected each silent step looks twice, and nothing is given up.
    shown.clear()
    network = silent("module")
    with torch.no_grad():
        network.module.convolution.weight.mul_(1e-4)
    list(engine.render(network, engine.requests_for_channels("layer", [0]), replace(recipe, redirected=4)))
    assert len(shown) == 2 * 4 + 3


# ---------------------------------------------------------------- folding


def test_a_normalization_with_an_activation_of_its_own_is_folded() -> None:
    import_torchvision()  # which timm needs
    from timm.layers import BatchNormAct2d

    body = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNormAct2d(4, act_layer=nn.ReLU6), nn.Conv2d(4, 3, 3))
    network = networks.network(nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    copy = folding.fold(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in copy.module.modules())
    assert [module.both_ways for module in copy.module.modules() if isinstance(module, lean.LeanClip)] == [True]
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(copy.logits(x), network.logits(x), atol=1e-4, rtol=1e-4)


class Clipped(nn.Module):
    """ReLU6 in place whose result is read by a convolution alone, by a sum whose gradient two share, and by two."""

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
def test_gradients_are_overwritten_only_where_they_are_nobody_elses(keep: tuple[str, ...]) -> None:
    network = networks.network(Clipped())
    copy = folding.fold(network, keep)
    overwriting = [name for name, module in copy.module.named_modules() if getattr(module, "both_ways", False)]
    assert overwriting == ([] if keep == ("alone",) else ["alone"])
    x = torch.rand(2, 3, 16, 16)
    slopes = []
    for each in (network, copy):
        pictures = x.clone().requires_grad_(True)
        caught, logits = each.run(pictures, list(keep))
        slopes.append(torch.autograd.grad(logits[:, 0].sum() + sum(value.square().sum() for value in caught.values()), pictures)[0])
    assert slopes[0].any()
    torch.testing.assert_close(slopes[1], slopes[0], atol=1e-4, rtol=1e-4)


def test_folding_keeps_the_function_and_removes_the_normalizations() -> None:
    network = networks.network()
    copy = folding.fold(network, ["early", "late"])
    assert not any(isinstance(module, nn.BatchNorm2d) for module in copy.module.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.module.modules())
    x = torch.rand(2, 3, 32, 32)
    expected, logits = network.run(x, ["early", "late"])
    actual, folded_logits = copy.run(x, ["early", "late"])
    torch.testing.assert_close(folded_logits, logits, atol=1e-4, rtol=1e-4)
    for layer in expected:
        torch.testing.assert_close(actual[layer], expected[layer], atol=1e-4, rtol=1e-4)


class Shared(nn.Module):
    """Convolutions that must not be folded into: read twice, run twice, or followed by something else."""

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
    kinds = (lambda module: isinstance(module, nn.Conv2d), lambda module: isinstance(module, nn.BatchNorm2d))
    assert folding.pairs(network, [], *kinds) == [("good", "norm_c")]
    assert folding.pairs(network, ["good"], *kinds) == []
    copy = folding.fold(network)
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(copy.logits(x), network.logits(x), atol=1e-4, rtol=1e-4)


def test_a_folded_copy_is_made_once_until_weights_change() -> None:
    network = networks.network()
    first = folding.folded(network, ("early",))
    assert folding.folded(network, ("early",)) is first
    with torch.no_grad():
        network.module.head.bias.add_(1.0)
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(folding.folded(network, ("early",)).logits(x), network.logits(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("size", "beta", "k"), [(5, 0.75, 1.0), (4, 0.5, 2.0), (3, 1.0, 1.0)])
def test_lean_response_normalization_is_torchs_with_its_gradient(size: int, beta: float, k: float) -> None:
    x = (torch.randn(2, 9, 4, 5, generator=torch.Generator().manual_seed(0)) * 20).requires_grad_(True)
    theirs = nn.LocalResponseNorm(size, 1e-2, beta, k)
    ours = lean.LeanResponseNorm(size, 1e-2, beta, k)
    torch.testing.assert_close(ours(x), theirs(x))
    weights = torch.randn(2, 9, 4, 5)
    torch.testing.assert_close(torch.autograd.grad(ours(x), x, weights)[0], torch.autograd.grad(theirs(x), x, weights)[0])
    torch.testing.assert_close(ours(x[:, :, 0]), theirs(x[:, :, 0]))  # of other shapes torch's own


@pytest.mark.parametrize("theirs", [nn.ReLU6(inplace=True), nn.Hardtanh(-0.5, 2.0, inplace=True)])
def test_a_lean_clip_is_torchs_with_its_gradient(theirs: nn.Hardtanh) -> None:
    ours = nn.Sequential(theirs)
    lean.make_lean(ours)
    assert isinstance(ours[0], lean.LeanClip)
    x = (torch.randn(2, 4, 5, 6) * 5).requires_grad_(True)
    expected, weights = theirs(x * 1), torch.randn(2, 4, 5, 6)
    given = x * 1
    actual = ours(given)
    assert torch.equal(actual, given)  # in place, as who else holds the tensor counts on
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(torch.autograd.grad(actual, x, weights)[0], torch.autograd.grad(expected, x, weights)[0])
    other = nn.Sequential(nn.ReLU6())
    lean.make_lean(other)
    assert type(other[0]) is nn.ReLU6  # what is not overwritten may be read again


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(8, 8), (9, 8), (7, 12), (1, 5)])
def test_lean_same_padding_is_timms(kernel: int, stride: int, shape: tuple[int, int]) -> None:
    import_torchvision()  # which timm needs
    from timm.layers import Conv2dSame

    theirs = Conv2dSame(4, 8, kernel, stride=stride, groups=4)
    ours = nn.Sequential(theirs)
    lean.make_lean(ours)
    assert isinstance(ours[0], lean.LeanSamePadding)
    x = torch.randn(2, 4, *shape, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(torch.autograd.grad(ours(x).square().sum(), x), torch.autograd.grad(theirs(x).square().sum(), x))


def test_a_folded_copy_is_lean_and_the_original_is_left_alone() -> None:
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6(inplace=True), nn.LocalResponseNorm(5))
    network = networks.network(nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)))
    copy = folding.fold(network, ["0"]).module.get_submodule("0")
    assert [type(each) for each in copy[1:]] == [lean.LeanClip, lean.LeanResponseNorm]
    assert [type(each) for each in body[1:]] == [nn.ReLU6, nn.LocalResponseNorm]


def test_memory_is_kept_unless_the_user_decided_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "100000")
    assert not allocator.keep_memory()
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: (_ for _ in ()).throw(OSError(name)))
    assert not allocator.keep_memory()  # a system without glibc


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_kept_memory_is_used_again() -> None:
    script = """
import resource
import torch
from pipeline.allocator import keep_memory
assert keep_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(min(faults() for _ in range(32)))
"""
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert int(output) < 1024  # the tensor has 16384 pages, which are paged in each time if it is handed back in between


# ---------------------------------------------------------------- the optimizer


def test_without_sharing_the_descent_is_torchs_adam() -> None:
    start, gradients = torch.randn(2, 5), torch.randn(6, 2, 5)
    ours = engine.Descent({"x": start.clone()})
    theirs = start.clone().requires_grad_(True)
    adam = torch.optim.Adam([theirs], lr=0.05, eps=1e-16)
    for gradient in gradients:
        ours.parameters["x"].grad = gradient.clone()
        ours.step(0.05)
        theirs.grad = gradient.clone()
        adam.step()
    torch.testing.assert_close(ours.parameters["x"].detach(), theirs.detach())


def test_steps_shrink_with_gradients_that_fade_only_where_the_peak_is_kept() -> None:
    def last_step(peak: float) -> float:
        descent = engine.Descent({"x": torch.zeros(1, 1)}, momentum=0.0, memory=0.5, peak=peak)
        for size in (1.0, 1.0, 1e-3, 1e-3, 1e-3):
            before = descent.parameters["x"].item()
            descent.parameters["x"].grad = torch.full((1, 1), size)
            descent.step(0.1)
        return abs(descent.parameters["x"].item() - before)

    assert last_step(1.0) == pytest.approx(0.1 * 1e-3, rel=1e-2)
    assert last_step(1.0) < last_step(0.85) < last_step(0.0)


def test_a_finished_picture_is_the_mean_of_the_last_steps() -> None:
    descent = engine.Descent({"x": torch.zeros(2, 1)})
    for value in (5.0, 1.0, 3.0):
        descent.parameters["x"].data.copy_(torch.tensor([[value], [2 * value]]))
        if value < 5:
            descent.average()
    assert descent.result()["x"].flatten().tolist() == [2.0, 4.0]
    assert descent.part(torch.tensor([1])).result()["x"].flatten().tolist() == [4.0]
    assert engine.Descent({"x": torch.full((1, 1), 7.0)}).result()["x"].item() == 7


def test_descents_part_and_join_with_all_that_they_remember() -> None:
    def wander(descent: engine.Descent, steps: Tensor) -> None:
        for gradient in steps:
            descent.parameters["x"].grad = gradient.clone()
            descent.step(0.1)
            descent.average()

    start, early, late = torch.randn(3, 4), torch.randn(4, 3, 4), torch.randn(5, 3, 4)
    for settings in ({}, {"sharing": 0.9, "momentum": 0.0, "memory": 0.9, "peak": 0.85}):
        descent = engine.Descent({"x": start.clone()}, **settings)
        wander(descent, early)
        waiting, going = descent.part(torch.tensor([1])), descent.part(torch.tensor([0, 2]))
        wander(going, late[:, [0, 2]])
        together = going.joined([waiting])
        wander(together, late[:, [0, 2, 1]])

        for row, gradients in enumerate((torch.cat([early, late, late]), torch.cat([early, late, late]), torch.cat([early, late]))):
            picture = (0, 2, 1)[row]
            alone = engine.Descent({"x": start[picture : picture + 1].clone()}, **settings)
            wander(alone, gradients[:, picture : picture + 1])
            torch.testing.assert_close(together.parameters["x"][row], alone.parameters["x"][0])
            torch.testing.assert_close(together.result()["x"][row], alone.result()["x"][0])


def test_sides_that_a_network_does_not_take_are_left_out() -> None:
    stages = (recipes.Stage(0.3, view=0.25, rate=2.0, patience=0.1), recipes.Stage(0.4, view=0.5), recipes.Stage(0.3))
    recipe = replace(recipes.RECIPES["fast"], size=64, stages=stages)
    network = networks.network()

    def demanding(_module: nn.Module, inputs: tuple[Tensor]) -> None:
        if inputs[0].shape[-1] < 32:
            raise RuntimeError("Kernel size can't be greater than actual input size")

    network.module.register_forward_pre_hook(demanding)
    studio = engine._Studio(network, recipe, 0, None).suited([objectives.channel("early", 0)])
    assert studio.recipe.stages == (recipes.Stage(0.3, patience=0.1), *stages[1:])
    [batch] = engine.render(network, engine.requests_for_channels("early", [0]), replace(recipe, steps=6))
    assert batch.pictures.shape == (1, 64, 64, 3)


def test_the_receptive_field_is_measured() -> None:
    plain, functional = networks.network(), networks.network(networks.Functional())
    assert receptive_field(plain, "early", 64) == 8
    assert receptive_field(plain, "late", 64) == 20
    assert receptive_field(functional, "joined", 64) == 7
    assert receptive_field(plain, "late", 8) == 8, "no more than there is"
    assert receptive_field(plain, "head", 64) == 64, "without positions all is seen"


def test_small_receptive_fields_get_no_larger_canvas_than_the_site_shows() -> None:
    network, large = networks.network(), replace(recipes.RECIPES["fast"], size=224)

    def side(objective: objectives.Objective, recipe: recipes.Recipe = large) -> int:
        return engine._Studio(network, recipe, 0, None).suited([objective]).recipe.size

    assert engine._LEAST_CANVAS == sprites.ICON
    assert side(objectives.channel("early", 0)) == 112
    assert side(objectives.channel("early", 0), replace(large, size=96)) == 96
    assert side(objectives.logit(0)) == 224
    assert side(objectives.channel("early", 0) + 0.1 * objectives.logit(0)) == 224
    assert side(objectives.neuron("early", 0)) == 112
    assert side(objectives.neuron("early", 0, (2, 3))) == 224, "where the position is depends on the size"


def test_a_canvas_holds_the_receptive_field_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    studio = engine._Studio(networks.network(), replace(recipes.RECIPES["fast"], size=224), 0, None)
    for seen, wanted in ((40, 112), (57, 128), (70, 144), (105, 224), (224, 224)):
        monkeypatch.setattr(engine, "receptive_field", lambda *_, seen=seen: seen)
        assert studio.canvas(["early"]) == wanted


def test_pictures_of_one_layer_do_not_depend_on_what_else_is_asked_of_it() -> None:
    network, large = networks.network(), replace(recipes.RECIPES["fast"], size=128, steps=4, attempts=1)
    channel = engine.requests_for_channels("early", [1])
    others = [
        engine.Request("early", "placed", objectives.neuron("early", 0, (1, 1))),
        engine.Request("early", "with a class", objectives.channel("early", 0) + objectives.logit(1)),
    ]
    alone, among = (pictures_of(list(engine.render(network, [*more, *channel], large))) for more in ([], others))
    assert among["channel:1"].shape == (112, 112, 3)
    assert among["placed"].shape == among["with a class"].shape == (128, 128, 3)
    assert np.abs(alone["channel:1"].astype(int) - among["channel:1"]).max() <= 2


def test_batches_are_even() -> None:
    recipe = replace(recipes.RECIPES["fast"], size=32, steps=2, attempts=1)
    requests = engine.requests_for_channels("early", range(5))
    assert [len(batch.units) for batch in engine.render(networks.network(), requests, recipe, batch_size=4)] == [3, 2]


def test_a_picture_is_shown_at_one_side_after_another() -> None:
    stages = (recipes.Stage(0.25, view=0.6), recipes.Stage(0.25), recipes.Stage(0.5, view=1.75, rate=2.0))
    recipe = replace(recipes.RECIPES["fast"], size=64, steps=8, stages=stages, averaged=0.25)
    assert [recipe.side(step) for step in range(8)] == [32, 32, 64, 64, 112, 112, 112, 112]
    assert [recipe.rate(step) / recipe.learning_rate for step in range(8)] == [1, 1, 1, 1, 2, 2, 2, 2]
    assert [recipe.averages(step) for step in range(8)] == [False] * 6 + [True] * 2
    assert recipe.schedule() == [(stages[0], range(2)), (stages[1], range(2, 4)), (stages[2], range(4, 8))]
    assert {replace(recipe, size=50, stages=(recipes.Stage(),)).side(step) for step in range(8)} == {50}
    for name, each in recipes.RECIPES.items():
        assert sum(stage.share for stage in each.stages) == pytest.approx(1), name
        for steps in (1, 3, each.steps, 1000):
            scheduled = [step for _, range_of_stage in replace(each, steps=steps).schedule() for step in range_of_stage]
            assert scheduled == list(range(steps)), name

    network, seen = networks.network(), []
    handle = network.module.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape[-1]))
    studio = engine._Studio(network, recipe, 0, None)
    canvases = studio.stretch(engine.requests_for_channels("early", [0]), [0])
    for step in range(4):
        studio.step(canvases, step, redirect=False)
    handle.remove()
    assert seen == [32, 32, 64, 64]


def test_an_enlarged_view_shows_all_of_the_picture() -> None:
    picture = torch.rand(1, 3, 16, 16)
    shown = transforms.resample(picture, transforms.maps(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), 16, 16), 32)
    torch.testing.assert_close(shown[..., 1:-1, 1:-1], nn.functional.interpolate(picture, 32, mode="bilinear")[..., 1:-1, 1:-1])


def test_shared_second_moments_do_not_mix_pictures() -> None:
    start, gradient = torch.randn(2, 5), torch.randn(2, 5)
    both, one = engine.Descent({"x": start.clone()}, sharing=0.9), engine.Descent({"x": start[1:].clone()}, sharing=0.9)
    both.parameters["x"].grad = gradient * torch.tensor([[100.0], [1.0]])
    one.parameters["x"].grad = gradient[1:].clone()
    both.step(0.1)
    one.step(0.1)
    torch.testing.assert_close(both.parameters["x"][1:], one.parameters["x"])


@pytest.mark.parametrize("recipe", ["fast", "article", "maco", "diverse"])
def test_a_picture_depends_neither_on_its_batch_mates_nor_on_its_place(recipe: str) -> None:
    network = networks.network()
    chosen = recipes.named(recipe, size=32, steps=10)
    requests = engine.requests_for_channels("early", range(5))
    forwards = pictures_of(list(engine.render(network, requests, chosen, batch_size=8)))
    backwards = pictures_of(list(engine.render(network, requests[::-1], chosen, batch_size=4)))
    assert forwards.keys() == backwards.keys()
    for unit, picture in forwards.items():
        assert np.abs(picture.astype(int) - backwards[unit]).max() <= 2, unit


def test_pictures_get_better_and_their_scores_are_those_of_the_stored_pixels() -> None:
    network = networks.network()
    [batch] = engine.render(network, engine.requests_for_channels("late", range(12)), replace(QUICK, steps=40))
    with torch.no_grad():
        x = torch.from_numpy(batch.pictures).permute(0, 3, 1, 2).float() / 255
        means = network.run_to(x, ["late"])["late"].mean((2, 3))
        grey = network.run_to(torch.full_like(x[:1], 0.5), ["late"])["late"].mean((2, 3))
    reached = [means[row, int(unit.partition(":")[2])].item() for row, unit in enumerate(batch.units)]
    np.testing.assert_allclose(batch.activation, reached, rtol=1e-3, atol=1e-4)
    at_rest = np.array([grey[0, int(unit.partition(":")[2])].item() for unit in batch.units])
    assert (batch.activation[batch.alive] > at_rest[batch.alive]).all()
    assert batch.alive.mean() > 0.5


def test_batches_do_not_mix_layers_and_every_request_comes_back_once() -> None:
    network = networks.network()
    requests = [*engine.requests_for_channels("early", range(3)), *engine.requests_for_channels("late", range(4))]
    batches = list(engine.render(network, requests[::2] + requests[1::2], QUICK, batch_size=2))
    found = sorted((batch.layer, unit) for batch in batches for unit in batch.units)
    assert found == sorted((request.layer, request.unit) for request in requests)


def test_a_seed_gives_the_same_pictures_again_and_another_seed_others() -> None:
    network, requests = networks.network(), engine.requests_for_channels("early", [1])
    once, again, other = (next(engine.render(network, requests, QUICK, seed=seed)).pictures for seed in (0, 0, 1))
    np.testing.assert_array_equal(once, again)
    assert np.abs(once.astype(int) - other).max() > 10


def test_functional_networks_with_shared_modules_and_logits_work() -> None:
    network = networks.network(networks.Functional())
    requests = [
        engine.Request("joined", "class:3", objectives.logit(3)),
        engine.Request("joined", "channel:2", objectives.channel("joined", 2)),
    ]
    batches = list(engine.render(network, requests, QUICK))
    assert sum(len(batch.units) for batch in batches) == 2


def test_hooks_and_modes_are_gone_after_rendering_and_after_an_exception() -> None:
    network = networks.network()
    torch.set_flush_denormal(False)  # another test's build may have switched it on for the process

    def hooks(module: nn.Module) -> int:
        return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) + len(each._backward_hooks) for each in module.modules())

    rendering = engine.render(network, engine.requests_for_channels("early", range(4)), QUICK, batch_size=2)
    next(rendering)
    rendering.close()
    with pytest.raises(AtlasError):
        list(engine.render(network, engine.requests_for_channels("early", [99]), QUICK))
    assert hooks(network.module) == 0
    assert hooks(folding.folded(network, ("early",)).module) == 0
    assert torch.tensor([1e-39]).mul(1.0).bool().item(), "denormal numbers are still flushed"


def test_out_of_memory_halves_the_batch_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, tried = networks.network(), []
    make = engine._Studio.make

    def scarce(self: engine._Studio, requests: list[engine.Request], attempts: list[int]) -> object:
        tried.append(len(requests))
        if len(requests) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return make(self, requests, attempts)

    monkeypatch.setattr(engine._Studio, "make", scarce)
    found = pictures_of(list(engine.render(network, engine.requests_for_channels("early", range(8)), QUICK, batch_size=8)))
    assert len(found) == 8
    assert tried[:3] == [8, 4, 2]


def test_one_picture_too_large_for_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: engine._Studio, requests: object, attempts: object) -> object:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(engine._Studio, "make", never)
    with pytest.raises(AtlasError, match="smaller \\[features\\] size"):
        list(engine.render(networks.network(), engine.requests_for_channels("early", range(2)), QUICK))


def test_other_errors_are_not_taken_for_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: engine._Studio, requests: object, attempts: object) -> object:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(engine._Studio, "make", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        list(engine.render(networks.network(), engine.requests_for_channels("early", range(2)), QUICK))


def batch_sizes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """A list to which each step of a rendering adds how many pictures the network was shown and their side in pixels."""
    seen: list[tuple[int, int]] = []
    take_step = engine._Studio.step

    def counted(self: engine._Studio, canvases: engine._Canvases, step: int, redirect: bool) -> None:
        seen.append((len(canvases.rows), self.recipe.side(step)))
        take_step(self, canvases, step, redirect)

    monkeypatch.setattr(engine._Studio, "step", counted)
    return seen


def test_converged_pictures_leave_a_stage_and_the_others_do_not_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    network, requests = networks.network(), engine.requests_for_channels("late", range(8))
    stages = (recipes.Stage(0.75, patience=0.02), recipes.Stage(0.25, view=0.5))
    patient = replace(QUICK, size=64, steps=64, stages=stages, averaged=0.3, attempts=1)
    seen = batch_sizes(monkeypatch)
    together = pictures_of(list(engine.render(network, requests, patient)))
    at_own_side = [count for count, side in seen if side == 64]
    assert at_own_side[0] == 8 > at_own_side[-1]
    assert sorted(at_own_side, reverse=True) == at_own_side
    assert [count for count, side in seen if side == 32] == [8] * 16, "who left the first stage takes all steps of the next"
    alone = pictures_of([batch for request in requests for batch in engine.render(network, [request], patient)])
    for unit, picture in together.items():
        assert np.abs(picture.astype(int) - alone[unit]).max() <= 2, unit


def test_no_picture_leaves_a_stage_before_its_half_nor_one_that_still_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    network, requests = networks.network(), engine.requests_for_channels("late", range(4))
    for patience, steps in ((1e9, 12), (-1e9, 24)):
        seen = batch_sizes(monkeypatch)
        list(engine.render(network, requests, replace(QUICK, steps=24, stages=(recipes.Stage(patience=patience),), attempts=1)))
        assert [count for count, _ in seen] == [4] * steps
        monkeypatch.undo()


def test_variants_of_a_unit_leave_a_stage_together(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = batch_sizes(monkeypatch)
    stages = (recipes.Stage(patience=0.1),)
    varied = replace(QUICK, steps=64, stages=stages, variants=2, diversity=0.3, attempts=1)
    list(engine.render(networks.network(), engine.requests_for_channels("late", range(4)), varied))
    sizes = [count for count, _ in seen]
    assert sizes[0] == 8 > sizes[-1]
    assert all(count % 2 == 0 for count in sizes)


def test_variants_are_named_and_differ_more_with_diversity() -> None:
    network = networks.network()
    recipe = replace(QUICK, variants=3, steps=30, attempts=1)
    requests = engine.requests_for_channels("late", [4])

    def likeness(weight: float) -> float:
        batches = list(engine.render(network, requests, replace(recipe, diversity=weight)))
        found = pictures_of(batches)
        assert list(found) == ["channel:4", "channel:4~1", "channel:4~2"]
        x = torch.from_numpy(np.stack(list(found.values()))).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            responses = network.run_to(x, ["late"])
        return float(objectives.evaluate([objectives.likeness("late", "f")] * 3, responses).mean())

    assert likeness(3.0) < likeness(0.0)


def test_penalties_of_a_recipe_do_what_they_are_for() -> None:
    network, requests = networks.network(), engine.requests_for_channels("early", [0, 1, 2, 3])
    rough = pictures_of(list(engine.render(network, requests, QUICK)))
    smooth = pictures_of(list(engine.render(network, requests, replace(QUICK, total_variation=5.0))))
    roughness = [np.abs(np.diff(np.stack(list(each.values())).astype(float), axis=1)).mean() for each in (rough, smooth)]
    assert roughness[1] < roughness[0]


def test_the_articles_recipe_has_opacity_that_fades_no_further_than_it_says() -> None:
    network = networks.network()
    chosen = recipes.named("article", size=32, steps=16)
    [batch] = engine.render(network, engine.requests_for_channels("early", range(3)), replace(chosen, attempts=1))
    assert batch.pictures.shape == (3, 32, 32, 4)
    assert batch.pictures[..., 3].min() >= 255 * (1 - chosen.fading) - 1
    assert batch.pictures[..., 3].std() > 0


def test_grey_input_networks_work() -> None:
    network = networks.network(networks.Plain(channels=1), order="grey")
    [batch] = engine.render(network, engine.requests_for_channels("early", [0]), replace(QUICK, attempts=1))
    assert batch.pictures.shape == (1, 32, 32, 3)


def test_autocast_follows_the_wish_and_the_device() -> None:
    cpu = torch.device("cpu")
    assert engine.autocast_type(cpu, "float32") is None
    assert engine.autocast_type(cpu, "bfloat16") is torch.bfloat16
    assert engine.autocast_type(torch.device("mps"), "bfloat16") is None
    network = Network(networks.network().module, Preprocessing(32, (0.5,) * 3, (0.25,) * 3), networks.CLASSES)
    [batch] = engine.render(network, engine.requests_for_channels("late", [3]), replace(QUICK, attempts=1), dtype="bfloat16")
    assert np.isfinite(batch.objective).all()


# ---------------------------------------------------------------- recipes


def test_recipes_take_size_and_steps_from_the_configuration() -> None:
    chosen = recipes.recipe(FeaturesTable(recipe="article", size=64, steps=5))
    assert (chosen.name, chosen.size, chosen.steps) == ("article", 64, 5)
    assert recipes.recipe(FeaturesTable()) == recipes.RECIPES["fast"]


def test_an_unknown_recipe_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(AtlasError, match='did you mean "article"'):
        recipes.recipe(FeaturesTable(recipe="artcle"))


def test_fingerprints_change_with_everything_a_recipe_says() -> None:
    base = recipes.RECIPES["fast"]
    changed = [replace(base, steps=1), replace(base, jitter=1.0), replace(base, scales=(1.0, 1.0)), replace(base, opacity=1.0)]
    assert len({str(each.fingerprint_parts()) for each in (base, *changed)}) == 5


def test_every_recipe_names_a_parameterization_there_is() -> None:
    assert {each.parameterization for each in recipes.RECIPES.values()} <= set(PARAMETERIZATIONS)


def test_recipes_do_not_load_torch() -> None:
    code = "import sys, pipeline.featurevis.recipes as r; r.named('fast'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
