"""A faster copy of a network: batch normalizations folded away, fast modules, channels last.

In evaluation mode a batch normalization is an affine map per channel, which the convolution (or
linear map) before it can carry. A pair is folded only if nothing else reads what the convolution
returns (`readers`). The copy's output is compared with the original's.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from pipeline.featurevis.fast_modules import FastClip, FastSamePadding, use_fast_modules
from pipeline.featurevis.readers import noise, sole_readers
from pipeline.network import Network, full_precision

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm

_FUSE: dict[type[nn.Module], Any] = {
    nn.Conv2d: fuse_conv_bn_eval,
    nn.Conv1d: fuse_conv_bn_eval,
    nn.Linear: fuse_linear_bn_eval,
}
_TOLERANCE = 1e-3  # relative to the largest value of the output

_folding = threading.Lock()
_folded: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], Network]] = WeakKeyDictionary()


def folded(network: Network, keep: tuple[str, ...] = ()) -> Network:
    """Return `fold(network, keep)`, made once while a network's weights stay the same."""
    tensors = (*network.module.parameters(), *network.module.buffers())
    state = (keep, network.device, *(tensor._version for tensor in tensors))
    with _folding:
        known = _folded.setdefault(network.module, {})
        if state not in known:
            known.clear()
            known[state] = fold(network, keep)
        return known[state]


def fold(network: Network, keep: Sequence[str] = ()) -> Network:
    """Return a faster copy of a network.

    Parameters
    ----------
    network
        Any; where nothing can be folded or replaced, the copy is only laid out channels-last.
    keep
        Layers that will be read: they exist in the copy and return the same values.

    Returns
    -------
    Network
        Computes the same function up to rounding. A copy that differs by more than 1e-3 of the
        largest logit, or of a layer's largest value, is discarded for an unfolded one.
    """
    faster = network.copy()
    for conv_name, norm_name in sole_readers(network, keep, _is_fusable, _is_foldable):
        conv, norm = faster.layer(conv_name), faster.layer(norm_name)
        remainder = _without_affine_map(norm) if isinstance(norm, BatchNorm) else None
        if remainder is not None:
            _replace(faster.module, conv_name, _fusion(conv)(conv, norm))
            _replace(faster.module, norm_name, remainder)
    use_fast_modules(faster.module)
    for name, _convolution in sole_readers(faster, keep, _is_fast_clip, _is_convolution):
        clip = faster.layer(name)
        assert isinstance(clip, FastClip)
        clip.reuse_gradient = True  # a convolution returns a gradient of its own
    faster.module.requires_grad_(False)
    if not _agree(network, faster, keep):
        faster = network.copy()
    faster.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return faster


def _fusion(module: nn.Module) -> Any:
    return next((fuse for kind, fuse in _FUSE.items() if isinstance(module, kind)), None)


def _is_fusable(module: nn.Module) -> bool:
    return _fusion(module) is not None


def _is_foldable(module: nn.Module) -> bool:
    return (
        isinstance(module, BatchNorm)
        and module.running_mean is not None
        and not module.training
        and _without_affine_map(module) is not None
    )


def _is_fast_clip(module: nn.Module) -> bool:
    return isinstance(module, FastClip)


def _is_convolution(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d | FastSamePadding)


def _without_affine_map(norm: BatchNorm) -> nn.Module | None:
    """Return what remains of a normalization without its affine map.

    Nothing, or its children (an activation) in their order; None where it does something else too.
    """
    remainder = nn.Sequential()
    for name, child in norm.named_children():
        remainder.add_module(name, child)
    if type(norm).forward is nn.BatchNorm2d.forward:
        return remainder
    device = norm.weight.device if norm.affine else None
    with torch.no_grad():
        ramp = torch.linspace(-4, 4, 64, device=device).repeat(1, norm.num_features, 1)[..., None]
        statistics = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        plain = nn.functional.batch_norm(ramp, *statistics, False, 0.0, norm.eps)
        same = torch.allclose(norm(ramp.clone()), remainder(plain), atol=1e-5)
    return remainder if same else None


def _replace(root: nn.Module, name: str, module: nn.Module) -> None:
    *path, last = name.split(".")
    setattr(root.get_submodule(".".join(path)), last, module)


@full_precision()
def _agree(original: Network, faster: Network, keep: Sequence[str]) -> bool:
    x = noise(original)
    with torch.no_grad():
        expected, logits = original.run(x, list(keep))
        actual, faster_logits = faster.run(x, list(keep))
    both = [(logits, faster_logits), *((expected[name], actual[name]) for name in keep)]
    return all((a - b).abs().max() <= _TOLERANCE * a.abs().max().clamp(min=1e-6) for a, b in both)
