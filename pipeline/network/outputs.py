"""Outputs: the logits `[N, K]` in whatever a module returns.

A tensor is taken as it is. Of a tuple the first tensor `[N, K]` is taken, of a dictionary or an
object what is called "logits", else the only tensor `[N, K]`; `output` names another key,
attribute or index.

Where a softmax or sigmoid made them, what went into it is taken instead (`endings`).

A single output z is the logit of a yes, whose probability is the sigmoid of z. It is seen as two
classes with the logits -z/2 and z/2: their softmax is that sigmoid, and whatever speaks for the one
speaks as much against the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import AtlasError, did_you_mean

USUAL = "logits"


def logits_of(returned: Any, output: str | None, title: str) -> Tensor:
    """Find the logits.

    Parameters
    ----------
    returned
        By the network.
    output
        The key, attribute or index of the logits; None: they are looked for.
    title
        The network's, for messages.

    Returns
    -------
    Tensor
        `[N, K]`, or `[N, 1]` of a single output. Sides of length one behind K are dropped.

    Raises
    ------
    AtlasError
        When there are none.
    """
    found = _named(returned, output, title) if output is not None else _found(returned)
    if isinstance(found, Tensor):
        if found.ndim > 2 and set(found.shape[2:]) == {1}:
            found = found.flatten(1)
        if found.ndim == 1:
            found = found[:, None]
        if found.ndim == 2 and found.is_floating_point():
            return found
    got = f"shape {list(found.shape)}" if isinstance(found, Tensor) else _described(returned)
    advice = "wrap the module so that it returns them"
    if _parts(returned):
        advice = 'name one of them in "model.output"'
    expected = "expected logits of shape [N, K] from the network"
    raise AtlasError(f"{title}: {expected}, got {got}; {advice}")


def as_classes(logits: Tensor) -> Tensor:
    """`[N, K]` → the same; `[N, 1]` → `[N, 2]`, a no and a yes."""
    return logits if logits.shape[1] > 1 else torch.cat([-logits / 2, logits / 2], 1)


def _parts(returned: Any) -> dict[str, Any]:
    """What a tuple, list, dictionary or dataclass holds, by name."""
    if isinstance(returned, Mapping):
        return {str(key): value for key, value in returned.items()}
    if isinstance(returned, tuple) and hasattr(returned, "_fields"):
        return dict(zip(returned._fields, returned, strict=True))
    if isinstance(returned, tuple | list):
        return {str(index): value for index, value in enumerate(returned)}
    if is_dataclass(returned) and not isinstance(returned, type):
        return {each.name: getattr(returned, each.name) for each in fields(returned)}
    return {}


def _named(returned: Any, output: str, title: str) -> Any:
    parts = _parts(returned)
    if output in parts:
        return parts[output]
    if isinstance(returned, tuple | list) and output.lstrip("-").isdigit():
        index = int(output)
        if -len(returned) <= index < len(returned):
            return returned[index]
    if not isinstance(returned, Tensor) and hasattr(returned, output):
        return getattr(returned, output)
    hint = did_you_mean(output, parts) or ";"
    missing = f'"model.output": no "{output}" in what the network returns'
    raise AtlasError(f"{title}: {missing}{hint} it is a {_described(returned)}")


def _found(returned: Any) -> Any:
    if isinstance(returned, Tensor):
        return returned
    parts = _parts(returned)
    usual = parts.get(USUAL, getattr(returned, USUAL, None))
    if isinstance(usual, Tensor):
        return usual
    matrices = [each for each in parts.values() if isinstance(each, Tensor) and each.ndim == 2]
    if isinstance(returned, tuple | list) and matrices:
        return matrices[0]
    return matrices[0] if len(matrices) == 1 else returned


def _described(returned: Any) -> str:
    parts = {
        name: list(each.shape) if isinstance(each, Tensor) else type(each).__name__
        for name, each in _parts(returned).items()
    }
    kind = type(returned).__name__
    listed = ", ".join(f'"{name}" {each}' for name, each in parts.items())
    return f"{kind} with {listed}" if parts else kind
