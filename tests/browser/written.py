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
    """A share from 0 to 1, with one decimal; what is tiny is not written as nothing."""
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def signed(value: float) -> str:
    """With two decimals and a plus or a minus; what rounds to zero has neither."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text
