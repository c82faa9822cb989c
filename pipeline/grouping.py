"""Which factorization a substrate means, computed for one photograph of one network.

A group substrate names a layer, a number of groups and, where it is to agree with an upper layer, that layer and its
number of groups. Compatible groups need the attribution of the lower layer's neurons to the upper layer's groups, and
groups that preserve gradients or attributions need those of the most probable classes: so this is where factorization
(`pipeline.factorization`, arrays only) meets the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from pipeline.atoms import Cut, cut
from pipeline.factorization import Groups, compatible, factorize, factorize_preserving
from pipeline.grammar import OUTPUT, Atom, Grouping, Substrate
from pipeline.linearization import Linearization, Observation, batch_size
from pipeline.sweeps import linear

# Classes whose gradients and attributions a factorization preserves, where asked to.
PRESERVED_CLASSES = 5


def cut_all(
    observation: Observation,
    substrates: Iterable[Substrate],
    groups: Mapping[Substrate, Groups],
    memory: int | None = None,
    preserve: Mapping[str, float] | None = None,
) -> dict[Substrate, Cut]:
    """Cut the observed layers; factorizations that are not given are computed (with `preserve` as in `[groups]`)."""
    known = dict(groups)
    cuts = {}
    for substrate in dict.fromkeys(substrates):
        if substrate.atom is Atom.GROUP and substrate not in known:
            known[substrate] = _grouped(observation, substrate, known, memory, preserve or {"activations": 1.0})
        cuts[substrate] = cut(substrate, observation.cube(substrate.layer), known.get(substrate))
    return cuts


def upper_of(substrate: Substrate) -> Substrate | None:
    """The independently grouped upper layer that a compatible grouping refers to; None for an independent one."""
    if substrate.grouping is None or substrate.grouping.aligned_to is None:
        return None
    layer, count = substrate.grouping.aligned_to
    return Substrate(layer, Atom.GROUP, Grouping(count))


def _grouped(
    observation: Observation, substrate: Substrate, known: dict[Substrate, Groups], memory: int | None, preserve: Mapping[str, float]
) -> Groups:
    assert substrate.grouping is not None
    layer, count = substrate.layer, substrate.grouping.count
    activations = _numpy(observation.cube(layer))
    upper = upper_of(substrate)
    if upper is not None:
        if upper not in known:
            known[upper] = _grouped(observation, upper, known, memory, preserve)
        return compatible(activations, count, _attribution_of_neurons(observation, layer, upper, known, memory), layer)[0]
    if not any(weight for name, weight in preserve.items() if name != "activations"):
        return factorize(activations, count, layer)
    gradients = _gradients_of_classes(observation, layer, memory)
    kept = {"gradients": gradients, "attributions": activations * gradients}
    return factorize_preserving(activations, count, kept, preserve, layer)


def _attribution_of_neurons(
    observation: Observation, layer: str, upper: Substrate, known: Mapping[Substrate, Groups], memory: int | None
) -> np.ndarray:
    """R_g = a ⊙ ∂s_g/∂a for every group g of an upper layer: float32 `[n, C, H, W]`."""
    neurons = Substrate(layer, Atom.NEURON)
    cuts = cut_all(observation, [neurons, upper], known, memory)
    values = linear(observation, cuts, [(neurons, upper)], False, memory)[neurons, upper]
    return np.moveaxis(values[..., :-1], -1, 0)


def _gradients_of_classes(observation: Observation, layer: str, memory: int | None) -> np.ndarray:
    """∂logit/∂a of the most probable classes: float32 `[M, C, H, W]`."""
    logits = observation.cubes[OUTPUT]
    chosen = logits.topk(min(PRESERVED_CLASSES, len(logits))).indices
    seeds = torch.nn.functional.one_hot(chosen, len(logits)).to(logits)
    rows = min(len(chosen), batch_size(observation, memory))
    linearization = Linearization(observation, [layer], rows)
    return np.concatenate([_numpy(linearization.pull(OUTPUT, part, [layer])[layer]) for part in seeds.split(rows)])


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
