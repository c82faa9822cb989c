"""How the page writes numbers, again and independently of the scripts."""

from __future__ import annotations


def activation(value: float) -> str:
    """As the article does: two significant digits below 1, three below 10, else one decimal."""
    if value == 0:
        return "0"
    if value < 1:
        return f"{float(f'{value:.2g}'):g}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def percent(share: float) -> str:
    """A share from 0 to 1, with one decimal."""
    return f"{100 * share:.1f} %"
