"""Passes of many rows through a network whose graph is kept, with a layer's cube replaced.

Symbols: B rows of a batch; a layer's node is its tensor `[B, *cube]` in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pipeline.attribution.linear_functions import linear_functions
from pipeline.attribution.observation import Observation, hidden_layers
from pipeline.attribution.pooling import relaxed_pooling
from pipeline.errors import AtlasError
from pipeline.grammar import INPUT, OUTPUT
from pipeline.memory import is_out_of_memory

Nodes = dict[str, Tensor]
Rows = Callable[[str, Tensor], Tensor]


def replicated(
    observation: Observation, layers: Sequence[str], rows: Rows, batch: int, relax: bool
) -> Nodes:
    """Run the network on a batch with the first of `layers` replaced, keeping the graph from there.

    What runs before the first layer runs for one row only, where the network allows it (no path
    around the layer that insists on equal batch sizes); otherwise for the whole batch.

    Parameters
    ----------
    observation
        The photograph's pass through the network.
    layers
        The layers whose nodes are wanted.
    rows
        `(layer, cube [1, …]) -> [B, …]`: what replaces a layer that depends on no earlier one of
        `layers`.
    batch, relax
        B, and whether max-pools are relaxed.

    Returns
    -------
    dict of str to Tensor
        Layer → node, the output's always among them.
    """
    try:
        return _replicated(observation, layers, rows, 1, batch, relax)
    except RuntimeError as error:
        if is_out_of_memory(error) or INPUT in layers:
            raise
        return _replicated(observation, layers, rows, batch, batch, relax)


def _replicated(
    observation: Observation,
    layers: Sequence[str],
    rows: Rows,
    before: int,
    batch: int,
    relax: bool,
) -> Nodes:
    """As `replicated`, with so many rows `before` the first layer."""

    def leaf(name: str, output: Tensor) -> Tensor:
        if output.requires_grad:
            return output
        replaced = rows(name, output.detach()[:1])
        return replaced.contiguous(memory_format=torch.channels_last).requires_grad_()

    network, x = observation.network, observation.x
    x = leaf(INPUT, x) if INPUT in layers else x.expand(before, *x.shape[1:])
    with (
        linear_functions(),
        relaxed_pooling(relax),
        network.capture(hidden_layers(layers), substitute=leaf) as caught,
    ):
        logits = network.logits(x)
    if len(logits) != batch:
        raise RuntimeError(f"{len(logits)} rows of logits instead of {batch}")
    return {INPUT: x, **caught, OUTPUT: logits}


def depending(
    nodes: Mapping[str, Tensor], source: str, target: str, observation: Observation
) -> Tensor:
    """Return the target's node.

    Raises
    ------
    AtlasError
        When the target cannot depend on the source.
    """
    node = nodes[target]
    if target == source or node.grad_fn is None:
        raise independent(source, target, observation)
    return node


def independent(source: str, target: str, observation: Observation) -> AtlasError:
    """Make the error that explains why a target has no attribution to a source."""
    reason = "does not depend on it"
    if observation.order(target) < observation.order(source):
        reason = "comes before it"
    if target == source:
        reason = "is the same layer"
    return AtlasError(
        f'attribution from layer "{source}" to "{target}" of {observation.network.title} does not '
        f"exist: the target {reason}; in running order: {', '.join(observation.cubes)}"
    )
