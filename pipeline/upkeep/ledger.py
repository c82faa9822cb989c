"""The ledger, `build.json` in a store: what the last build was made from, and how long it took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.progress import PhaseReport
from pipeline.store import Store, replace_file
from pipeline.survey import Survey

NAME = "build.json"


@dataclass(frozen=True)
class Ledger:
    """The account of the last build.

    Attributes
    ----------
    inputs
        Name of an input → its value or fingerprint.
    seconds
        Phase → seconds that one of its things took.
    failed
        Photograph → the fingerprint of its bytes, for those that could not be computed.
    key
        Of all that a complete build depended on; empty where something failed.
    held
        Phase → its unit and how many things the store holds of it.
    files
        Path of a file of the store → its size and time of modification.
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    held: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    files: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def inputs_of(survey: Survey) -> dict[str, Any]:
    """Return what an atlas is made from: "weights", "photograph NAME", and "TABLE.KEY"."""
    settings = survey.settings.model_dump(mode="json", exclude={"dataset": {"images"}})
    return {
        "weights": survey.profile.weights,
        **{f"photograph {each.name}": each.fingerprint for each in survey.photographs},
        "layers": list(survey.plan.layers),
        "figures": list(survey.plan.figures),
        **flat(settings),
    }


def flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return key → value of a configuration, keys of its tables as in "model.source"."""
    found: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            found[name] = value
    return found


def read(root: Path) -> Ledger:
    """Read the ledger of a store; an empty one where there is none that can be read."""
    try:
        values = json.loads((root / NAME).read_text())
        mappings = {key: dict(values[key]) for key in ("inputs", "seconds", "failed")}
        held = {name: (str(unit), int(count)) for name, (unit, count) in values["held"].items()}
        files = {name: (int(size), int(time)) for name, (size, time) in values["files"].items()}
        return Ledger(**mappings, key=str(values["key"]), held=held, files=files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Ledger()


def nothing_to_do(store: Store, key: str) -> Mapping[str, tuple[str, int]] | None:
    """Look whether the last build was complete, and depended on the same.

    Returns
    -------
    Mapping or None
        Phase → its unit and how many things the store holds; None where something else is wanted,
        something failed, or a file of the store is not the one that was there.
    """
    known = read(store.root)
    return known.held if known.key == key != "" and known.files == _files(store) else None


def _files(store: Store) -> dict[str, tuple[int, int]]:
    found = {path.relative_to(store.root).as_posix(): path.stat() for path in store.files()}
    return {name: (status.st_size, status.st_mtime_ns) for name, status in found.items()}


def keep_account(survey: Survey, reports: Sequence[PhaseReport], key: str) -> None:
    """Write the ledger after a build, unless it says the same.

    Parameters
    ----------
    survey, reports
        What was built, and how the phases went.
    key
        Of all that the build depended on; empty where something failed.

    Raises
    ------
    AtlasError
        When it cannot be written.
    """
    root = survey.store.root
    known = read(root)
    took = {each.name: round(each.seconds / each.computed, 4) for each in reports if each.computed}
    ledger = Ledger(
        inputs=json.loads(json.dumps(inputs_of(survey))),
        seconds={**known.seconds, **took},
        failed={each.name: each.fingerprint for each in survey.failed},
        key=key,
        held={each.name: (each.unit, each.computed + each.reused) for each in reports},
        files=_files(survey.store) if key else {},
    )
    if ledger != known:
        replace_file(root / NAME, json.dumps(asdict(ledger), sort_keys=True).encode())


def failed_before(survey: Survey) -> list[str]:
    """Name the photographs that the last build could not compute and that are still the same."""
    failed = read(survey.store.root).failed
    return [each.name for each in survey.photographs if failed.get(each.name) == each.fingerprint]
