"""Layers that are not [N, C, H, W]: recognised, seen as cubes, and put back as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from pipeline import probe
from pipeline.attribution import attribute
from pipeline.attribution.observation import Observation
from pipeline.attribution.rest import RestOfNetwork
from pipeline.errors import AtlasError
from pipeline.grammar import CHANNEL, CLASSES, OUTPUT, SPATIAL, Substrate
from pipeline.network import Layout, Network
from pipeline.network.layouts import candidates, grid
from tests.unit.layouts import SIDE, ChannelsLast, Tokens, Unfolded, Windows
from tests.unit.networks import Plain, network, photograph

X = photograph(side=SIDE)


def layouts(net: Network) -> dict[str, str]:
    return {layer.name: layer.layout for layer in probe.probe(net, "w").layers}


# ------------------------------------------------------------------------------------ recognition
@pytest.mark.parametrize("apart", [0, 1, 5])
def test_tokens_are_recognised(apart: int) -> None:
    found = layouts(network(Tokens(apart)))
    wanted = f"NTC+{apart}" if apart else "NTC"
    assert found["patch"] == "NCHW"
    assert {found[f"blocks.{index}"] for index in range(3)} == {wanted}
    assert found["blocks.1.mlp.1"] == wanted
    assert found["head"] == ""


def test_channels_last_are_recognised_even_where_all_sides_are_equal() -> None:
    found = layouts(network(ChannelsLast()))
    assert (found["stem"], found["square"]) == ("NCHW", "NHWC")
    assert (found["down"], found["late.1"], found["late"]) == ("NCHW", "NHWC", "NHWC")


def test_convolutions_need_no_second_look() -> None:
    net = network(Plain())
    net.run(photograph(), ["early", "late"])
    assert set(layouts(net).values()) == {"NCHW", ""}


@pytest.mark.parametrize("module", [Windows, Unfolded])
def test_windows_are_no_cubes(module: type[nn.Module]) -> None:
    profile = probe.probe(network(module()), "w")
    by_name = {layer.name: layer for layer in profile.layers}
    assert by_name["inside"].objection
    assert by_name["joined"].layout == "NCHW"
    assert probe.suggest(profile) == ("joined",)


def test_what_does_not_move_with_the_picture_is_not_taken_for_positions() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 16, 4, 4)
            self.queries = nn.Linear(16, 16)  # sixteen mixtures of all positions: no 4 × 4 grid
            self.head = nn.Linear(16, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x).flatten(2)
            mixed = torch.einsum("nct,ndt->ncd", x, x.softmax(-1))
            return self.head(self.queries(mixed).mean(1))

    assert layouts(network(Pooled()))["queries"] == ""


def test_candidates_by_shape() -> None:
    def of(*shape: int, canvas: tuple[int, int] = (64, 64)) -> list[str]:
        return [str(each) for each in candidates(shape, canvas)]

    assert of(3, 8, 8) == ["NCHW"]
    assert of(8, 8, 3) == ["NHWC"]
    assert of(8, 8, 8) == ["NCHW", "NHWC"]
    assert of(65, 12) == ["NTC+1"]
    assert of(69, 12) == ["NTC+5"]
    assert of(128, 12, canvas=(32, 64)) == ["NTC"]
    assert of(6, 8, 16, canvas=(32, 64)) == ["NCHW"]
    assert of(7) == []
    assert grid(8 * 16, (32, 64)) == (8, 16)
    assert grid(7, (64, 64)) is None


@pytest.mark.parametrize("text", ["NCWH", "NHWC+1", "ntc", ""])
def test_unknown_layouts(text: str) -> None:
    with pytest.raises(AtlasError, match="no layout"):
        Layout.parse(text)


def test_a_layout_can_be_set() -> None:
    net = replace(network(ChannelsLast()), layouts={"square": "NCHW"})
    square = net.run_to(X, ["square"])["square"]
    assert torch.equal(square, net.module.square(stem(net).permute(0, 2, 3, 1)))
    wrong = replace(net, layouts={"square": "NTC"})
    with pytest.raises(AtlasError, match=r'"model.layouts.square".*cannot be NTC'):
        wrong.run_to(X, ["square"])


def stem(net: Network) -> Tensor:
    return net.module.stem(net.preprocessing(X))


# ------------------------------------------------------------------------------------ translation
@pytest.mark.parametrize("text", ["NCHW", "NHWC", "NTC", "NTC+3"])
def test_a_cube_put_back_is_the_output(text: str) -> None:
    layout, tokens = Layout.parse(text), 8 * 8 + (3 if "+" in text else 0)
    shape = (2, tokens, 5) if text.startswith("NTC") else (2, 5, 8, 8)
    output = torch.randn(shape if text != "NHWC" else (2, 8, 8, 5))
    cube = layout.cube(output, (64, 64))
    assert cube.shape == (2, 5, 8, 8)
    assert torch.equal(layout.restore(cube, output), output)


def test_positions_are_row_by_row() -> None:
    net = network(Tokens(1))
    cube = net.run_to(X, ["blocks.0"])["blocks.0"]
    x = net.module.patch(net.preprocessing(X)).flatten(2).transpose(1, 2)
    tokens = torch.cat([net.module.apart[None], x], 1) + net.module.position
    expected = net.module.blocks[0](tokens)
    torch.testing.assert_close(cube[0, :, 2, 5], expected[0, 1 + 2 * 8 + 5])


@pytest.mark.parametrize(("module", "layer"), [(Tokens(1), "blocks.1"), (ChannelsLast(), "late")])
def test_logits_stay_what_they_are(module: nn.Module, layer: str) -> None:
    net = network(module)
    caught, logits = net.run(X, [layer])
    torch.testing.assert_close(logits, net.module(net.preprocessing(X)))
    assert caught[layer].shape[2] == caught[layer].shape[3]


def test_tokens_that_are_apart_pass_by() -> None:
    net = network(Tokens(1))
    with net.capture(["blocks.1"], substitute=lambda _, cube: cube * 0):
        replaced = net.logits(X)

    def without_positions(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return torch.cat([output[:, :1], output[:, 1:] * 0], 1)

    handle = net.module.blocks[1].register_forward_hook(without_positions)
    torch.testing.assert_close(replaced, net.logits(X))
    handle.remove()


# ------------------------------------------------------------------------------------ attribution
@pytest.mark.parametrize(
    ("module", "layer"),
    [(Tokens(1), "blocks.0"), (Tokens(0), "blocks.2"), (ChannelsLast(), "late")],
)
def test_attributions_are_those_of_the_output(module: nn.Module, layer: str) -> None:
    net = network(module)
    found = attribute(net, X, Substrate(layer, CHANNEL), CLASSES, "linear")
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[0]

    handle = net.layer(layer).register_forward_hook(keep)
    logits = net.module(net.preprocessing(X))
    handle.remove()
    for k in range(5):
        (gradient,) = torch.autograd.grad(logits[0, k], kept[0], retain_graph=True)
        products = (gradient * kept[0]).detach()[0]
        apart = 1 if products.ndim == 2 and products.shape[0] % 2 else 0
        expected = products[apart:].reshape(-1, products.shape[-1]).sum(0)
        torch.testing.assert_close(torch.from_numpy(found[:, k]), expected, rtol=1e-3, atol=1e-5)


def test_the_rest_of_a_transformer_runs_from_many_cubes() -> None:
    net = network(Tokens(1))
    observation = Observation(net, X, ["blocks.1"])
    cube = observation.cubes["blocks.1"]
    rest = RestOfNetwork(observation, "blocks.1")
    with torch.no_grad():
        logits = rest.run(torch.stack([cube, cube * 0, 2 * cube]))[OUTPUT]
    torch.testing.assert_close(logits[:1], net.logits(X))
    for row, factor in ((1, 0.0), (2, 2.0)):
        with net.capture(["blocks.1"], substitute=lambda _, a, f=factor: a * f):
            torch.testing.assert_close(logits[row : row + 1], net.logits(X))


def test_shares_of_positions_of_a_transformer_add_up() -> None:
    net = network(Tokens(0))
    shares = attribute(net, X, Substrate("blocks.1", SPATIAL), CLASSES, "shares")
    with net.capture(["blocks.1"], substitute=lambda _, cube: cube * 0):
        without = net.logits(X)
    change = (net.logits(X) - without)[0].numpy()
    assert abs(shares.sum((0, 1)) - change).max() < 0.02 * abs(change).max()


# ----------------------------------------------------------------------------------------- cuts
def test_a_class_token_goes_around_the_positions() -> None:
    profile = probe.probe(network(Tokens(1)), "w")
    by_name = {layer.name: layer for layer in profile.layers}
    assert by_name["patch"].bottleneck
    block = by_name["blocks.1"]
    assert (block.bottleneck, block.whole, block.is_cut, block.apart) == (False, True, True, 1)
    assert not by_name["blocks.1.mlp"].is_cut
    # The logits are read from the class token alone.
    assert not by_name["blocks.2"].counts
    assert by_name["blocks.2"].reservation
    assert probe.suggest(profile) == ("blocks.0", "blocks.1")
    assert "bypassed by 1 token" in "\n".join(probe.table(profile, []))


def test_without_a_class_token_blocks_are_bottlenecks() -> None:
    profile = probe.probe(network(Tokens(0)), "w")
    by_name = {layer.name: layer for layer in profile.layers}
    assert all(by_name[f"blocks.{index}"].bottleneck for index in range(3))
    assert by_name["blocks.2"].counts
    assert probe.suggest(profile) == ("blocks.0", "blocks.1", "blocks")
