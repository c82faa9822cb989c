"""The site's folder: a new one is written beside the old one and replaces it when it is whole.

A run that fails or is interrupted leaves the previous site as it was. `atlas.json` lists the files
that are ours. Whatever else the owner of the site has put into its folder, such as a CNAME or a
.git, is kept.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.errors import AtlasError
from pipeline.locks import lock
from pipeline.store import free_text

MANIFEST = "atlas.json"
CREATOR = "building-blocks"
PART = ".part"  # how the name of a folder ends that is not whole yet


@dataclass
class Site:
    """A site being written into a folder.

    Attributes
    ----------
    build
        What tells this build of the site from any other.
    sizes
        Path of a file → its size in bytes.
    unfinished
        What is still to come, where this is a stage of an atlas that is being computed.
    digests
        Path of a file → the SHA-256 of its bytes, the first half.
    """

    folder: Path
    build: str
    unfinished: tuple[str, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, content: str | bytes) -> None:
        """Write one file and note its size."""
        raw = content.encode() if isinstance(content, str) else content
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
        self.sizes[path] = len(raw)
        self.digests[path] = digest(raw)

    def register(self, key: str, value: Any) -> None:
        """Write a data file: a script that calls `atlas.register` with the value."""
        # Characters as they are: packed levels are made of them.
        text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        arguments = f"{json.dumps(self.build)},{json.dumps(key)},{text}"
        self.write(f"data/{key}.js", f"atlas.register({arguments});\n")

    def write_manifest(self, title: str, network: str) -> None:
        """Write the list of the site's files; it comes last, so that only a whole site has one."""
        facts = {
            "created_by": f"{CREATOR} {__version__}",
            "title": title,
            "network": network,
            "build": self.build,
            **({"unfinished": self.unfinished} if self.unfinished else {}),
            "files": {**dict(sorted(self.sizes.items())), MANIFEST: None},
            "digests": dict(sorted(self.digests.items())),
        }
        self.write(MANIFEST, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def is_whole(output: Path, build: str) -> bool:
    """Whether `output` holds all files of this build, each of the size that was written."""
    manifest = manifest_of(output)
    if manifest is None or manifest.get("build") != build:
        return False
    listed = {path: size for path, size in manifest["files"].items() if path != MANIFEST}
    try:
        return {path: (output / path).stat().st_size for path in listed} == listed
    except OSError:
        return False


def is_finished(output: Path) -> bool:
    """Whether `output` holds a site of ours that lacks nothing."""
    manifest = manifest_of(output)
    return manifest is not None and not manifest.get("unfinished")


def relative(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder; an absolute one where they are on different drives."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def digest(raw: bytes) -> str:
    """Return what a manifest has of a file's contents, to notice that they have changed."""
    return hashlib.sha256(raw).hexdigest()[:32]


def damaged_files(output: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of a site that are not as they were written, and what is wrong with each."""
    if not output.is_dir() or not any(output.iterdir()):
        return
    try:
        digests = dict(json.loads((output / MANIFEST).read_text(encoding="utf-8"))["digests"])
    except KeyError:
        yield output / MANIFEST, "has no checksums, being of an older version"
        return
    except (OSError, ValueError, TypeError) as error:
        yield output / MANIFEST, f"cannot be read ({error})"
        return
    for name, written in digests.items():
        try:
            if digest((output / name).read_bytes()) != written:
                yield output / name, "damaged"
        except OSError as error:
            yield output / name, f"cannot be read ({error.strerror})"


def manifest_of(output: Path) -> dict[str, Any] | None:
    """Return the manifest of a site of ours; None if it is not one."""
    try:
        manifest = json.loads((output / MANIFEST).read_text(encoding="utf-8"))
        ours = str(manifest["created_by"]).startswith(CREATOR)
        return dict(manifest) if ours and isinstance(manifest["files"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def refuse_foreign(output: Path) -> None:
    """Check that a site may be written to `output`.

    Raises
    ------
    AtlasError
        When it is a file, or a folder that holds anything but a site of ours.
    """
    if output.exists() and not output.is_dir():
        raise AtlasError(f"{output}: is a file; name a folder for the site with --output")
    if output.is_dir() and any(output.iterdir()) and manifest_of(output) is None:
        reason = f"holds files that {CREATOR} did not write, so it is left alone"
        advice = "name another folder with --output, or empty this one"
        raise AtlasError(f"{output}: {reason}; {advice}")


@contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """Yield a new folder beside `output`, which replaces it unless there is an exception.

    Raises
    ------
    AtlasError
        When the folder cannot be written or must not be replaced.
    """
    output = output.absolute()
    with _locked(output):
        refuse_foreign(output)
        try:
            folder = Path(tempfile.mkdtemp(PART, f".{output.name}-", output.parent))
        except OSError as error:
            raise _unwritable(output, error) from error
        try:
            yield folder
            folder.chmod(0o755)
            _exchange(folder, output)
        except OSError as error:
            raise _without_room(output, folder, error) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def tidy(output: Path) -> None:
    """Finish or undo what a run that was killed has left beside a site.

    Raises
    ------
    AtlasError
        When the folder cannot be written.
    """
    if any(output.absolute().parent.glob(f".{glob.escape(output.name)}[-.]*")):
        with _locked(output.absolute()):
            pass


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    """Let no other process write beside `output`, and tidy up after those that were killed."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with lock(output.parent, waiting=lambda: None) as held:
            if held:  # otherwise what is there may be another's who is writing now
                for folder in output.parent.glob(f".{glob.escape(output.name)}-*{PART}"):
                    shutil.rmtree(folder, ignore_errors=True)
            _recover(output)
            yield
    except OSError as error:
        raise _unwritable(output, error) from error


def _unwritable(output: Path, error: OSError) -> AtlasError:
    advice = "choose another folder with --output"
    return AtlasError(f"{output.parent}: cannot write here ({error.strerror or error}); {advice}")


def _without_room(output: Path, folder: Path, error: OSError) -> AtlasError:
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = free_text(output.parent)
    needed = f"it needs more than the {written} bytes that were written{free}"
    advice = "free some space or choose another folder with --output, then run the command again"
    return AtlasError(f"{output}: could not be written ({error}); {needed}; {advice}")


def _previous(output: Path) -> Path:
    return output.with_name(f".{output.name}.previous")


def _recover(output: Path) -> None:
    # An exchange that was cut off leaves the previous site, or the owner's part of it, behind.
    previous = _previous(output)
    if not previous.is_dir():
        return
    if not output.exists():
        previous.rename(output)
    else:
        _carry_over(previous, output)


def _exchange(folder: Path, output: Path) -> None:
    if not output.exists():
        folder.rename(output)
        return
    previous = _previous(output)
    output.rename(previous)
    try:
        folder.rename(output)
    except BaseException:
        previous.rename(output)
        raise
    _carry_over(previous, output)


def _carry_over(previous: Path, output: Path) -> None:
    """Move what is not ours into the new site, replacing none of its files; remove the old one."""
    manifest = manifest_of(previous)
    if manifest is not None:  # else it was empty, or its removal had begun
        for path in _not_in(set(manifest["files"]), previous):
            target = output / path.relative_to(previous)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    shutil.rmtree(previous)


def _not_in(ours: set[str], folder: Path) -> list[Path]:
    """The files in a folder that are not ours; a folder without files of ours counts as one."""
    found = []
    for entry in folder.iterdir():
        # Such a folder stays whole: a .git needs its empty folders.
        mixed = entry.is_dir() and any(name.startswith(f"{entry.name}/") for name in ours)
        inside = [each for each in entry.rglob("*") if not each.is_dir()] if mixed else [entry]
        found += [path for path in inside if path.relative_to(folder).as_posix() not in ours]
    return found
