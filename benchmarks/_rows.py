"""The rows of a benchmark's table."""

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
        None where the measurement failed.
    bound
        What it should keep, if anything.
    keeps
        Called with value and bound: `operator.le` where the bound is the most that is allowed,
        `ge` where it is the least.
    """
    holds = None if bound is None or value is None else bool(keeps(value, bound))
    return {"name": name, "value": value, "unit": unit, "bound": bound, "holds": holds}


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as aligned text, one a line."""
    words = {True: "holds", False: "FAILS", None: ""}
    cells = [("benchmark", "value", "unit", "bound", "")]
    for each in rows:
        numbers = _cell(each["value"]), each["unit"], _cell(each["bound"])
        cells.append((each["name"], *numbers, words[each["holds"]]))
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)
