"""Weights from files: every way in which training scripts save them, and what is refused."""

from __future__ import annotations

import argparse
import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pipeline import models
from pipeline.errors import AtlasError
from pipeline.models.random_weights import draw_zeros
from tests.unit.test_models import config
from tests.unit.test_own_world import NETWORK

FILE = f"{NETWORK}\ndef build():\n    return Net(3)\n"


def network() -> nn.Module:
    space: dict[str, Any] = {}
    exec(NETWORK, space)
    torch.manual_seed(5)
    return space["Net"](3)


def loaded(folder: Path, name: str) -> dict[str, torch.Tensor]:
    (folder / "mine.py").write_text(FILE)
    return models.load(config(folder, source="mine.py", size=16, weights=name)).module.state_dict()


def wrapped(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


Save = Callable[[dict[str, Any]], Any]
FORMS: dict[str, Save] = {
    "plain": lambda state: state,
    "an ordered dictionary": OrderedDict,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "best": 0.9},
    "model": lambda state: {"model": state, "optimizer": {"state": {}, "lr": 0.1}},
    "model_state_dict": lambda state: {"model_state_dict": state},
    "nested": lambda state: {"checkpoint": 1, "model": {"state_dict": state}},
    "options of the training": lambda state: {
        "state_dict": state,
        "args": argparse.Namespace(lr=0.1, out=Path("x")),
    },
    "DataParallel": lambda state: {"state_dict": wrapped(state, "module.")},
    "compiled": lambda state: wrapped(state, "_orig_mod."),
    "compiled and parallel": lambda state: {"model": wrapped(state, "_orig_mod.module.")},
    "Lightning, with a loss": lambda state: {
        "state_dict": {**wrapped(state, "model."), "criterion.weight": torch.ones(3)}
    },
    "a wrapper of one's own": lambda state: wrapped(state, "classifier_network."),
    "an average": lambda state: {"state_dict": {"x": torch.zeros(1)}, "state_dict_ema": state},
    "an averaged model": lambda state: {
        "model": {"n_averaged": torch.tensor(4), **wrapped(state, "module.")}
    },
    "halves": lambda state: {name: tensor.half() for name, tensor in state.items()},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["pt", "pth", "ckpt"])
def test_checkpoints(tmp_path: Path, form: str, ending: str) -> None:
    state = network().state_dict()
    torch.save(FORMS[form](state), tmp_path / f"w.{ending}")
    found = loaded(tmp_path, f"w.{ending}")
    for name, tensor in state.items():
        expected = tensor.half().float() if form == "halves" else tensor
        torch.testing.assert_close(found[name], expected, rtol=0, atol=0)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_safetensors(tmp_path: Path, prefix: str) -> None:
    from safetensors.torch import save_file

    state = network().state_dict()
    save_file(wrapped(state, prefix), tmp_path / "w.safetensors")
    found = loaded(tmp_path, "w.safetensors")
    assert all(bool((found[name] == tensor).all()) for name, tensor in state.items())


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("open('executed', 'w').close()",)


def test_code_in_a_pickle_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": network().state_dict(), "hook": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    for name, message in (("evil.pth", r"tensors \(\S*exec\)"), ("evil.pt", "not a weights file")):
        with pytest.raises(AtlasError, match=message):
            loaded(tmp_path, name)
    assert not (tmp_path / "executed").exists()


def broken(state: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(state)
    changed["head.bias"][1] = float("nan")
    return changed


WRONG: dict[str, tuple[Save, str]] = {
    "whole network": (lambda _: nn.Linear(2, 2), "Python objects beside tensors .torch.nn.modules"),
    "a number": (lambda _: 3, "holds a int, not a state dict; save it with torch.save"),
    "a list": (lambda state: list(state.values()), "holds a list, not a state dict"),
    "nothing": (lambda _: {}, "holds an empty dictionary, not a state dict"),
    "no tensors": (lambda _: {"epoch": 3}, 'holds a dictionary with "epoch", not a state dict'),
    "another network": (lambda _: nn.Linear(2, 2).state_dict(), "weights of another network"),
    "other classes": (
        lambda state: {**state, "head.weight": torch.zeros(9, 4), "head.bias": torch.zeros(9)},
        r'"head.weight" has shape \[9, 4\] instead of \[3, 4\] \(2 differences in all\)',
    ),
    "a layer too few": (
        lambda state: {name: each for name, each in state.items() if name != "head.bias"},
        '"head.bias" is missing',
    ),
    "a layer too many": (
        lambda state: {**state, "extra.weight": torch.ones(1)},
        '"extra.weight" is not part of it',
    ),
    "not a number": (broken, '"head.bias" holds values that are not numbers'),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_checkpoints(tmp_path: Path, what: str) -> None:
    save, message = WRONG[what]
    torch.save(save(network().state_dict()), tmp_path / "w.pth")
    with pytest.raises(AtlasError, match=message) as caught:
        loaded(tmp_path, "w.pth")
    assert str(caught.value).startswith(str(tmp_path / "w.pth"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    traced = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
    traced.save(str(tmp_path / "traced.pt"))
    (tmp_path / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "folder.pth").mkdir()
    torch.save(network().state_dict(), tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:500])
    messages = {
        "traced.pt": "holds a TorchScript program, not a state dict; load it in a Python file",
        "pointer.pth": "only a pointer of Git LFS",
        "text.pth": "not a weights file that torch or safetensors can read",
        "text.safetensors": "not a weights file that torch or safetensors can read",
        "empty.pth": "not a weights file",
        "cut.pth": "not a weights file",
        "folder.pth": "is a folder",
        "absent.pth": "no file",
        "x" * 300: "no file",
    }
    for name, message in messages.items():
        with pytest.raises(AtlasError, match=message):
            loaded(tmp_path, name)


# ---------------------------------------------------------------------------------- random weights
@pytest.mark.parametrize("source", ["torchvision:vit_b_16", "timm:resmlp_12_224", "timm:resnet18"])
def test_random_networks_say_something(tmp_path: Path, source: str) -> None:
    """Also those that begin their training with a classifier of zeros, or zero branches."""
    network = models.load(config(tmp_path, source=source, weights="random"))
    with torch.inference_mode():
        first, second = network.logits(torch.rand(2, 3, 224, 224))
    assert float(first.std()) > 0
    assert not torch.equal(first, second)
    zeros = [
        name
        for name, tensor in network.module.named_parameters()
        if name.endswith("weight") and not tensor.any()
    ]
    assert zeros == []


@pytest.mark.parametrize(
    "source", ["torchvision:googlenet", "torchvision:mobilenet_v2", "torchvision:efficientnet_b0"]
)
def test_responses_of_random_networks_do_not_die_away(tmp_path: Path, source: str) -> None:
    network = models.load(config(tmp_path, source=source, weights="random"))
    spread: list[float] = []
    norms = [each for each in network.module.modules() if isinstance(each, nn.BatchNorm2d)]
    for norm in norms:
        norm.register_forward_hook(lambda _norm, _x, y: spread.append(float(y.std())))
    with torch.inference_mode():
        network.logits(torch.rand(2, 3, 224, 224))
    assert len(spread) > 40
    assert min(spread) > 1e-3
    assert not any(norm.training or norm.momentum is None for norm in norms)


def test_zeros_are_drawn_and_nothing_else() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 200))
    kept = module[0].weight.clone()
    nn.init.zeros_(module[1].weight)
    nn.init.zeros_(module[2].weight)
    nn.init.zeros_(module[2].bias)
    draw_zeros(module)
    assert torch.equal(module[0].weight, kept)
    assert module[1].weight.eq(1).all()
    assert float(module[2].weight.detach().std()) == pytest.approx(0.5, rel=0.1)  # 1 / √4
    assert not module[2].bias.any()
