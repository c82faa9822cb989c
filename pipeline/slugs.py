"""Names that are safe in paths and in addresses."""

from __future__ import annotations


def slug(text: str) -> str:
    """Return a name of letters, digits, dots and dashes, without a dot in front.

    Anything else becomes a dash, so two texts may have the same slug.
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "-" for c in text)
    return kept.strip("-._") or "unnamed"
