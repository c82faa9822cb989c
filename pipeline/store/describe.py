"""What a file of the store holds, as text for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.store.reading import File

LONGEST = 120  # characters of an attribute


def describe(path: Path) -> Iterator[str]:
    """Yield lines: a file's attributes, then every dataset with shape, type, dims and units."""
    with File(path) as file:
        size = path.stat().st_size / 1e6
        yield f"{path}: {file.kind}, schema {file.schema}, {file.created_by}, {size:.2f} MB"
        yield f"fingerprint {file.fingerprint}"
        for key, value in file.attributes.items():
            text = json.dumps(value, ensure_ascii=False)
            yield f"{key}: {text if len(text) <= LONGEST else text[: LONGEST - 3] + '…'}"
        rows = [
            (name, " × ".join(map(str, shape)) or "scalar", kind, ", ".join(dims), units)
            for name, shape, kind, dims, units in file.describe()
        ]
    if rows:
        yield from _table([("dataset", "shape", "type", "dims", "units"), *rows])


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
