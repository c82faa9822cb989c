"""From substrates to cuts: which factorization a group substrate means, for one photograph.

A group substrate names a layer, a number of groups and, where it is to agree with an upper layer,
that layer and its number of groups. Compatible groups need the attribution of the lower layer's
neurons to the upper layer's groups, and groups that preserve gradients or attributions need those
of the most probable classes: so this is where factorization (`pipeline.factorization`, arrays only)
meets the network.

Symbols: n groups, M classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.atoms import Cut
from pipeline.attribution.batches import batch_size, to_numpy
from pipeline.attribution.linearization import Linearization
from pipeline.attribution.observation import Observation
from pipeline.attribution.push_pull import attribute_together
from pipeline.factorization import (
    Factorization,
    compatible,
    factorize,
    factorize_preserving,
)
from pipeline.grammar import NEURON, OUTPUT, Group, Substrate

# Classes whose gradients and attributions a factorization preserves, where asked to.
PRESERVED_CLASSES = 5

Factorizations = Mapping[Substrate, Factorization]


def cut_all(
    observation: Observation,
    substrates: Iterable[Substrate],
    known: Factorizations | None = None,
    memory: int | None = None,
    preserve: Mapping[str, float] | None = None,
) -> dict[Substrate, Cut]:
    """Cut the observed layers into atoms.

    Parameters
    ----------
    observation
        The photograph's pass, with all layers of `layers_of(substrates)`.
    substrates
        What is cut.
    known
        Factorizations of substrates; those missing are computed.
    memory
        Bound in bytes.
    preserve
        As `[groups] preserve`; default: activations only.

    Raises
    ------
    AtlasError
        When a layer is zero everywhere or cannot be factorized, or a factorization does not fit.
    """
    preserve = preserve or {"activations": 1.0}
    factorizer = _Factorizer(observation, memory, preserve, {**(known or {})})
    cuts = {}
    for substrate in dict.fromkeys(substrates):
        cube = observation.cube(substrate.layer)
        cuts[substrate] = substrate.cut(cube, factorizer.factorization(substrate))
    return cuts


def layers_of(substrates: Iterable[Substrate]) -> list[str]:
    """Return the layers that have to be observed to cut these substrates."""

    def layers(substrate: Substrate) -> Iterator[str]:
        yield substrate.layer
        upper = _upper(substrate)
        if upper is not None:
            yield upper.layer

    return list(dict.fromkeys(layer for each in substrates for layer in layers(each)))


def _upper(substrate: Substrate) -> Substrate | None:
    """The upper groups that a compatible grouping refers to; None for an independent one."""
    if not isinstance(substrate.atom, Group) or substrate.atom.aligned_to is None:
        return None
    layer, count = substrate.atom.aligned_to
    return Substrate(layer, Group(count))


@dataclass
class _Factorizer:
    """Finds each factorization once. Those in `known` are taken as they are."""

    observation: Observation
    memory: int | None
    preserve: Mapping[str, float]
    known: dict[Substrate, Factorization]

    def factorization(self, substrate: Substrate) -> Factorization | None:
        """The factorization that a substrate means; None if its atoms are not groups."""
        if isinstance(substrate.atom, Group) and substrate not in self.known:
            self.known[substrate] = self._factorize(substrate.layer, substrate.atom)
        return self.known.get(substrate)

    def _factorize(self, layer: str, atom: Group) -> Factorization:
        activations = to_numpy(self.observation.cube(layer))
        upper = _upper(Substrate(layer, atom))
        if upper is not None:
            attribution = self._attribution_of_neurons(layer, upper)
            return compatible(activations, atom.count, attribution, layer).factorization
        if not any(weight for name, weight in self.preserve.items() if name != "activations"):
            return factorize(activations, atom.count, layer)
        gradients = self._gradients_of_classes(layer)
        kept = {"gradients": gradients, "attributions": activations * gradients}
        return factorize_preserving(activations, atom.count, kept, self.preserve, layer)

    def _attribution_of_neurons(self, layer: str, upper: Substrate) -> np.ndarray:
        """R_g = a ⊙ ∂s_g/∂a for every group g of an upper layer: float32 `[n, C, H, W]`."""
        neurons = Substrate(layer, NEURON)
        self.factorization(upper)
        cuts = cut_all(self.observation, [neurons, upper], self.known)
        pairs = [(neurons, upper)]
        values = attribute_together(self.observation, cuts, pairs, False, self.memory)
        return np.moveaxis(values[neurons, upper][..., :-1], -1, 0)

    def _gradients_of_classes(self, layer: str) -> np.ndarray:
        """∂logit/∂a of the most probable classes: float32 `[M, C, H, W]`."""
        logits = self.observation.cubes[OUTPUT]
        chosen = logits.topk(min(PRESERVED_CLASSES, len(logits))).indices
        seeds = torch.nn.functional.one_hot(chosen, len(logits)).to(logits)
        rows = min(len(chosen), batch_size(self.observation, self.memory))
        linearization = Linearization(self.observation, [layer], rows)
        pulled = (linearization.pull(OUTPUT, part, [layer])[layer] for part in seeds.split(rows))
        return np.concatenate([to_numpy(gradients) for gradients in pulled])
