"""What a file of the store holds, compared with what is wanted; no values are read for it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import h5py

SCHEMA = 2


class State(Enum):
    """What is at a path, compared with what is wanted."""

    CURRENT = "current"
    ABSENT = "absent"
    STALE = "stale"  # whole, but computed from something else
    DAMAGED = "damaged"  # cut short, or not of this store


def state(path: Path, kind: str, fingerprint: str) -> State:
    """Compare the file at `path` with what is wanted."""
    if not path.exists():
        return State.ABSENT
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("kind") != kind:
                return State.DAMAGED
            if (file.attrs.get("schema"), file.attrs.get("fingerprint")) != (SCHEMA, fingerprint):
                return State.STALE
            # A file cut short can still open; its datasets' headers must be within what is there.
            for dataset in datasets(file).values():
                _ = dataset.shape
    except (OSError, KeyError, RuntimeError, ValueError):
        return State.DAMAGED
    return State.CURRENT


def held(path: Path, kind: str, fingerprint: str) -> dict[str, str]:
    """Name the contents that a file holds.

    Returns
    -------
    dict
        Content → its fingerprint. Empty where there is no whole file of this kind and fingerprint.
    """
    if state(path, kind, fingerprint) is not State.CURRENT:
        return {}
    with h5py.File(path, "r") as file:
        marks = [dataset.attrs for dataset in datasets(file).values()]
        return {
            str(mark["content"]): str(mark["fingerprint"]) for mark in marks if "content" in mark
        }


def datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Return all datasets of an open file by their names."""
    found: dict[str, h5py.Dataset] = {}

    def add(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    file.visititems(add)
    return found
