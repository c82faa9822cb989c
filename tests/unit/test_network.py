import copy
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch
from torch import nn

from pipeline.errors import AtlasError
from pipeline.network import Network, Preprocessing
from tests.unit.networks import Functional, Plain, hooks, network, photograph

RGB = Preprocessing(32, (0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize(("order", "channels"), [("rgb", [0, 1, 2]), ("bgr", [2, 1, 0])])
def test_preprocessing_is_the_formula(order: str, channels: list[int]) -> None:
    mean, std = (0.1, 0.2, 0.3), (1.0, 2.0, 4.0)
    x = torch.rand(2, 3, 4, 5)
    by_channel = zip(channels, mean, std, strict=True)
    expected = torch.stack([(x[:, c] - m) / s for c, m, s in by_channel], 1)
    torch.testing.assert_close(Preprocessing(4, mean, std, order)(x), expected)


def test_grey_is_luma() -> None:
    x = torch.rand(1, 3, 2, 2)
    luma = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    found = Preprocessing(2, (0.5,), (0.25,), "grey")(x)[:, 0]
    torch.testing.assert_close(found, (luma - 0.5) / 0.25)


def test_layers_are_what_the_network_computes() -> None:
    net = network()
    caught, logits = net.run(photograph(), ["early", "late"])
    stem = net.module.stem(net.preprocessing(photograph()))
    torch.testing.assert_close(caught["early"], net.module.early(stem))
    torch.testing.assert_close(logits, net.module.head(caught["late"].mean((2, 3))))
    torch.testing.assert_close(logits, net.logits(photograph()))
    assert hooks(net) == 0


def test_in_place_activations_do_not_reach_back() -> None:
    net = network()
    before = net.run(photograph(), ["early.0"])[0]["early.0"]
    assert (before < 0).any(), "negative somewhere, before the in-place ReLU behind it"
    assert (net.run(photograph(), ["early"])[0]["early"] >= 0).all()


def test_run_to_stops() -> None:
    net = network()
    ran = []
    net.module.head.register_forward_hook(lambda *_: ran.append("head"))
    whole = net.run(photograph(), ["early"])[0]["early"]
    assert ran == ["head"]
    torch.testing.assert_close(net.run_to(photograph(), ["early"])["early"], whole)
    assert ran == ["head"]


def test_gradients_reach_what_was_caught() -> None:
    net = network()
    caught, logits = net.run(photograph().requires_grad_(), ["early", "late"])
    late, early = torch.autograd.grad(logits[0, 2], [caught["late"], caught["early"]])
    weights = net.module.head.weight[2][:, None, None].expand_as(late[0])
    torch.testing.assert_close(late[0], weights / late[0, 0].numel())
    assert early.abs().sum() > 0


@pytest.mark.parametrize("module", [Plain, Functional])
def test_hooks_are_gone_after_an_exception(module: type[nn.Module]) -> None:
    net = network(module())
    first = next(name for name, _ in net.module.named_children())
    with pytest.raises((RuntimeError, ValueError)):
        net.run(torch.rand(1, 3, 2), [first])
    assert hooks(net) == 0


def test_unknown_layers_are_named() -> None:
    message = r'no layer "erly" in tiny; did you mean "early"\? "building-blocks layers'
    with pytest.raises(AtlasError, match=message):
        network().run(photograph(), ["erly"])


def test_a_layer_that_runs_twice_is_refused() -> None:
    with pytest.raises(AtlasError, match="runs more than once"):
        network(Functional()).run(photograph(), ["shared"])


def test_a_layer_that_never_runs_is_named() -> None:
    module = Plain()
    module.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(AtlasError, match='"spare" of tiny takes no part'):
        network(module).run(photograph(), ["spare"])


def test_what_replaces_a_layer_is_what_the_network_goes_on_with() -> None:
    net = network()
    with net.capture(["early"], substitute=lambda _, output: output * 0) as caught:
        logits = net.logits(photograph())
    assert not caught["early"].any()
    assert not torch.allclose(logits, net.logits(photograph()))


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
        net.run(photograph(), ["pair"])
    assert hooks(net) == 0


def test_logits_are_checked() -> None:
    with pytest.raises(AtlasError, match=r"expected logits of shape \[N, K\]"):
        Network(nn.Conv2d(3, 2, 1), RGB, ["a", "b"]).logits(torch.rand(1, 3, 8, 8))


# ----------------------------------------------------------------------------- the caller's module
def test_the_callers_module_stays_as_it_is() -> None:
    module = Plain().train()
    module.late.requires_grad_(False)
    trained = {name: each.requires_grad for name, each in module.named_parameters()}
    net = Network(module, RGB, ["a"] * 5)
    assert all(each.training for each in module.modules())
    assert {name: each.requires_grad for name, each in module.named_parameters()} == trained
    assert not any(each.training for each in net.module.modules())
    assert not any(each.requires_grad for each in net.module.parameters())
    before = copy.deepcopy(module.state_dict())
    net.run(photograph(), ["early"])
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_weights_are_shared_not_copied() -> None:
    module = Plain()
    net = Network(module, RGB, ["a"] * 5)
    own = dict(net.module.named_parameters())
    for name, parameter in module.named_parameters():
        assert own[name].data_ptr() == parameter.data_ptr()
    with torch.no_grad():
        module.head.bias.add_(1.0)
    assert torch.equal(net.module.head.bias, module.head.bias)


def test_tied_weights_stay_tied() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    own = Network(module, RGB, ["a"] * 4).module
    assert own[1].weight is own[0].weight
    assert own[0].weight is not module[0].weight


def test_weights_that_are_computed_can_be_kept() -> None:
    # The old `weight_norm` keeps a tensor with a gradient as an attribute; it cannot be copied.
    module = Plain()
    module.late[0].doubled = module.late[0].weight * 2
    net = Network(module, RGB, ["a"] * 5)
    assert not net.module.late[0].doubled.requires_grad
    copy.deepcopy(net.module)


def test_moving_leaves_the_network_where_it_was() -> None:
    net = network()
    moved = net.to(torch.device("meta"))
    assert moved.device.type == "meta"
    assert {each.device.type for each in moved.module.parameters()} == {"meta"}
    assert {each.device.type for each in moved.module.buffers()} == {"meta"}
    assert net.device.type == "cpu"
    assert {each.device.type for each in net.module.parameters()} == {"cpu"}
    assert net.logits(photograph()).shape == (1, 5)


# ------------------------------------------------------------------------------------------ threads
def test_hooks_of_callers_are_removed() -> None:
    net = network()
    head = net.layer("head")

    def run() -> None:
        with net.hooks() as handles:
            handles.append(head.register_forward_hook(lambda *_: 1 // 0))
            net.logits(photograph())

    with pytest.raises(ZeroDivisionError):
        run()
    assert hooks(net) == 0


def test_threads_share_one_network() -> None:
    net = network()
    photographs = [photograph(seed) for seed in range(20)]

    def call(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        caught, logits = net.run(x, ["early", "late"])
        partial = net.run_to(x, ["early"])
        return caught["early"], caught["late"], logits, partial["early"], net.logits(x)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(call, photographs))
    for found, x in zip(together, photographs, strict=True):
        for value, expected in zip(found, call(x), strict=True):
            torch.testing.assert_close(value, expected)
    assert hooks(net) == 0


def test_a_copy_made_during_another_threads_pass_has_none_of_its_hooks() -> None:
    net = network()
    hooked, done = Event(), Event()

    def pass_under_way() -> None:
        with net.capture(["early"]):
            hooked.set()
            done.wait(0.2)  # long enough for the copy to be tried

    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(pass_under_way)
        hooked.wait()
        copies = [net.copy(), net.to(torch.device("cpu"))]
        done.set()
        under_way.result()
    assert [hooks(copy) for copy in copies] == [0, 0]
