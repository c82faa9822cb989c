"""From requests to finished pictures, batch by batch.

`render` yields a `Batch` as soon as it is finished, so that the caller can store it before the next
one starts. All randomness of a picture (its start, its views) comes from its own generator, seeded
by seed, layer, unit and attempt. So a picture depends neither on the others in its batch, nor on
its position there, nor on the number of workers, beyond floating-point rounding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import AtlasError
from pipeline.featurevis.batches import batch_size as fitting_batch_size
from pipeline.featurevis.batches import even_share
from pipeline.featurevis.folding import folded
from pipeline.featurevis.objectives import layers_of
from pipeline.featurevis.recipes import Recipe
from pipeline.featurevis.renderer import Renderer
from pipeline.featurevis.requests import Batch, Request, variants_of
from pipeline.featurevis.sides import suited_recipe
from pipeline.featurevis.trials import precision_for_pictures
from pipeline.grammar import OUTPUT
from pipeline.memory import is_out_of_memory
from pipeline.network import Network, whole


def render(
    network: Network,
    requests: Sequence[Request],
    recipe: Recipe,
    *,
    seed: int = 0,
    dtype: str = "auto",
    batch_size: int | None = None,
    magnitude: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Make the pictures requested.

    Parameters
    ----------
    network
        Any; a folded copy of it is used.
    requests
        In any order, of any layers; a batch mixes neither layers nor objectives that look at
        different ones.
    recipe
        How. With several variants, the second picture of "channel:12" is "channel:12~1", and so on.
    seed
        Of the atlas.
    dtype
        "float32", "bfloat16", or "auto": the fastest of those that the device supports, tried out
        once for each layer; pictures stay as good.
    batch_size
        Pictures at a time; by default as many as fit into memory.
    magnitude
        Natural spectrum for the recipe `maco`, from `pipeline.featurevis.spectrum`; by default
        that of the bundled photographs.

    Yields
    ------
    Batch
        As soon as it is finished. Pictures that leave their unit inactive are started again and
        come in later batches.

    Raises
    ------
    AtlasError
        For an unknown layer, a unit that a layer lacks, or when one picture alone exceeds the
        memory.
    """
    layers = layers_of(request.objective for request in requests)
    faster = folded(network, tuple(layer for layer in layers if layer != OUTPUT))
    for members in _alike(requests):
        objectives = [request.objective for request in members]
        suited = suited_recipe(faster, recipe, objectives)
        renderer = Renderer(faster, suited, seed, magnitude=magnitude)
        fitting = fitting_batch_size(faster, suited, objectives)  # and checks them
        size = batch_size or fitting
        first = members[: max(size // recipe.variants, 1)]
        renderer = replace(renderer, precision=precision_for_pictures(renderer, first, dtype))
        yield from _render_alike(renderer, members, size)


def _alike(requests: Sequence[Request]) -> list[list[Request]]:
    """Return requests in lists that may share batches."""
    alike: dict[tuple[str, tuple[str, ...], bool], list[Request]] = defaultdict(list)
    for request in requests:
        objective = request.objective
        key = (request.layer, objective.on_network.layers, objective.has_position)
        alike[key].append(request)
    return list(alike.values())


@dataclass(frozen=True)
class _Family:
    """A unit's variants, which are made together, and how often they have been started before."""

    requests: list[Request]
    attempt: int = 0


def _render_alike(
    renderer: Renderer, requests: Sequence[Request], batch_size: int
) -> Iterator[Batch]:
    recipe = renderer.recipe
    queue = [_Family(variants_of(request, recipe.variants)) for request in requests]
    while queue:
        count = even_share(len(queue), batch_size // recipe.variants)
        taken, queue = queue[:count], queue[count:]
        members = [request for family in taken for request in family.requests]
        try:
            batch = renderer.render(
                members, [each.attempt for each in taken for _ in each.requests]
            )
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(taken) == 1:
                raise _too_large(renderer, members) from error
            batch_size = whole(len(members) // 2, renderer.network.device)
            queue = taken + queue
            continue
        again = _to_start_again(taken, batch, recipe)
        queue += [
            replace(family, attempt=family.attempt + 1)
            for family, inactive in zip(taken, again, strict=True)
            if inactive
        ]
        kept = np.flatnonzero(~np.repeat(again, recipe.variants))
        if len(kept):
            yield batch.select(kept.tolist())


def _to_start_again(families: Sequence[_Family], batch: Batch, recipe: Recipe) -> list[bool]:
    """Return which families leave their unit inactive and have an attempt left."""
    return [
        not alive.all() and family.attempt + 1 < recipe.attempts
        for family, alive in zip(families, batch.alive.reshape(len(families), -1), strict=True)
    ]


def _too_large(renderer: Renderer, requests: Sequence[Request]) -> AtlasError:
    number, size, device = len(requests), renderer.recipe.size, renderer.network.device
    return AtlasError(
        f'layer "{requests[0].layer}": {number} pictures of {size} px exceed the memory of '
        f"{device}; choose a smaller [features] size"
    )
