"""Weights that are downloaded once: kept in a cache, checked by their hash, with their licence.

The cache is `building-blocks` in the user's folder for caches (`XDG_CACHE_HOME`, else `~/.cache`);
the environment variable `BUILDING_BLOCKS_CACHE` names another. A file in it is checked when it
arrives, and trusted afterwards.
"""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from pipeline.errors import AtlasError

TIMEOUT = 60  # seconds without an answer
BLOCK = 1 << 20  # bytes read at a time


@dataclass(frozen=True)
class Download:
    """A file somebody published.

    Attributes
    ----------
    file
        Its name in the cache.
    algorithm, digest
        The hash that its publisher gives, hexadecimal.
    licence
        A sentence that is shown when it is downloaded and kept beside it.
    """

    file: str
    url: str
    algorithm: str
    digest: str
    licence: str


def cache_folder() -> Path:
    """Where downloads are kept."""
    own = os.environ.get("BUILDING_BLOCKS_CACHE")
    if own:
        return Path(own)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "building-blocks"


def download(wanted: Download) -> Path:
    """Return the file's path in the cache, after downloading it if it is not there yet.

    Raises
    ------
    AtlasError
        When it cannot be downloaded or written, or what came is another file.
    """
    path = cache_folder() / wanted.file
    if path.is_file():
        return path
    advice = f'download it elsewhere and name the file in "model.weights", or save it as {path}'
    print(f"Downloading {wanted.url} once, to {path}. {wanted.licence}", file=sys.stderr)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = _fetch(wanted, part)
        if found == wanted.digest:
            path.with_name(f"{path.name}.licence.txt").write_text(f"{wanted.licence}\n")
            part.replace(path)
            return path
    except (urllib.error.URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise AtlasError(f"{wanted.url} cannot be downloaded ({reason}); {advice}") from error
    finally:
        part.unlink(missing_ok=True)
    differs = f"its {wanted.algorithm} is {found}, not {wanted.digest}"
    raise AtlasError(f"{wanted.url}: what came is another file ({differs}); {advice}")


def _fetch(wanted: Download, part: Path) -> str:
    """Download to a file and return the hash of what came."""
    digest = hashlib.new(wanted.algorithm)
    with urllib.request.urlopen(wanted.url, timeout=TIMEOUT) as answer, open(part, "wb") as file:
        while block := answer.read(BLOCK):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()
