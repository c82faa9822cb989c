"""A row of a benchmark's table."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any


def row(
    name: str,
    value: float | None,
    unit: str,
    bound: float | None = None,
    keeps: Callable[[float, float], bool] = operator.le,
) -> dict[str, Any]:
    """Return a row: what was measured, and whether it keeps its bound.

    Parameters
    ----------
    name, unit
        Of what was measured.
    value
        None where it could not be.
    bound
        What it should keep, if anything.
    keeps
        Called with value and bound: `operator.le` where the bound is the most that is allowed, `ge` where it is the least.
    """
    holds = None if bound is None or value is None else bool(keeps(value, bound))
    return {"name": name, "value": value, "unit": unit, "bound": bound, "holds": holds}
