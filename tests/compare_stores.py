"""Compare everything that two stores hold: `python -m tests.compare_stores OLD NEW`.

Both are folders of one atlas, such as build/demo. Datasets are compared by name, feature
visualizations by unit; the units of groups, which are named by their vectors, by the groups' names.
Prints a table and exits with 1 if a value differs by more than rounding, or if one store holds what
the other lacks without a known reason.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.store import File
from pipeline.units import Unit

# Largest difference that rounding explains, as a share of the dataset's largest magnitude. Pixels
# of feature visualizations pass hundreds of steps, which amplify rounding; their mean counts.
ROUNDING = {np.dtype(np.float16): 2e-3, np.dtype(np.float32): 1e-3}
PIXELS = 1.0  # of 255

# Datasets that no longer exist, and why.
GONE = {
    r".*/compare/.*": "methods beside the configured one; no figure shows them",
    r".*/saliency/.*/colours": "presentation; computed when the site is baked",
}


@dataclass
class Row:
    """Differences of one kind of datasets."""

    compared: int = 0
    equal: int = 0
    absolute: float = 0.0
    relative: float = 0.0
    worst: str = ""
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, old: np.ndarray, new: np.ndarray) -> None:
        self.compared += 1
        if (old.shape, old.dtype.kind) != (new.shape, new.dtype.kind):
            self.failures.append(f"{name}: {old.dtype}{old.shape} is now {new.dtype}{new.shape}")
        elif old.dtype.kind in "fu":
            self._add_numbers(name, old, new)
        elif (old == new).all():
            self.equal += 1
        else:
            self.failures.append(f"{name}: {int((old != new).sum())} of {old.size} values differ")

    def _add_numbers(self, name: str, old: np.ndarray, new: np.ndarray) -> None:
        first, second = old.astype(np.float64), new.astype(np.float64)
        if np.array_equal(first, second, equal_nan=True):
            self.equal += 1
            return
        differences = np.abs(first - second)
        absolute = float(differences.max())
        relative = absolute / max(float(np.abs(first).max()), 1e-30)
        self.absolute = max(self.absolute, absolute)
        if relative > self.relative:
            self.relative, self.worst = relative, name
        if old.dtype == np.uint8:
            allowed = float(differences.mean()) <= PIXELS and not name.endswith("/input")
        else:
            allowed = relative <= ROUNDING.get(old.dtype, 0.0)
        if not allowed:
            self.failures.append(f"{name}: differs by {absolute:.3g} ({relative:.2%})")


# ------------------------------------------------------------------------------ what a store holds
def files(store: Path, folder: str) -> Iterator[tuple[str, File]]:
    """Name and open every file of a folder of the store."""
    for path in sorted((store / folder).rglob("[!.]*.h5")):
        with File(path) as file:
            yield path.relative_to(store).with_suffix("").as_posix(), file


def photographs(store: Path) -> dict[str, np.ndarray]:
    return {
        f"{path}/{name}": file.values(name)
        for path, file in files(store, "images")
        for name in file.names()
    }


def directions(contents: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Unit of a group → "photograph, groups, which of them"."""
    found: dict[str, str] = {}
    for name, values in contents.items():
        match = re.fullmatch(r"images/(.+?)/(group/.+)/channels", name)
        if match:
            for index, vector in enumerate(values):
                found[str(Unit.direction(vector))] = f"{match[1]}:{match[2]}[{index}]"
    return found


def visualizations(store: Path, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for path, file in files(store, "visualizations"):
        layer = path.rpartition("/")[0]
        values = {name: file.values(name) for name in file.names() if name != "units"}
        for row, unit in enumerate(file.values("units")):
            for name, array in values.items():
                found[f"{layer}/{names.get(unit, unit)}/{name}"] = np.asarray(array[row])
    return found


def grids(store: Path) -> dict[str, np.ndarray]:
    return {
        f"{path}/{name}": file.values(name)
        for path, file in files(store, "grids")
        for name in file.names()
    }


def everything(store: Path) -> dict[str, np.ndarray]:
    """Name → values of every dataset of photographs, feature visualizations and grids."""
    contents = photographs(store)
    return {**contents, **visualizations(store, directions(contents)), **grids(store)}


# --------------------------------------------------------------------------------------- comparing
def kind(name: str) -> str:
    """The row of the table that a dataset belongs to."""
    folder, *parts = name.split("/")
    if folder != "images":
        return f"{folder}: {parts[-1]}"
    return "images: concentration" if "concentration" in parts[-1] else f"images: {parts[1]}"


def compare(old: Mapping[str, np.ndarray], new: Mapping[str, np.ndarray]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for name in sorted(old.keys() & new.keys()):
        rows.setdefault(kind(name), Row()).add(name, old[name], new[name])
    return rows


def reason(name: str) -> str | None:
    """Why a dataset is on the old side only, if that is known."""
    return next((why for pattern, why in GONE.items() if re.fullmatch(pattern, name)), None)


def table(rows: Mapping[str, Row]) -> Iterator[str]:
    head = ("datasets", "compared", "equal", "absolute", "relative")
    yield f"{head[0]:<28}{head[1]:>9}{head[2]:>8}{head[3]:>12}{head[4]:>12}  differs most"
    for name, row in sorted(rows.items()):
        counts = f"{row.compared:>9}{row.equal:>8}"
        yield f"{name:<28}{counts}{row.absolute:>12.3g}{row.relative:>12.2e}  {row.worst}"
    compared, equal = (sum(getattr(row, key) for row in rows.values()) for key in head[1:3])
    yield f"{'all':<28}{compared:>9}{equal:>8}"


def main(old_store: Path, new_store: Path) -> int:
    """Print the comparison; return the exit status."""
    old, new = everything(old_store), everything(new_store)
    rows = compare(old, new)
    for line in table(rows):
        print(line)
    failures = [failure for row in rows.values() for failure in row.failures]
    reasons: dict[str, int] = {}
    for name in sorted(old.keys() - new.keys()):
        why = reason(name)
        if why is None:
            failures.append(f"{name}: only in {old_store}")
        else:
            reasons[why] = reasons.get(why, 0) + 1
    failures += [f"{name}: only in {new_store}" for name in sorted(new.keys() - old.keys())]
    for why, count in reasons.items():
        print(f"only in {old_store}: {count} datasets ({why})")
    for failure in failures:
        print(f"DIFFERS {failure}")
    if not rows:
        print(f"{old_store} and {new_store} hold nothing to compare")
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m tests.compare_stores OLD NEW   (folders such as build/demo)")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
