"""Batch normalization folded into the convolutions before it, lean modules: fewer passes over memory for the same function.

In evaluation mode a batch normalization is an affine map per channel, which the convolution (or linear map) that feeds it
can carry. Which feeds which is observed while the network runs, not read off names: a pair is folded only if the
convolution ran once, its very output was the normalization's input, and nothing else looked at it. Works on a copy; the
copy's output is compared with the original's.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torch.overrides import TorchFunctionMode

from pipeline.featurevis.lean import LeanClip, LeanSamePadding, make_lean
from pipeline.network import Network

_FUSE: dict[type[nn.Module], Any] = {nn.Conv2d: fuse_conv_bn_eval, nn.Conv1d: fuse_conv_bn_eval, nn.Linear: fuse_linear_bn_eval}
_TOLERANCE = 1e-3  # relative to the largest value of the output


class _Uses(TorchFunctionMode):
    """Counts how often each watched tensor is handed to a torch function."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: dict[int, Tensor] = {}  # holding the tensors keeps their ids from being used again
        self.counts: Counter[int] = Counter()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if _tensors([result]):  # asking for a shape computes nothing
            self.counts.update(id(each) for each in _tensors([*args, *kwargs.values()]) if id(each) in self.watched)
        return result


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(_tensors(value))
    return found


def _fusable(module: nn.Module) -> Any:
    return next((fuse for kind, fuse in _FUSE.items() if isinstance(module, kind)), None)


def pairs(
    network: Network, keep: Sequence[str], first: Callable[[nn.Module], Any], second: Callable[[nn.Module], Any]
) -> list[tuple[str, str]]:
    """Find the modules of one kind whose only reader is one of another kind, by running the network once.

    Parameters
    ----------
    network
        In evaluation mode.
    keep
        Layers whose outputs others read as well: a module whose own output one of them returns is left alone.
    first, second
        Say whether a module is of the one kind, and of the other, which hands its input to one torch function.

    Returns
    -------
    list of (str, str)
        Names of the one and of its reader; both run once.
    """
    uses, runs, outputs, found, kept = _Uses(), Counter[str](), dict[int, str](), list[tuple[int, str, str]](), set[int]()
    handles = []
    modules = dict(network.module.named_modules())
    # Before any hook is there: to find out what a module is may mean to run it.
    ones = {name for name, module in modules.items() if first(module)}
    readers = {name for name, module in modules.items() if second(module)}

    def after(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            runs[name] += 1
            if name in keep and isinstance(output, Tensor):
                kept.add(id(output))
            if name in ones and isinstance(output, Tensor):
                outputs[id(output)] = name
                uses.watched[id(output)] = output

        return hook

    def before(name: str) -> Any:
        def hook(_module: nn.Module, inputs: Any) -> None:
            if inputs and id(inputs[0]) in outputs:
                found.append((id(inputs[0]), outputs[id(inputs[0])], name))

        return hook

    try:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(after(name)))
            if name in readers:
                handles.append(module.register_forward_pre_hook(before(name)))
        with torch.no_grad(), uses:
            network.module(network.preprocessing(_probe(network)))
    finally:
        for handle in handles:
            handle.remove()
    # Anything above one use is another reader.
    alone = [(one, reader) for key, one, reader in found if uses.counts[key] <= 1 and key not in kept]
    return [(one, reader) for one, reader in alone if runs[one] == runs[reader] == 1]


def _probe(network: Network) -> Tensor:
    size = network.preprocessing.size
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, size, size, generator=generator).to(network.device)


def _foldable_norm(module: nn.Module) -> bool:
    return isinstance(module, _BatchNorm) and module.running_mean is not None and not module.training and _rest(module) is not None


def _is_convolution(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d | LeanSamePadding)


def _rest(norm: _BatchNorm) -> nn.Module | None:
    """Return what remains of a normalization once its affine map is gone: nothing, or its children (an activation) in order."""
    rest = nn.Sequential()
    for name, child in norm.named_children():
        rest.add_module(name, child)
    if type(norm).forward is _BatchNorm.forward:
        return rest
    with torch.no_grad():
        probe = torch.linspace(-4, 4, 64, device=norm.weight.device if norm.affine else None).repeat(1, norm.num_features, 1)[..., None]
        plain = nn.functional.batch_norm(probe, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)
        same = torch.allclose(norm(probe.clone()), rest(plain), atol=1e-5)
    return rest if same else None


def folded(network: Network, keep: tuple[str, ...] = ()) -> Network:
    """Return `fold(network, keep)`, made once for as long as the network lives and its weights stay the same."""
    known = _FOLDED.setdefault(network.module, {})
    state = (keep, network.device, *(tensor._version for tensor in (*network.module.parameters(), *network.module.buffers())))
    if state not in known:
        known.clear()
        known[state] = fold(network, keep)
    return known[state]


_FOLDED: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], Network]] = WeakKeyDictionary()


def fold(network: Network, keep: Sequence[str] = ()) -> Network:
    """Return a copy of the network with its batch normalizations folded away and lean modules, laid out channels-last.

    Parameters
    ----------
    network
        Any; where nothing can be folded or made lean the copy is merely laid out channels-last.
    keep
        Layers that will be asked for: they exist in the copy and return the same values.

    Returns
    -------
    Network
        Computes the same function up to rounding (1e-3 of the largest logit is checked; a copy that differs by more is
        given up for an unfolded one).
    """
    folded = copy.copy(network)
    folded.module = copy.deepcopy(network.module)
    for conv_name, norm_name in pairs(network, keep, _fusable, _foldable_norm):
        conv, norm = folded.layer(conv_name), folded.layer(norm_name)
        rest = _rest(norm) if isinstance(norm, _BatchNorm) else None
        if rest is not None:
            _replace(folded.module, conv_name, _fusable(conv)(conv, norm))
            _replace(folded.module, norm_name, rest)
    make_lean(folded.module)
    for name, _convolution in pairs(folded, keep, lambda module: isinstance(module, LeanClip), _is_convolution):
        clip = folded.layer(name)
        assert isinstance(clip, LeanClip)
        clip.both_ways = True  # a convolution makes a gradient of its own
    folded.module.requires_grad_(False)
    if not _agree(network, folded, keep):
        folded.module = copy.deepcopy(network.module)
    folded.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return folded


def _replace(root: nn.Module, name: str, module: nn.Module) -> None:
    *path, last = name.split(".")
    setattr(root.get_submodule(".".join(path)), last, module)


def _agree(original: Network, folded: Network, keep: Sequence[str]) -> bool:
    with torch.no_grad():
        expected, logits = original.run(_probe(original), list(keep))
        actual, folded_logits = folded.run(_probe(original), list(keep))
    both = [(logits, folded_logits), *((expected[name], actual[name]) for name in keep)]
    return all((a - b).abs().max() <= _TOLERANCE * a.abs().max().clamp(min=1e-6) for a, b in both)
