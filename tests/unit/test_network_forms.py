"""The forms in which people have their networks: wrapped, reused modules, any input and output."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline import probe
from pipeline.errors import AtlasError
from pipeline.network import Network, Preprocessing, colours_for
from tests.unit.layouts import Answer, Reused
from tests.unit.networks import CLASSES, Plain, close, network, photograph

RGB = Preprocessing(32, (0.0,) * 3, (1.0,) * 3)
X = photograph()


# ------------------------------------------------------------------------------------------- calls
def reused() -> Network:
    return Network(Reused(), RGB, CLASSES, "tiny", output="scores")


def test_every_call_of_a_module_is_a_layer() -> None:
    net = reused()
    caught, logits = net.run(X, ["relu#1", "relu#2"])
    first = net.module.first(X).relu()
    second = net.module.second(first).relu()
    torch.testing.assert_close(caught["relu#1"], first)
    torch.testing.assert_close(caught["relu#2"], second)
    torch.testing.assert_close(logits, net.module.head(second.mean((2, 3))))
    assert set(net.run_to(X, ["relu#2"])) == {"relu#2"}
    layers = {layer.name for layer in probe.probe(net, "w").layers}
    assert {"relu#1", "relu#2"} < layers
    assert "relu" not in layers


def test_one_call_is_replaced_and_the_others_are_not() -> None:
    net = reused()
    with net.capture(["relu#2"], substitute=lambda _, output: output * 0) as caught:
        logits = net.logits(X)
    assert not caught["relu#2"].any()
    torch.testing.assert_close(logits[0], net.module.head.bias)


def test_a_call_that_does_not_happen() -> None:
    with pytest.raises(AtlasError, match='"relu#3" of tiny takes no part'):
        reused().run(X, ["relu#3"])
    with pytest.raises(AtlasError, match=r'more than once.*name one call, "relu#1" to "relu#2"'):
        reused().run(X, ["relu"])


# ---------------------------------------------------------------------------------------- wrappers
@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile])
def test_wrappers_are_taken_off(wrap: Any) -> None:
    plain = network(Plain())
    wrapped = Network(wrap(plain.module), plain.preprocessing, CLASSES)
    assert [name for name, _ in wrapped.module.named_modules()] == [
        name for name, _ in plain.module.named_modules()
    ]
    torch.testing.assert_close(wrapped.logits(X), plain.logits(X))
    assert [each.name for each in probe.probe(wrapped, "w").layers] == [
        each.name for each in probe.probe(plain, "w").layers
    ]


def test_wrappers_inside_are_taken_off_the_copy_only() -> None:
    module = Plain()
    module.early = torch.compile(module.early)
    net = Network(module, RGB, CLASSES)
    assert type(net.module.early) is nn.Sequential
    assert type(module.early) is not nn.Sequential
    assert net.run_to(X, ["early.1"])["early.1"].shape[1] == 8


def test_training_mode_and_frozen_weights() -> None:
    module = Plain().train()
    module.requires_grad_(False)
    profile = probe.probe(Network(module, RGB, CLASSES), "w")
    assert profile.layer("late").bottleneck
    assert probe.suggest(profile)[-1] == "late"


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).mean((2, 3))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_module_is_refused_with_the_reason() -> None:
    net = Network(torch.jit.script(Flat()), RGB, CLASSES, "scripted")
    with pytest.raises(AtlasError, match=r"scripted: is a scripted module.*give the module that"):
        probe.probe(net, "w")


def compiled_in_place() -> nn.Module:
    module = Plain()
    module.compile()
    module.early.forward = torch.compile(module.early.forward)
    return module


def traced_inside() -> nn.Module:
    module = Plain()
    module.early = torch.jit.trace(module.early, torch.rand(1, 8, 12, 12))
    return module


def doubling(function: Any) -> Any:
    @functools.wraps(function)
    def doubled(*inputs: Any) -> Any:
        return 2 * function(*inputs)

    return doubled


class CompiledOutside(Plain):
    @torch.compile
    @doubling
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class CompiledInside(Plain):
    @doubling
    @torch.compile(backend="eager")
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


@pytest.mark.parametrize("form", [CompiledOutside, CompiledInside])
def test_other_decorators_of_what_is_compiled_stay(form: type[nn.Module]) -> None:
    torch.manual_seed(0)
    net = Network(form(), RGB, CLASSES, "tiny")
    torch.manual_seed(0)
    plain = Network(Plain(), RGB, CLASSES, "tiny")
    torch.testing.assert_close(net.logits(X), 2 * plain.logits(X), rtol=1e-3, atol=1e-4)
    assert net.run_to(X, ["late"])["late"].shape[1] == 12


def test_a_compiled_function_that_is_no_method_takes_no_module() -> None:
    module = Plain()
    module.late[1].forward = torch.compile(torch.sin)
    found = Network(module, RGB, CLASSES, "tiny").run(X, ["late.0", "late.1"])[0]
    torch.testing.assert_close(found["late.1"], found["late.0"].sin())


def in_half_precision() -> nn.Module:
    return Plain().half()


FORMS = [compiled_in_place, traced_inside, in_half_precision]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", FORMS)
def test_other_forms_of_a_module_give_the_same_logits_and_layers(form: Any) -> None:
    torch.manual_seed(0)
    net = Network(form(), RGB, CLASSES, "tiny")
    torch.manual_seed(0)
    plain = Network(Plain(), RGB, CLASSES, "tiny")
    torch.testing.assert_close(net.logits(X), plain.logits(X), rtol=1e-2, atol=1e-3)
    assert not any(each.requires_grad for each in net.module.parameters())
    profile = probe.probe(net, "w")
    assert probe.suggest(profile)[-1] == "late"
    assert profile.layer("late").bottleneck


def exported() -> nn.Module:
    return torch.export.export(Plain().eval(), (torch.rand(1, 3, 32, 32),)).module()


def scripted_within() -> nn.Module:
    return nn.Sequential(nn.Identity(), torch.jit.script(Flat()))


def quantized() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(Plain(), {nn.Linear}, dtype=torch.qint8)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("form", "message"),
    [
        (exported, "none of its modules runs .*give the module that was exported"),
        (
            scripted_within,
            "tiny: its weights are in scripted modules, .*give the modules that were",
        ),
        (quantized, "no gradient leads .*give the network that was trained"),
    ],
)
def test_forms_that_hide_their_layers_are_refused(form: Any, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        probe.probe(Network(form(), RGB, CLASSES, "tiny"), "w")


# ----------------------------------------------------------------------------------------- outputs
def returning(make: Any, output: str | None = None) -> Network:
    class Returning(Plain):
        def forward(self, x: Tensor) -> Any:
            return make(super().forward(x), x)

    torch.manual_seed(0)
    return Network(Returning(), RGB, CLASSES, "tiny", output=output)


@pytest.mark.parametrize(
    ("make", "output"),
    [
        (lambda y, _: (y, y * 2), None),
        (lambda y, x: [x, y], None),
        (lambda y, x: {"hidden": x, "logits": y, "other": y * 2}, None),
        (lambda y, x: {"hidden": x, "scores": y}, None),
        (lambda y, x: Answer(x, y), None),
        (lambda y, _: {"a": y * 2, "b": y}, "b"),
        (lambda y, _: (y * 2, y), "1"),
        (lambda y, _: (y * 2, y), "-1"),
        (lambda y, x: Answer(x, y), "scores"),
        (lambda y, _: y[:, :, None, None], None),
    ],
)
def test_logits_are_found(make: Any, output: str | None) -> None:
    expected = returning(lambda y, _: y).logits(X)
    torch.testing.assert_close(returning(make, output).logits(X), expected)


@pytest.mark.parametrize("make", [lambda y, _: y[:, 0], lambda y, _: y[:, :1]])
def test_one_output_is_a_no_and_a_yes(make: Any) -> None:
    z = returning(lambda y, _: y).logits(X)[0, 0]
    logits = returning(make).logits(X)
    assert logits.shape == (1, 2)
    probabilities = logits.softmax(1)[0]
    torch.testing.assert_close(probabilities[1], z.sigmoid())
    torch.testing.assert_close(logits[0, 1] - logits[0, 0], z)


@pytest.mark.parametrize(
    ("make", "output", "message"),
    [
        (lambda y, _: {"a": y, "b": y}, None, 'dict with "a" .*name one of them in "model.output"'),
        (lambda y, _: {"a": y, "b": y}, "bb", 'no "bb" in what .*; did you mean "b"?'),
        (lambda y, _: (y, y), "2", 'no "2" in what the network returns; it is a tuple'),
        (lambda y, x: x, None, r"got shape \[1, 3, 24, 24\]; wrap the module"),
        (lambda y, _: "five", None, "got str; wrap the module"),
    ],
)
def test_outputs_without_logits(make: Any, output: str | None, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        returning(make, output).logits(X)


# ------------------------------------------------------------------------------------------ inputs
def test_any_number_of_input_channels() -> None:
    order = ("blue", "grey", "zero", "red", "green")
    prepared = Preprocessing(32, (0.1,) * 5, (0.5,) * 5, order)
    found = prepared(X).numpy()
    red, green, blue = X[0].numpy()
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    for channel, values in enumerate((blue, grey, red * 0, red, green)):
        assert close(found[0, channel], (values - 0.1) / 0.5)


def test_what_channels_get_by_default() -> None:
    assert colours_for(1) == "grey"
    assert colours_for(2) == ("grey", "grey")
    assert colours_for(3) == "rgb"
    assert colours_for(5) == ("red", "green", "blue", "grey", "grey")
    assert Preprocessing(8, (0.0,), (1.0,), "bgr").colours == ("blue", "green", "red")
    with pytest.raises(AtlasError, match='no colour "gren"; did you mean "green"'):
        _ = Preprocessing(8, (0.0,), (1.0,), ("gren",)).colours
