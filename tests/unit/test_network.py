import pytest
import torch
from torch import nn

from pipeline.errors import AtlasError
from pipeline.network import Network, Preprocessing
from tests.unit.networks import Functional, Plain, network


def hooks(net: Network) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.module.modules())


def picture(seed: int = 1) -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("order", "channels"), [("rgb", [0, 1, 2]), ("bgr", [2, 1, 0])])
def test_preprocessing_is_the_formula(order: str, channels: list[int]) -> None:
    mean, std = (0.1, 0.2, 0.3), (1.0, 2.0, 4.0)
    x = torch.rand(2, 3, 4, 5)
    expected = (x.numpy()[:, channels] - torch.tensor(mean).numpy()[:, None, None]) / torch.tensor(std).numpy()[:, None, None]
    torch.testing.assert_close(Preprocessing(4, mean, std, order)(x), torch.from_numpy(expected))


def test_grey_is_luma() -> None:
    x = torch.rand(1, 3, 2, 2)
    luma = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    torch.testing.assert_close(Preprocessing(2, (0.5,), (0.25,), "grey")(x)[:, 0], (luma - 0.5) / 0.25)


def test_layers_are_what_the_network_computes() -> None:
    net = network()
    caught, logits = net.run(picture(), ["early", "late"])
    stem = net.module.stem(net.preprocessing(picture()))
    torch.testing.assert_close(caught["early"], net.module.early(stem))
    torch.testing.assert_close(logits, net.module.head(caught["late"].mean((2, 3))))
    torch.testing.assert_close(logits, net.logits(picture()))
    assert hooks(net) == 0


def test_in_place_activations_do_not_reach_back() -> None:
    net = network()
    before = net.run(picture(), ["early.0"])[0]["early.0"]
    assert (before < 0).any(), "the convolution's output is negative somewhere, before the in-place ReLU behind it"
    assert (net.run(picture(), ["early"])[0]["early"] >= 0).all()


def test_run_to_stops() -> None:
    net = network()
    ran = []
    net.module.head.register_forward_hook(lambda *_: ran.append("head"))
    whole = net.run(picture(), ["early"])[0]["early"]
    assert ran == ["head"]
    torch.testing.assert_close(net.run_to(picture(), ["early"])["early"], whole)
    assert ran == ["head"]


def test_gradients_reach_what_was_caught() -> None:
    net = network()
    caught, logits = net.run(picture(), ["early", "late"], detach=True)
    late, early = torch.autograd.grad(logits[0, 2], [caught["late"], caught["early"]])
    torch.testing.assert_close(late[0], net.module.head.weight[2][:, None, None].expand_as(late[0]) / late[0, 0].numel())
    assert early.abs().sum() > 0


@pytest.mark.parametrize("module", [Plain, Functional])
def test_hooks_are_gone_after_an_exception(module: type[nn.Module]) -> None:
    net = network(module())
    with pytest.raises((RuntimeError, ValueError)):
        net.run(torch.rand(1, 3, 2), [next(name for name, _ in net.module.named_children())])
    assert hooks(net) == 0


def test_unknown_layers_are_named() -> None:
    with pytest.raises(AtlasError, match=r'no layer "erly" in tiny; did you mean "early"\? "building-blocks layers'):
        network().run(picture(), ["erly"])


def test_a_layer_that_runs_twice_is_refused() -> None:
    with pytest.raises(AtlasError, match="runs more than once"):
        network(Functional()).run(picture(), ["shared"])


def test_a_layer_that_never_runs_is_named() -> None:
    module = Plain()
    module.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(AtlasError, match='"spare" of tiny takes no part'):
        network(module).run(picture(), ["spare"])


class Tuples(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()
        self.head = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pair(x)[0].mean((2, 3)))


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


def test_a_layer_that_returns_a_tuple_is_refused() -> None:
    net = network(Tuples())
    with pytest.raises(AtlasError, match='layer "pair" of tiny returns tuple'):
        net.run(picture(), ["pair"])
    assert hooks(net) == 0


def test_logits_are_checked() -> None:
    with pytest.raises(AtlasError, match=r"expected logits of shape \[N, K\]"):
        Network(nn.Conv2d(3, 2, 1), Preprocessing(8, (0.0,) * 3, (1.0,) * 3), ["a", "b"]).logits(torch.rand(1, 3, 8, 8))
