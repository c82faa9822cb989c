"""What a network does with one photograph: the layers' cubes, and what a graph of the pass costs.

Symbols: a layer's cube is `[C, H, W]`, the photograph's `[3, H, W]`, the output's the logits `[K]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.attribution.linear_functions import linear_functions
from pipeline.attribution.pooling import relaxed_pooling
from pipeline.errors import AtlasError
from pipeline.grammar import INPUT, OUTPUT
from pipeline.network import Network, full_precision


class Observation:
    """The layers' cubes for one photograph, in the order in which they run.

    Parameters
    ----------
    network, x
        The network and the photograph `x[1, 3, H, W]` in 0…1.
    layers
        Names of layers; `INPUT` and `OUTPUT` may be among them and are always observed.
    means
        Layer → the mean of each of its channels, `[C]`: its baseline. None: baselines are zero.
    faster
        A network that computes the same in less time, with the same layers: what `rest` runs. It
        needs first derivatives only. None: the network itself.

    Attributes
    ----------
    cubes : dict of str to Tensor
        Layer → its cube, in running order.
    graph_bytes : int
        Memory that the graph of one row keeps.
    relaxable : int
        How many max-pools of this pass `relaxed_pooling` would change.

    Raises
    ------
    AtlasError
        When a layer does not exist, does not run or runs more than once, returns anything but one
        `[N, C, H, W]`, or holds NaN or infinite numbers.
    """

    @full_precision()
    def __init__(
        self,
        network: Network,
        x: Tensor,
        layers: Sequence[str],
        means: Mapping[str, np.ndarray] | None = None,
        faster: Network | None = None,
    ) -> None:
        self.network, self.x, self.means = network, x.detach(), means
        self.faster = faster or network
        hidden = hidden_layers(layers)
        with (
            _measured_graph(network.module) as graph,
            linear_functions(),
            relaxed_pooling() as pools,
            network.capture(hidden, substitute=_leaf) as caught,
        ):
            logits = network.logits(self.x)
        self.relaxable = pools.count
        self.graph_bytes = graph.bytes
        self._check_shapes(hidden, caught)
        cubes = {name: tensor.detach()[0] for name, tensor in caught.items()}
        self.cubes = {INPUT: self.x[0], **cubes, OUTPUT: logits.detach()[0]}
        self._check_finite()

    def _check_shapes(self, hidden: Sequence[str], caught: Mapping[str, Tensor]) -> None:
        advice = '"building-blocks layers CONFIG" lists layers that suit'
        for name in hidden:
            if name not in caught:
                reason = "takes no part in a forward pass"
                raise AtlasError(f"{self._layer(name)} {reason}; {advice}")
            if caught[name].ndim != 4 or len(caught[name]) != len(self.x):
                reason = f"returns shape {list(caught[name].shape)}"
                needed = "attribution needs [N, C, H, W]"
                raise AtlasError(f"{self._layer(name)} {reason}; {needed}; {advice}")

    def _check_finite(self) -> None:
        for name, cube in self.cubes.items():
            if not torch.isfinite(cube).all():
                raise AtlasError(
                    f"{self._layer(name)} holds NaN or infinite numbers for this photograph; "
                    "check the weights and the preprocessing, or compute in float32"
                )

    def _layer(self, name: str) -> str:
        return f'layer "{name}" of {self.network.title}'

    def cube(self, layer: str) -> Tensor:
        """A layer's cube, to be attributed.

        Raises
        ------
        AtlasError
            When it is zero everywhere, so that there is nothing to attribute.
        """
        cube = self.cubes[layer]
        if not cube.any():
            raise AtlasError(
                f"{self._layer(layer)} is zero everywhere for this photograph, so nothing can be "
                "attributed to it; choose another layer or photograph"
            )
        return cube

    def baseline(self, layer: str) -> Tensor:
        """What the layer is replaced by where it is taken away: `[C, H, W]`.

        Raises
        ------
        AtlasError
            When baselines are means and this layer's is not known.
        """
        cube = self.cubes[layer]
        if self.means is None:
            return torch.zeros_like(cube)
        if layer not in self.means:
            raise AtlasError(f'{self._layer(layer)}: its mean is not known; pass means["{layer}"]')
        return torch.as_tensor(self.means[layer]).to(cube)[:, None, None].expand_as(cube)

    def order(self, layer: str) -> int:
        """Position of a layer in running order."""
        return list(self.cubes).index(layer)


def hidden_layers(layers: Sequence[str]) -> list[str]:
    """Return the names without `INPUT` and `OUTPUT`, each once."""
    return [name for name in dict.fromkeys(layers) if name not in (INPUT, OUTPUT)]


def _leaf(name: str, output: Tensor) -> Tensor:
    # The first layer reached starts the graph; those above it are part of it already.
    return output if output.requires_grad else output.detach().requires_grad_()


# --------------------------------------------------------------------------------- size of graphs
@dataclass
class _Graph:
    """Bytes of each block of memory that a graph keeps, by address; weights do not count."""

    blocks: dict[int, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return max(sum(self.blocks.values()), 1)


@contextmanager
def _measured_graph(module: nn.Module) -> Iterator[_Graph]:
    weights = {each.data_ptr() for each in (*module.parameters(), *module.buffers())}
    graph = _Graph()

    def note(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            graph.blocks[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        # An output that is saved as it is would hold its own graph, for ever.
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield graph
