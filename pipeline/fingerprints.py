"""Fingerprints: SHA-256 over all that a result depends on, so that a result can be recognised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def fingerprint_of(*parts: Any) -> str:
    """Return the SHA-256 (hex) of values.

    Parameters
    ----------
    parts
        Text, bytes, numbers, None, arrays, and lists and mappings of them.
    """
    digest = hashlib.sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _feed(digest: Any, part: Any) -> None:
    # Each value is preceded by its kind and length, so no two different lists of parts are alike.
    if isinstance(part, np.ndarray):
        values = np.ascontiguousarray(part)
        _feed(digest, ["array", values.dtype.str, list(values.shape), values.tobytes()])
    elif isinstance(part, bytes):
        digest.update(b"b%d:" % len(part))
        digest.update(part)
    elif isinstance(part, Mapping):
        digest.update(b"m%d:" % len(part))
        for key in sorted(part, key=str):
            _feed(digest, str(key))
            _feed(digest, part[key])
    elif isinstance(part, list | tuple):
        digest.update(b"l%d:" % len(part))
        for item in part:
            _feed(digest, item)
    else:
        text = json.dumps(part).encode()
        digest.update(b"j%d:" % len(text))
        digest.update(text)


def fingerprint_of_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
