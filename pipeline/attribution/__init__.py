"""Attribution: how much each atom of one layer contributes to each atom of a later one.

This is the package's only door. `attribute` answers for one pair of substrates,
`attribute_along_paths` adds the spread over paths and the completeness gap, and `compute` makes all
contents of a photograph's file together. `sampled_gains` is what shares are compared with.

A substrate's way through the package leads down one staircase; no module imports one above it:

    photograph     contents → datasets, each quantity once     pair   two substrates → one array
    saliency       attributions to many classes → a few factors
    sampling       Shapley values of many atoms from random orders: a reference
    together       all pairs by the configured method
    sharing        shares: which pairs are Shapley values, which are integrated
    coalitions     every subset of a layer's groups
    companies      what atoms give to later layers, alone and together
    straight_path, staggered_paths    how channels grow from the baseline to the cube
    paths          gradients along paths from a layer's baseline to its cube
    removal        one atom taken away at a time, measured
    baselines      what a layer is replaced by
    groups         substrates → cuts: factorizes the layers that are cut into groups
    averaging      one target, gradients averaged over a method's points
    push_pull      all pairs at one point: parts pushed forward or seeds pulled back
    linearization  a kept graph: gradients pulled, tangents pushed
    batches        how many rows fit into memory; float32 throughout
    passes         a pass of many rows with a layer's cube replaced
    rest           the network from a layer on
    observation    the photograph's own pass: the layers' cubes
    linear_functions, pooling    what stands in for torch's operations in those passes
    methods/       at which points gradients are taken, one file a method

`Substrate("mixed4a", SPATIAL)` enters `attribute`; `observation` runs the network and has its cube
`a[C, H, W]`; `groups` cuts it into H·W positions, each with a part of the cube; `push_pull` pulls
the gradients of the target's scores back to the cube, and the cut sums part × gradient for each
position. What comes out has the source's dimensions first, then the target's.

Importing this package loads no torch: the plan and the page need `METHODS` only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipeline.attribution.methods import METHODS

if TYPE_CHECKING:
    from pipeline.attribution.pair import Attributed, attribute, attribute_along_paths
    from pipeline.attribution.photograph import compute
    from pipeline.attribution.sampling import sampled_gains

__all__ = [
    "METHODS",
    "Attributed",
    "attribute",
    "attribute_along_paths",
    "compute",
    "sampled_gains",
]

_MODULES = {
    "Attributed": "pair",
    "attribute": "pair",
    "attribute_along_paths": "pair",
    "compute": "photograph",
    "sampled_gains": "sampling",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
