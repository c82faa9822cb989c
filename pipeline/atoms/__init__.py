"""Atoms: the ways of cutting a layer's cube `a[C, H, W]`, one file each.

    atom            part p_i of the cube        score s_i(a)                seed ∂s_i/∂a
    output neuron   logit k                     a_k                         one at k
    spatial (y, x)  a[:, y, x]                  ‖a[:, y, x]‖₂               a[:, y, x] / score
    channel c       a[c]                        Σ over y, x of a[c]         one in channel c
    neuron          a[c, y, x]                  a[c, y, x]                  one at (c, y, x)
    group g         v_g = W_g ⊗ H_g             ⟨a, v_g / ‖v_g‖⟩            v_g / ‖v_g‖
    whole           a                           ‖a‖₂                        a / ‖a‖₂

A new atom is one file with an `Atom` and a `Cut`, and one line in `ATOMS`.
"""

from __future__ import annotations

from pipeline.atoms.atom import Atom, Cut
from pipeline.atoms.channel import Channel
from pipeline.atoms.group import Group
from pipeline.atoms.neuron import Neuron
from pipeline.atoms.spatial import Spatial
from pipeline.atoms.whole import Whole

__all__ = ["ATOMS", "CHANNEL", "NEURON", "SPATIAL", "WHOLE", "Atom", "Cut", "Group"]

ATOMS: dict[str, type[Atom]] = {
    kind.name: kind
    for kind in (
        Neuron,
        Spatial,
        Channel,
        Group,
        Whole,
    )
}

NEURON, SPATIAL, CHANNEL, WHOLE = Neuron(), Spatial(), Channel(), Whole()
