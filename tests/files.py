"""Folders compared by what their files hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Path below the folder → bytes, for all files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def without_runs(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same files without what statements have of the machine and the time that it took.

    Neither is a part of the atlas. A site's manifest loses what it says of the statement's size and
    contents.
    """
    found = dict(files)
    for path, raw in files.items():
        if path.endswith("made.json"):
            said = json.loads(raw)
            del said["run"]
            found[path] = json.dumps(said).encode()
        elif path.endswith("atlas.json"):
            manifest = json.loads(raw)
            for known in (manifest["files"], manifest["digests"]):
                known.pop("made.json", None)
            found[path] = json.dumps(manifest).encode()
    return found
