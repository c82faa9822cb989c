"""Whether every byte of a store and of a site is the one that was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import AtlasError, raise_all
from pipeline.progress import Reporter
from pipeline.store import DamagedFile, Store, damage_of
from pipeline.website.output import damaged_files


def verify(store: Store, output: Path, command: str, reporter: Reporter) -> None:
    """Read all files of a store, and all of the site if there is one.

    Parameters
    ----------
    store, output
        What was built.
    command
        The configuration as it stands in a command that mends it.

    Raises
    ------
    AtlasError
        With every file that is not as it was written.
    """
    paths = store.files()
    if not paths and not output.is_dir():
        advice = f'"building-blocks build {command}" builds an atlas'
        raise AtlasError(f"{store.root}: nothing here to verify; {advice}")
    problems: list[AtlasError] = list(damage_in(paths))
    number = len(problems)
    mend = f'"building-blocks site {command}" writes the site again'
    problems += [AtlasError(f"{path}: {why}; {mend}") for path, why in damaged_files(output)]
    if not problems:
        site = f" and {output}" if output.is_dir() else ""
        reporter.info(f"{store.root}{site}: whole, as written ({len(paths)} files of the store)")
        return
    if number:
        advice = f'"building-blocks build {command}" computes what is damaged, and nothing else'
        problems.append(AtlasError(f"{number} of {len(paths)} files of {store.root}; {advice}"))
    raise_all(problems)


def damage_in(paths: list[Path]) -> Iterator[AtlasError]:
    """Yield what is wrong with each file that is not whole."""
    for path in paths:
        try:
            error: AtlasError | None = damage_of(path)
        except OSError as problem:
            error = AtlasError(f"{path}: cannot be read ({problem.strerror})")
        if error is not None:
            yield error


def remove_damaged(store: Store, reporter: Reporter) -> None:
    """Remove damaged files, after one was found: they are absent then, and computed again."""
    for error in damage_in(store.files()):
        reporter.info(str(error).partition(";")[0] + "; it is computed again")
        if isinstance(error, DamagedFile):
            error.path.unlink(missing_ok=True)
