from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captum.attr import InternalInfluence, LayerGradientXActivation, LayerIntegratedGradients
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from pipeline import sweeps
from pipeline.attribution import attribute, attribute_along_paths, compute
from pipeline.config import AttributionTable, GroupsTable
from pipeline.errors import AtlasError
from pipeline.grammar import CLASSES, Activation, Atom, Attribution, Grouping, Substrate
from pipeline.grouping import cut_all
from pipeline.linearization import Linearization, Observation, batch_size, full_precision, with_batches
from pipeline.methods import METHODS, method_named, relaxes
from pipeline.network import Network, Preprocessing
from pipeline.sweeps import linear
from tests.unit import correctness
from tests.unit.networks import Functional, Plain, network

EARLY, LATE = Substrate("early", Atom.CHANNEL), Substrate("late", Atom.CHANNEL)
PLACES, LATE_PLACES = Substrate("early", Atom.SPATIAL), Substrate("late", Atom.SPATIAL)


def photograph(seed: int = 1, side: int = 24) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def close(found: np.ndarray, expected: np.ndarray, bound: float = 1e-4) -> bool:
    return found.shape == expected.shape and float(np.abs(found - expected).max()) <= bound * float(np.abs(expected).max())


def hooks(net: Network) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.module.modules())


# ------------------------------------------------------------------------------------------------------- against oracles
@pytest.mark.parametrize("case", list(correctness.cases()), ids=str)
def test_every_pair_and_method_is_the_oracles(case: correctness.Case) -> None:
    assert correctness.deviation(case) < correctness.BOUND


def test_the_table_lists_every_case() -> None:
    text = correctness.DOCUMENT.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if " → " in line and "source → target" not in line]
    assert len(rows) == len(correctness.NETWORKS) * len(correctness.SOURCES) * len(correctness.TARGETS)
    numbers = [float(cell) for line in rows for cell in line.split("|")[2:-1]]
    assert len(numbers) == len(list(correctness.cases()))
    assert max(numbers) < correctness.BOUND


def test_linear_is_captums_gradient_times_activation() -> None:
    net, x = network(), photograph()
    found = attribute(net, x, Substrate("early", Atom.NEURON), CLASSES)
    captum = LayerGradientXActivation(net.module, net.module.early)
    for k in range(5):
        expected = captum.attribute(net.preprocessing(x), target=k)[0].detach().numpy()
        assert close(found[..., k], expected)
        assert close(attribute(net, x, EARLY, CLASSES)[:, k], expected.sum((1, 2)))
        assert close(attribute(net, x, PLACES, CLASSES, relax=False)[..., k], expected.sum(0))


class Homogeneous(nn.Module):
    """A layer that scales with the input, so that paths through the input and through the layer are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.second = nn.Conv2d(6, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.second(F.max_pool2d(F.softplus(self.first(x)), 2))).mean((2, 3)))


def test_integrated_is_captums() -> None:
    net, x = network(Homogeneous()), photograph()
    net.preprocessing = Preprocessing(32, (0.0,) * 3, (1.0,) * 3)
    neurons, steps = Substrate("first", Atom.NEURON), 20
    found = attribute_along_paths(net, x, neurons, CLASSES, "integrated", steps=steps).values
    activations = net.run(x, ["first"])[0]["first"][0].detach().numpy()
    paths = LayerIntegratedGradients(net.module, net.module.first)
    influence = InternalInfluence(net.module, net.module.first)
    for k in range(5):
        expected = paths.attribute(x, torch.zeros_like(x), target=k, n_steps=steps, method="riemann_middle")[0].detach().numpy()
        assert close(found[..., k], expected)
        gradients = influence.attribute(x, torch.zeros_like(x), target=k, n_steps=steps, method="riemann_middle")[0].detach().numpy()
        assert close(found[..., k], activations * gradients)


# ------------------------------------------------------------------------------------------------------------ properties
def test_integrated_is_complete() -> None:
    net, x = network(Homogeneous()), photograph()
    source = Substrate("first", Atom.CHANNEL)
    found = attribute_along_paths(net, x, source, CLASSES, "integrated", steps=64)
    coarse = attribute_along_paths(net, x, source, CLASSES, "integrated", steps=2)
    assert np.abs(found.gap).max() < 1e-2 * np.abs(found.values).max()
    assert np.abs(found.gap).max() < np.abs(coarse.gap).max()
    assert not found.spread.any()


def test_paths_of_a_linear_network_do_not_matter() -> None:
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    net, x, source = network(module), photograph(), Substrate("0", Atom.CHANNEL)
    expected = attribute(net, x, source, CLASSES)
    for method in METHODS:
        found = attribute_along_paths(net, x, source, CLASSES, method, steps=16)
        assert close(found.values, expected)
        assert np.abs(found.spread).max() < 1e-5
        assert np.abs(found.gap).max() < 1e-4


def test_random_paths_are_monotone_from_zero_to_one_and_follow_the_seed() -> None:
    rule = METHODS["random_paths"].paths(7, 32, 4, 0)
    assert rule.points.shape == rule.shares.shape == (4, 8, 7)
    assert (rule.shares > 0).all()
    torch.testing.assert_close(rule.shares.sum(1), torch.ones(4, 7))
    assert (rule.points.diff(dim=1) > 0).all()
    assert torch.equal(rule.points, METHODS["random_paths"].paths(7, 32, 4, 0).points)
    assert not torch.equal(rule.points, METHODS["random_paths"].paths(7, 32, 4, 1).points)


def test_chosen_targets_are_columns_of_all() -> None:
    net, x = network(), photograph()
    every = attribute_along_paths(net, x, EARLY, CLASSES, "random_paths")
    chosen = attribute_along_paths(net, x, EARLY, CLASSES, "random_paths", targets=[3, 1])
    assert close(chosen.values, every.values[:, [3, 1]], 1e-6)
    assert close(chosen.gap, every.gap[[3, 1]], 1e-5)


def test_shapes_are_the_sources_then_the_targets() -> None:
    net, x = network(), photograph()
    groups = Substrate("early", Atom.GROUP, Grouping(3))
    assert attribute(net, x, PLACES, LATE_PLACES).shape == (12, 12, 6, 6)
    assert attribute(net, x, groups, Substrate("late", Atom.GROUP, Grouping(2))).shape == (3, 2)
    assert attribute(net, x, Substrate("early", Atom.WHOLE), CLASSES).shape == (5,)
    assert attribute(net, x, Substrate("input", Atom.SPATIAL), LATE).shape == (24, 24, 12)
    assert attribute(net, x, groups, LATE, "integrated", steps=2).shape == (3, 12)
    assert attribute(net, x, EARLY, LATE).dtype == np.float32


def test_the_input_is_a_layer() -> None:
    net, x = network(), photograph()
    found = attribute(net, x, Substrate("input", Atom.NEURON), CLASSES)
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net.logits(leaf)[0, 2], leaf)
    assert close(found[..., 2], (x * gradient)[0].numpy())


def test_relaxation_is_for_spatial_sources_by_default_only() -> None:
    assert relaxes("linear", PLACES)
    assert not relaxes("linear", EARLY)
    assert not relaxes("integrated", PLACES)
    assert relaxes("linear", EARLY, True)
    net, x = network(), photograph()
    assert close(attribute(net, x, PLACES, CLASSES), attribute(net, x, PLACES, CLASSES, relax=True), 1e-6)
    assert not close(attribute(net, x, PLACES, CLASSES), attribute(net, x, PLACES, CLASSES, relax=False), 1e-2)
    assert close(attribute(net, x, EARLY, CLASSES), attribute(net, x, EARLY, CLASSES, relax=False), 1e-6)


# ---------------------------------------------------------------------------------------------- pushing, pulling, batches
def both_directions(net: Network, x: torch.Tensor, source: Substrate, target: Substrate, relax: bool) -> list[np.ndarray]:
    observation = Observation(net, x, [source.layer, target.layer])
    cuts = cut_all(observation, [source, target], {})
    linearized = Linearization(observation, [source.layer, target.layer], 7, relax)
    chosen = [sweeps.Sweeps.pulling([(source, target)], pulled) for pulled in ([], [target])]
    return [sweeps.sweep(linearized, cuts, each)[source, target] for each in chosen]


@pytest.mark.parametrize("relax", [False, True])
@pytest.mark.parametrize(("source", "target"), [(EARLY, LATE), (PLACES, LATE_PLACES), (EARLY, CLASSES), (PLACES, CLASSES)])
def test_pushing_is_pulling(source: Substrate, target: Substrate, relax: bool) -> None:
    pushed, pulled = both_directions(network(), photograph(), source, target, relax)
    assert close(pushed, pulled, 1e-5)


def test_results_do_not_depend_on_memory() -> None:
    net, x = network(), photograph()
    observation = Observation(net, x, ["early", "late"])
    assert batch_size(observation, 1) == 1
    assert batch_size(observation) > 1
    for source, target in ((PLACES, CLASSES), (EARLY, LATE)):
        assert close(attribute(net, x, source, target, memory=1), attribute(net, x, source, target), 1e-5)
    assert close(attribute(net, x, EARLY, CLASSES, "integrated", memory=1), attribute(net, x, EARLY, CLASSES, "integrated"), 1e-5)


def test_running_out_of_memory_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = network(), photograph()
    expected = attribute(net, x, EARLY, CLASSES)
    tried: list[int] = []

    class Small(Linearization):
        def __init__(self, observation, layers, batch, relax=False) -> None:
            tried.append(batch)
            if batch > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            super().__init__(observation, layers, batch, relax)

    monkeypatch.setattr(sweeps, "Linearization", Small)
    assert close(attribute(net, x, EARLY, CLASSES), expected, 1e-5)
    assert tried == [16, 8, 4]


def test_a_single_row_that_does_not_fit_is_an_error_in_words() -> None:
    def run(batch: int) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte")

    with pytest.raises(AtlasError, match="memory ran out"):
        with_batches(run, 8)
    with pytest.raises(ZeroDivisionError):
        with_batches(lambda batch: 1 // 0, 8)


class OnceDifferentiable(torch.autograd.Function):
    """x² whose gradient cannot be differentiated again."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


class Squaring(nn.Module):
    def __init__(self, square) -> None:
        super().__init__()
        self.early, self.head, self.square = nn.Conv2d(3, 4, 3), nn.Linear(4, 20), square

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.square(self.early(x)).mean((2, 3)))


def half_hidden(x: torch.Tensor) -> torch.Tensor:
    """x², half of it by the function whose second derivative is hidden."""
    return 0.5 * OnceDifferentiable.apply(x) + 0.5 * x * x


@pytest.mark.parametrize("square", [OnceDifferentiable.apply, half_hidden])
def test_gradients_that_cannot_be_differentiated_are_pulled(square) -> None:
    x = photograph()
    found, expected = (attribute(network(Squaring(each)), x, EARLY, CLASSES) for each in (square, torch.square))
    assert close(found, expected, 1e-5)


class Bypass(nn.Module):
    """A path around the layer that insists on equal batch sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.around, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.early(x).relu() ** 2, self.around(x)], 1).mean((2, 3)))


def test_paths_around_a_layer_do_not_disturb() -> None:
    net, x = network(Bypass()), photograph()
    captum = LayerGradientXActivation(net.module, net.module.early)
    found = attribute(net, x, Substrate("early", Atom.NEURON), CLASSES)
    assert close(found[..., 1], captum.attribute(net.preprocessing(x), target=1)[0].detach().numpy())


# ------------------------------------------------------------------------------------------------------------- mistakes
class Odd(nn.Module):
    """Layers that return a tuple, tokens, nothing but zeros and NaN, and one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.tokens, self.zeros, self.broken = Pair(), Tokens(), Zeros(), Broken()
        self.unused, self.conv, self.head = nn.Identity(), nn.Conv2d(3, 4, 3), nn.Linear(4, 5)
        self.fail = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        x = self.pair(x)[0] + self.zeros(x) + self.tokens(x).mean() * 0 + self.broken(x).nan_to_num() * 0
        if self.fail:
            raise ZeroDivisionError
        return self.head(x.mean((2, 3)))


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Tokens(nn.Module):
    def forward(self, x):
        return x.flatten(2).transpose(1, 2)


class Zeros(nn.Module):
    def forward(self, x):
        return x * 0


class Broken(nn.Module):
    def forward(self, x):
        return x / 0


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("late.channel", "early.channel", r'from layer "late" to "early".*comes before it.*running order: input, early, late, output'),
        ("early.channel", "early.spatial", "is the same layer"),
        ("erly.channel", "output.neuron", 'no layer "erly".*did you mean "early"'),
        ("output.neuron", "early.channel", "comes before it"),
    ],
)
@pytest.mark.parametrize("method", ["linear", "integrated"])
def test_pairs_that_do_not_exist(source: str, target: str, message: str, method: str) -> None:
    with pytest.raises(AtlasError, match=message):
        attribute(network(), photograph(), Substrate.parse(source), Substrate.parse(target), method)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("pair", '"pair".*returns tuple'),
        ("tokens", r'"tokens".*returns shape \[1, 484, 4\].*needs \[N, C, H, W\]'),
        ("zeros", '"zeros".*zero everywhere'),
        ("broken", '"broken".*NaN or infinite'),
        ("unused", '"unused".*no part'),
    ],
)
def test_layers_that_do_not_suit(layer: str, message: str) -> None:
    net = network(Odd())
    with pytest.raises(AtlasError, match=message):
        attribute(net, photograph(), Substrate(layer, Atom.CHANNEL), CLASSES)
    assert hooks(net) == 0


def test_a_layer_that_runs_twice_is_named() -> None:
    with pytest.raises(AtlasError, match=r'"shared".*runs more than once'):
        attribute(network(Functional()), photograph(), Substrate("shared", Atom.CHANNEL), CLASSES)


class Parallel(nn.Module):
    """Two branches, neither of which depends on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.left(x) * self.right(x)).mean((2, 3)))


@pytest.mark.parametrize("method", ["linear", "integrated"])
def test_branches_do_not_depend_on_each_other(method: str) -> None:
    left, right = Substrate("left", Atom.CHANNEL), Substrate("right", Atom.CHANNEL)
    with pytest.raises(AtlasError, match=r'from layer "left" to "right".*does not depend on it'):
        attribute(network(Parallel()), photograph(), left, right, method)


def test_unknown_method_is_named() -> None:
    with pytest.raises(AtlasError, match='no attribution method "linaer"; did you mean "linear"'):
        method_named("linaer")
    with pytest.raises(AtlasError, match="known are: linear, integrated, random_paths"):
        attribute(network(), photograph(), EARLY, CLASSES, "xyz")


def test_hooks_and_modes_are_gone_after_exceptions() -> None:
    net = network(Odd())
    net.module.fail = True
    for method in METHODS:
        with pytest.raises(ZeroDivisionError):
            attribute(net, photograph(), Substrate("conv", Atom.SPATIAL), CLASSES, method)
        assert hooks(net) == 0
        assert not _get_current_function_mode_stack()


def test_precision_is_full_inside_and_as_before_outside() -> None:
    before = torch.backends.cudnn.allow_tf32
    with full_precision():
        assert not torch.backends.cudnn.allow_tf32
    with pytest.raises(ZeroDivisionError), full_precision():
        _ = 1 // 0
    assert torch.backends.cudnn.allow_tf32 == before


# ------------------------------------------------------------------------------------------------------- one photograph
GROUPS = Substrate("late", Atom.GROUP, Grouping(3))
ALIGNED = Substrate("early", Atom.GROUP, Grouping(3, ("late", 3)))
CONTENTS = [
    Activation(CLASSES),
    Activation(EARLY),
    Activation(PLACES),
    Activation(GROUPS),
    Activation(ALIGNED),
    Attribution(EARLY, CLASSES),
    Attribution(PLACES, CLASSES),
    Attribution(LATE_PLACES, CLASSES),
    Attribution(EARLY, LATE),
    Attribution(PLACES, LATE_PLACES),
    Attribution(ALIGNED, GROUPS),
    Attribution(ALIGNED, CLASSES),
    Attribution(GROUPS, CLASSES),
]


def test_a_photograph_holds_what_was_asked_for() -> None:
    net, x = network(), photograph()
    arrays = compute(net, x, CONTENTS)
    assert arrays["logits"].values.dtype == np.float32
    assert arrays["logits"].units == "logits"
    assert arrays["activation/early"].values.dtype == np.float16
    assert arrays["activation/early"].dims == ("channel", "y", "x")
    for content in CONTENTS:
        if isinstance(content, Attribution) and Atom.GROUP not in (content.source.atom, content.target.atom):
            array = arrays[content.path]
            assert array.values.dtype == np.float16
            assert close(array.values.astype(np.float32), attribute(net, x, content.source, content.target), 1e-3)
    assert arrays["attribution/early.spatial/late.spatial"].dims == ("source_y", "source_x", "target_y", "target_x")
    assert arrays["attribution/early.spatial/output.neuron"].dims == ("y", "x", "class")
    assert arrays["attribution/early.channel/output.neuron"].units == "logits"
    for name, dims in {"spatial": ("group", "y", "x"), "channels": ("group", "channel"), "magnitude": ("group",), "explained": ()}.items():
        assert arrays[f"group/late/3/{name}"].dims == dims
    assert arrays["group/early/3@late@3/concentration"].values.shape == (3,)
    assert not any(name.startswith("compare/") for name in arrays)


def test_groups_and_residual_are_the_whole() -> None:
    arrays = compute(network(), photograph(), CONTENTS)
    whole = attribute(network(), photograph(), Substrate("early", Atom.WHOLE), CLASSES)
    groups, residual = arrays[f"attribution/{ALIGNED}/{CLASSES}"].values, arrays[f"residual/{ALIGNED}/{CLASSES}/of_source"].values
    assert close(groups.sum(0) + residual, whole, 1e-3)
    channels = attribute(network(), photograph(), EARLY, CLASSES)
    assert close(groups.sum(0) + residual, channels.sum(0), 1e-3)
    cube = network().run(photograph(), ["late"])[0]["late"][0].numpy()
    w, h = arrays["group/late/3/spatial"].values, arrays["group/late/3/channels"].values
    left = np.linalg.norm(cube - np.einsum("nyx,nc->cyx", w, h), axis=0)
    assert close(arrays["group/late/3/residual"].values, left, 1e-4)


def test_residuals_at_both_ends() -> None:
    net, x = network(), photograph()
    arrays = compute(net, x, CONTENTS)
    path = f"{ALIGNED}/{GROUPS}"
    assert arrays[f"attribution/{path}"].values.shape == (3, 3)
    assert arrays[f"residual/{path}/of_source"].values.shape == (3,)
    assert arrays[f"residual/{path}/of_target"].values.shape == (3,)
    assert arrays[f"residual/{path}/of_both"].values.shape == ()
    observation = Observation(net, x, ["early", "late"])
    whole = Substrate("early", Atom.WHOLE)
    found = linear(observation, cut_all(observation, [whole, GROUPS], {}), [(whole, GROUPS)], False)[whole, GROUPS]
    sums = arrays[f"attribution/{path}"].values.sum(0) + arrays[f"residual/{path}/of_source"].values
    assert close(sums, found[:3], 1e-3)
    left = arrays[f"residual/{path}/of_target"].values.sum() + arrays[f"residual/{path}/of_both"].values
    assert close(np.atleast_1d(left), found[3:], 1e-3)


def test_comparisons_are_kept_for_the_most_probable_classes() -> None:
    net, x = network(), photograph()
    settings = AttributionTable(compare=("integrated", "random_paths"), compare_classes=2, steps=8, paths=3)
    arrays = compute(net, x, CONTENTS, settings)
    classes = arrays["compare/classes"].values
    np.testing.assert_array_equal(classes, np.argsort(-arrays["logits"].values)[:2])
    for method in settings.compare:
        expected = attribute_along_paths(net, x, EARLY, CLASSES, method, targets=classes.tolist(), steps=8, paths=3)
        assert close(arrays[f"compare/{method}/{EARLY}/mean"].values.astype(np.float32), expected.values, 1e-3)
        assert close(arrays[f"compare/{method}/early/gap"].values, expected.gap, 1e-3)
    assert close(arrays[f"compare/random_paths/{EARLY}/spread"].values.astype(np.float32), expected.spread, 1e-2)
    assert f"compare/integrated/{EARLY}/spread" not in arrays
    groups, left = arrays[f"compare/integrated/{ALIGNED}/mean"].values, arrays[f"compare/integrated/{ALIGNED}/residual"].values
    channels = arrays[f"compare/integrated/{EARLY}/mean"].values
    assert groups.shape == (3, 2)
    assert close(groups.astype(np.float32).sum(0) + left, channels.astype(np.float32).sum(0), 1e-2)


def test_the_configuration_knows_every_method() -> None:
    assert get_args(AttributionTable.model_fields["method"].annotation) == tuple(METHODS)


def test_saliency_keeps_signs_apart() -> None:
    arrays = compute(network(), photograph(), CONTENTS, AttributionTable(factors=3))
    assert arrays["saliency/classes"].values.shape == (5,)
    for name in ("for", "against"):
        assert arrays[f"saliency/{name}/classes"].values.shape == (3, 5)
        assert arrays[f"saliency/{name}/early/spatial"].values.shape == (3, 12, 12)
        assert arrays[f"saliency/{name}/late/colours"].values.dtype == np.uint8


def test_relaxation_can_be_switched_off() -> None:
    net, x = network(), photograph()
    path = f"attribution/{PLACES}/{CLASSES}"
    on, off = (compute(net, x, CONTENTS, AttributionTable(relax_pooling=flag))[path].values.astype(np.float32) for flag in (True, False))
    assert close(on, attribute(net, x, PLACES, CLASSES, relax=True), 1e-3)
    assert close(off, attribute(net, x, PLACES, CLASSES, relax=False), 1e-3)


def test_a_configured_method_is_used_for_all_pairs() -> None:
    net, x = network(), photograph()
    contents = [Attribution(EARLY, CLASSES), Attribution(EARLY, LATE)]
    arrays = compute(net, x, contents, AttributionTable(method="integrated", steps=4))
    for content in contents:
        expected = attribute(net, x, content.source, content.target, "integrated", steps=4)
        assert close(arrays[content.path].values.astype(np.float32), expected, 1e-3)


def test_what_groups_preserve_is_a_choice() -> None:
    net, x = network(), photograph()
    contents = [Activation(Substrate("early", Atom.GROUP, Grouping(3)))]
    plain, balanced = (
        compute(net, x, contents, None, GroupsTable(preserve=preserve))
        for preserve in ({"activations": 1.0}, {"activations": 0.2, "attributions": 1.0, "gradients": 0.5})
    )
    assert plain["group/early/3/explained"].values > balanced["group/early/3/explained"].values > 0


def test_activations_alone_need_no_gradients() -> None:
    net, x = network(Odd()), photograph()
    arrays = compute(net, x, [Activation(CLASSES), Activation(Substrate("zeros", Atom.WHOLE))])
    assert set(arrays) == {"logits", "activation/zeros"}


@pytest.mark.parametrize("module", [Plain, Functional])
def test_the_network_is_as_it_was(module) -> None:
    net, x = network(module()), photograph()
    before = {name: value.clone() for name, value in net.module.state_dict().items()}
    source = Substrate("early" if module is Plain else "joined", Atom.SPATIAL)
    attribute(net, x, source, CLASSES)
    assert hooks(net) == 0
    assert all(torch.equal(value, before[name]) for name, value in net.module.state_dict().items())
