"""What taking an atom away means: the layer's cube goes to its baseline where the atom was.

A cube `a[C, H, W]` is its baseline b and what it has beyond it, `a - b`. The atoms are cuts of the
latter, so that with all of them taken away the layer is at its baseline, whichever atoms they are:
a channel or position without its part is at the baseline, a group's part is what the factorization
gives it, and the residual is what groups leave of `a - b`. The baseline is zero, or each channel's
mean over positions and photographs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.atoms import Cut
from pipeline.atoms.group import GroupsAndResidual
from pipeline.attribution.batches import to_numpy
from pipeline.attribution.observation import Observation, hidden_layers
from pipeline.attribution.push_pull import Cuts
from pipeline.grammar import INPUT, Substrate
from pipeline.network import Network


def displaced(observation: Observation, cuts: Cuts, substrates: Iterable[Substrate]) -> Cuts:
    """Cut what the layers have beyond their baseline; `cube - parts` is the cube without an atom.

    Parameters
    ----------
    observation, cuts
        The photograph's pass, and the cuts of the cubes themselves.
    substrates
        Which of them.
    """
    return {each: _displaced(observation, each, cuts[each]) for each in substrates}


def _displaced(observation: Observation, substrate: Substrate, cut: Cut) -> Cut:
    if observation.means is None:
        return cut
    factorization = cut.factorization if isinstance(cut, GroupsAndResidual) else None
    return substrate.cut(cut.a - observation.baseline(substrate.layer), factorization)


@torch.enable_grad()
def combined(cut: Cut, weights: Tensor) -> Tensor:
    """Return Σ_j w_j p_j over the atoms' parts: weights `[B, M]` → `[B, *cube]`.

    The gradient of Σ_j w_j ⟨p_j, g⟩ by g: no part has to be held by itself.
    """
    g = cut.blank(range(len(weights))).requires_grad_()
    (found,) = torch.autograd.grad((cut.aggregate(g) * weights).sum(), g)
    return found


def mean_activations(
    network: Network, photographs: Iterable[Tensor], layers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Average each channel of some layers over positions and photographs.

    Parameters
    ----------
    network
        The network.
    photographs
        `x[1, 3, H, W]` in 0…1 each.
    layers
        Names of layers; the input may be among them.

    Returns
    -------
    dict of str to ndarray
        Layer → float32 `[C]`.

    Raises
    ------
    AtlasError
        When a layer does not exist or takes no part in a pass.
    """
    means: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    for x in photographs:
        cubes = {INPUT: x, **network.run(x, hidden_layers(layers))[0]}
        for layer, of_photographs in means.items():
            of_photographs.append(to_numpy(cubes[layer][0]).mean((1, 2), dtype=np.float64))
    return {layer: np.mean(each, axis=0).astype(np.float32) for layer, each in means.items()}
