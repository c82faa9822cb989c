"""Methods of attribution, one file each: at which points a score's gradient is taken.

A method is a module with what `Method` lists. A new one is one file and one line in the table
below; configurations, the plan and the page know methods through `METHODS` only. No method loads
torch before it makes points.
"""

from __future__ import annotations

from pipeline.attribution.methods import integrated, linear, random_paths, shares, smoothgrad
from pipeline.attribution.methods.method import Method, Points
from pipeline.errors import AtlasError, did_you_mean
from pipeline.grammar import SPATIAL, Substrate

__all__ = ["METHODS", "Method", "Points", "method_named", "relaxes"]

_TABLE: tuple[Method, ...] = (
    linear,
    integrated,
    random_paths,
    smoothgrad,
    shares,
)

METHODS: dict[str, Method] = {method.NAME: method for method in _TABLE}


def method_named(name: str) -> Method:
    """Look a method up.

    Raises
    ------
    AtlasError
        For an unknown name; gives the nearest one.
    """
    if name not in METHODS:
        hint = did_you_mean(name, METHODS) or ";"
        raise AtlasError(f'no attribution method "{name}"{hint} known are: {", ".join(METHODS)}')
    return METHODS[name]


def relaxes(method: Method, source: Substrate, relax: bool | None = None) -> bool:
    """Whether max-pools are relaxed (`pipeline.attribution.pooling`).

    Parameters
    ----------
    method, source
        By default max-pools are relaxed where the method suits it and the source's atoms are
        positions.
    relax
        True or False decides; None leaves it to the default.
    """
    return method.RELAXES and source.atom == SPATIAL if relax is None else relax
