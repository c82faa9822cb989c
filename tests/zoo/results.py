"""What came of each architecture, kept as it comes, so that an interruption loses nothing.

A result is a file of its own, and counts as long as neither the tool nor the architecture's entry
has changed since.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from pipeline import probe
from pipeline.fingerprints import fingerprint_of, fingerprint_of_file
from tests.zoo.architectures import Architecture

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT = CHECKOUT / "build" / "zoo"


@dataclass(frozen=True)
class Result:
    """What came of an architecture.

    Attributes
    ----------
    layers
        The chosen display layers, in running order.
    error
        Why there is no atlas; None if there is one.
    files, seconds
        Of the site, and of the whole build.
    """

    architecture: Architecture
    layers: tuple[probe.LayerProfile, ...]
    error: str | None
    files: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether there is an atlas, all of whose layers are cuts that the logits depend on."""
        sound = all(each.is_cut and each.counts for each in self.layers)
        return self.error is None and bool(self.layers) and sound


def keep(result: Result, folder: Path = KEPT) -> None:
    """Write a result."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {**asdict(result), "of": _fingerprint(result.architecture)}
    path = _path(result.architecture, folder)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content, indent=1))
    unfinished.replace(path)


def kept(architecture: Architecture, folder: Path = KEPT) -> Result | None:
    """Return the result of an earlier run; None where there is none of this very code."""
    path = _path(architecture, folder)
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    if content["of"] != _fingerprint(architecture):
        return None
    layers = tuple(
        probe.LayerProfile(**{**each, "shape": tuple(each["shape"])}) for each in content["layers"]
    )
    return Result(
        architecture, layers, content["error"], int(content["files"]), float(content["seconds"])
    )


def _path(architecture: Architecture, folder: Path) -> Path:
    return folder / f"{architecture.library}-{architecture.name}.json"


def _fingerprint(architecture: Architecture) -> str:
    return fingerprint_of(_code(), asdict(architecture))


@cache
def _code() -> str:
    """The fingerprint of all that an atlas is made with: the package and the templates."""
    folders = (CHECKOUT / "pipeline", CHECKOUT / "templates", CHECKOUT / "tests" / "zoo")
    paths = sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    return fingerprint_of([[str(path), fingerprint_of_file(path)] for path in paths])
