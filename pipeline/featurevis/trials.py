"""Trials: which precision a layer's pictures are computed in, found out by computing some.

The choice is kept as long as the folded network is, so the batches of a layer share it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from pipeline.featurevis.precision import Precision, denormals_flushed, fastest, precisions
from pipeline.featurevis.renderer import Renderer
from pipeline.featurevis.requests import Request, variants_of
from pipeline.network import Network, finish, plans

_SCORED = 4  # pictures that are made in each precision, in a quarter of their steps
_PART = 4

_chosen: WeakKeyDictionary[nn.Module, dict[Any, Precision]] = WeakKeyDictionary()


def precision_for_pictures(
    renderer: Renderer, requests: Sequence[Request], dtype: str
) -> Precision:
    """Return the precision for pictures of a layer.

    Parameters
    ----------
    renderer
        With the network and the recipe.
    requests
        Of the first batch.
    dtype
        As in `pipeline.featurevis.render.render`.
    """
    recipe, (first, *others) = renderer.recipe, precisions(renderer.network.device, dtype)
    if not others:
        return first  # spares the start of a batch
    largest = max(range(recipe.steps), key=recipe.side)
    variants = [each for request in requests for each in variants_of(request, recipe.variants)]
    pictures = renderer.start(variants, [0] * len(variants))

    def step(precision: Precision) -> None:
        replace(renderer, precision=precision).step(pictures, largest, redirect=False)
        finish(renderer.network.device)

    def score(precision: Precision) -> float:
        short = replace(recipe, steps=max(recipe.steps // _PART, 1))
        some = variants[: max(_SCORED // recipe.variants, 1) * recipe.variants]
        if plans(renderer.network.device):  # so batches of no other size, and few passes
            only = replace(recipe.stage(largest), share=1.0, patience=0.0)
            short, some = replace(short, stages=(only,), redirected=0), variants
        trial = replace(renderer, precision=precision, recipe=short)
        return float(trial.render(some, [0] * len(some)).activation.mean())

    key = ("pictures", requests[0].layer, recipe.name, recipe.size)
    return chosen(renderer.network, key, dtype, step, score)


def chosen(
    network: Network,
    key: Any,
    dtype: str,
    step: Callable[[Precision], object],
    score: Callable[[Precision], float],
) -> Precision:
    """Return the precision for a kind of pictures of a folded network; tried out once.

    Parameters
    ----------
    network
        A folded one.
    key
        Of the kind of pictures.
    dtype
        As in `pipeline.featurevis.render.render`.
    step, score
        As in `pipeline.featurevis.precision.fastest`.
    """
    choices = precisions(network.device, dtype)
    known = _chosen.setdefault(network.module, {})
    if (key, dtype) not in known:
        with denormals_flushed():
            known[key, dtype] = fastest(choices, step, score)
    return known[key, dtype]
