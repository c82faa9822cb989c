"""What GitHub Pages allows, and what to leave out of a site that is larger.

The limits are those of GitHub's documentation, "GitHub Pages limits" and "About large files on
GitHub": a published site may have 1 GB, and a push with a file above 100 MiB is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import ceil
from pathlib import PurePosixPath

SITE = 1_000_000_000  # bytes
FILE = 100 * 1024 * 1024

OF_PHOTOGRAPHS = ("data", "photographs", "grids")  # folders whose entries belong to photographs

# Data of a photograph that are there whichever figures are chosen.
NO_FIGURES = ("photograph", "inspector")


def of_photographs(sizes: Mapping[str, int]) -> Counter[str]:
    """Return photograph → bytes of the files that are there for it alone."""
    found: Counter[str] = Counter()
    for path, size in sizes.items():
        folder, *below = PurePosixPath(path).parts
        if folder in OF_PHOTOGRAPHS and below:
            alone = len(below) == 1
            if folder == "photographs" or not alone:  # data/site.js belongs to all
                found[PurePosixPath(below[0]).stem if alone else below[0]] += size
    return found


def of_data(sizes: Mapping[str, int]) -> int:
    """Return the bytes of the store's files that are published for notebooks."""
    return sum(size for path, size in sizes.items() if path.startswith("store/"))


def advice(sizes: Mapping[str, int], limit: int) -> Iterator[str]:
    """Yield what to leave out of a site, and how much of it, until `limit` bytes are kept.

    Parameters
    ----------
    sizes
        Path in the site → bytes.
    limit
        Bytes.
    """
    over = sum(sizes.values()) - limit
    if over <= 0:
        return
    published = of_data(sizes)
    if published:
        yield f"the data that notebooks open take {megabytes(published)}: [site] data = false"
    photographs = of_photographs(sizes)
    if photographs:
        mean = sum(photographs.values()) / len(photographs)
        count = ceil(over / mean)
        if count < len(photographs):
            whole = f"a photograph takes {megabytes(mean)}"
            yield f"{count} of {len(photographs)} photographs fewer ({whole}): [dataset] images"
        else:
            yield "fewer photographs alone are not enough: [dataset] images"
    sprites = sum(size for path, size in sizes.items() if path.startswith("sprites/"))
    if sprites:
        yield (
            f"feature visualizations take {megabytes(sprites)}: "
            "fewer layers ([model] layers) or channels ([features] channels)"
        )
    figures: Counter[str] = Counter()
    for path, size in sizes.items():
        parts = PurePosixPath(path).parts
        name = parts[-1].partition(".")[0]
        if parts[0] == "data" and len(parts) == 3 and name not in NO_FIGURES:
            figures[name] += size
    if figures:
        largest = ", ".join(f"{name} {megabytes(size)}" for name, size in figures.most_common(3))
        yield f"the figures with most data are {largest}: [site] figures chooses"


def megabytes(size: float) -> str:
    """Write a number of bytes in megabytes."""
    digits = 1 if size < 1e8 else 0
    return f"{size / 1e6:,.{digits}f} MB".replace(",", "\N{NARROW NO-BREAK SPACE}")
