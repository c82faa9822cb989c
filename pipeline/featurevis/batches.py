"""How many pictures are made at a time: as many as fit into memory, in batches of even size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from pipeline.featurevis.objectives import Objective
from pipeline.featurevis.recipes import Recipe
from pipeline.featurevis.responses import check_objectives
from pipeline.network import SIZES, Network, free_memory, whole

_LARGEST = {"cpu": 16, "cuda": SIZES[-1]}
_CPU_MEMORY = 5 << 30  # bytes by the estimate below, so that a build fits into a small machine
# Outputs held for the backward pass, and what else a pass needs. On a CPU a batch takes a quarter
# of this estimate; on a GPU, whose memory is there to be used, more than half.
_COPIES = {"cpu": 4, "cuda": 1.5}


def batch_size(network: Network, recipe: Recipe, objectives: Sequence[Objective]) -> int:
    """Return how many pictures fit comfortably into memory, at least a unit's variants.

    Parameters
    ----------
    network
        Any.
    recipe
        The largest side at which it shows a picture counts.
    objectives
        Their layers decide how far the network runs.

    Raises
    ------
    AtlasError
        When a layer lacks the channel, class or position that an objective names.
    """
    side = max(recipe.side_of(stage) for stage in recipe.stages)
    fitting = fitting_views(network, objectives, side)
    largest = _LARGEST.get(network.device.type, _LARGEST["cpu"])
    return min(max(fitting, recipe.variants), largest)


def fitting_views(network: Network, objectives: Sequence[Objective], side: int) -> int:
    """Return how many pictures the network can be shown at a time, perhaps 0.

    Parameters
    ----------
    network
        Any.
    objectives
        Their layers decide how far the network runs.
    side
        At which it is shown them, in pixels.

    Raises
    ------
    AtlasError
        As `batch_size`.
    """
    with _outputs_measured(network) as outputs:
        check_objectives(network, objectives, side)
    free = free_memory(network.device) or _CPU_MEMORY
    copies = _COPIES.get(network.device.type, _COPIES["cpu"])
    return whole(int(free // max(copies * outputs.size, 1)), network.device)


@dataclass
class _Outputs:
    """The outputs of all leaf modules in one forward pass; `size` in bytes."""

    size: int = 0

    def add(self, _module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            self.size += output.numel() * output.element_size()


@contextmanager
def _outputs_measured(network: Network) -> Iterator[_Outputs]:
    outputs = _Outputs()
    with network.hooks() as handles:
        for module in network.module.modules():
            if not any(module.children()):
                handles.append(module.register_forward_hook(outputs.add))
        yield outputs


def even_share(count: int, largest: int) -> int:
    """Return how many of a number of things to take first, so that all shares are about as large.

    A last batch of one or two pictures would take nearly as long as a full one.

    Parameters
    ----------
    count
        Of all things left.
    largest
        Share.
    """
    return math.ceil(count / math.ceil(count / max(largest, 1)))
