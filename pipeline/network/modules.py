"""Modules as networks need them: without wrappers, frozen, and with names for single calls.

A module that runs several times in a pass has one name for each call: `relu#1`, `relu#2`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

_CALL = "#"


def unwrapped(module: nn.Module) -> nn.Module:
    """Return what `torch.compile` and parallel wrappers hold; any other module as it is.

    Wrappers inside a module are passed through where they stand (`without_wrappers`).
    """
    while True:
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            module = module.module
        elif isinstance(getattr(module, "_orig_mod", None), nn.Module):
            module = module._orig_mod  # type: ignore[assignment]
        else:
            return module


def without_wrappers(root: nn.Module) -> nn.Module:
    """Replace, in place, every wrapper inside a module by what it holds."""
    for parent in list(root.modules()):
        for name, child in list(parent.named_children()):
            inner = unwrapped(child)
            if inner is not child:
                setattr(parent, name, inner)
    return root


def without_compilation(root: nn.Module) -> nn.Module:
    """Let the modules of a copy run as Python again, whatever of them was compiled."""
    for module in root.modules():
        if not is_scripted(module):
            module._compiled_call_impl = None
            forward: Any = module.forward
            while _is_compiled(forward):
                forward = _rebound(forward, module)
                vars(module)["forward"] = forward
    return root


def _is_compiled(forward: Any) -> bool:
    """Whether a function is torch.compile's own wrapper, not a decorator around one.

    Decorators made with `functools.wraps` copy the attributes of what they wrap.
    """
    original = getattr(forward, "_torchdynamo_orig_callable", None)
    return original is not None and getattr(forward, "__wrapped__", None) is original


def _rebound(forward: Any, module: nn.Module) -> Any:
    """What was compiled, as a method of the copy where it was one of the original."""
    original = forward._torchdynamo_orig_callable
    if isinstance(original, MethodType) and isinstance(original.__self__, nn.Module):
        return MethodType(original.__func__, module)
    # A class's function was compiled, so that the wrapper is the method.
    return MethodType(original, module) if isinstance(forward, MethodType) else original


def watchable(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the submodules that can be watched, with their names: those that run as Python."""
    for name, module in root.named_modules():
        if name and not is_scripted(module):
            yield name, module


def frozen_copy(module: nn.Module) -> nn.Module:
    """Copy a module's structure; its parameters are frozen and share memory with the original's."""
    shared: dict[int, Any] = {}
    for each in module.modules():
        for tensor in (*vars(each).values(), *each.buffers(recurse=False)):
            if isinstance(tensor, Tensor):
                shared[id(tensor)] = tensor.detach()
        for parameter in each.parameters(recurse=False):
            shared[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    with torch.no_grad():  # a scripted module clones its parameters, which would remain trainable
        return copy.deepcopy(module, shared)


def without_hooks(root: nn.Module) -> nn.Module:
    """Take away, in place, the forward hooks of a copy."""
    for module in root.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    return root


def is_scripted(module: nn.Module) -> bool:
    """Whether a module runs as one piece, so that its submodules cannot be watched."""
    return isinstance(module, torch.jit.ScriptModule)


def module_name(layer: str) -> str:
    """`relu#2` → `relu`."""
    return layer.partition(_CALL)[0]


def call_number(layer: str) -> int | None:
    """`relu#2` → 2; None for a name without a number."""
    number = layer.partition(_CALL)[2]
    return int(number) if number.isdigit() else None


def call_name(module: str, number: int, calls: int) -> str:
    """Return the name of one of the calls of a module: its own where it runs once."""
    return f"{module}{_CALL}{number}" if calls > 1 else module
