"""Removing from a store what its configuration needs no more, and what killed builds left behind.

Only files of the store's own kinds are removed, recognised by their seal. A photograph's file keeps
contents that no figure needs now: another choice of figures finds them there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.phases.atlas import atlas_of
from pipeline.phases.phase import Phase
from pipeline.phases.photographs import fingerprint_of_file
from pipeline.progress import Reporter
from pipeline.store import PART, PHOTOGRAPHS, Store, summary_of
from pipeline.survey import Survey


def remove_leftovers(store: Store) -> None:
    """Remove files that were being written when a build was killed. The store must be locked."""
    for path in store.root.rglob(f".*{PART}"):
        path.unlink(missing_ok=True)


def remove_excess(
    survey: Survey, phases: Sequence[Phase[Any, Any, Any]], reporter: Reporter, pretend: bool
) -> None:
    """Remove what the configuration needs no more.

    Parameters
    ----------
    survey, phases
        The configuration, and what a store holds for it.
    pretend
        Say what would be removed, and keep it.
    """
    store = survey.store
    excess = list(_excess(survey, phases))
    size = sum(path.stat().st_size for path in excess)
    for path in excess:
        reporter.detail(f"  {path}")
        if not pretend:
            path.unlink()
    if not pretend:
        remove_leftovers(store)
        _remove_empty_folders(store.root)
    done = "would be removed" if pretend else "removed"
    reporter.info(f"{store.root}: {len(excess)} files {done}, {size / 1e6:.1f} MB")


def _excess(survey: Survey, phases: Sequence[Phase[Any, Any, Any]]) -> Iterator[Path]:
    store = survey.store
    wanted = {kind: set(of.values()) for kind, of in atlas_of(survey, phases).fingerprints.items()}
    photographs = {
        store.photograph_path(each.name): fingerprint_of_file(survey, each)
        for each in survey.photographs
    }
    for path in store.files():
        summary = summary_of(path)
        if summary is None:
            continue
        kind, fingerprint = summary["kind"], summary["fingerprint"]
        if kind == PHOTOGRAPHS:
            needed = photographs.get(path) == fingerprint
        else:
            needed = kind not in wanted or fingerprint in wanted[kind]
        if not needed:
            yield path


def _remove_empty_folders(root: Path) -> None:
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
