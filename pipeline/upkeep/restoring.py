"""From a statement back to what it speaks of: the configuration, checked against what is here.

The configuration becomes a file again, so that all that follows is a build like any other. No code
of the configuration's is run unless the files that it names and the photographs are those of the
statement, and nothing is written or computed unless the network is, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import photographs
from pipeline.config import Config, configuration, is_file, read
from pipeline.errors import AtlasError, raise_all
from pipeline.photographs import PhotographFile, is_packaged
from pipeline.progress import Reporter
from pipeline.survey import Options, Survey, survey
from pipeline.upkeep.forecast import changes
from pipeline.upkeep.ledger import flat
from pipeline.upkeep.statement import (
    PRIVATE,
    Statement,
    files_of,
    photographs_of,
    read_statement,
)
from pipeline.upkeep.surroundings import packages
from pipeline.upkeep.toml import toml
from pipeline.website.page import STATEMENT

SHOWN = 12  # digits of a fingerprint


def is_statement(path: Path) -> bool:
    """Whether a path is that of a statement, or a site or a store with one."""
    return is_file(path / STATEMENT) or (path.suffix == ".json" and is_file(path))


def restore(
    path: Path, options: Options, reporter: Reporter, *, write: bool = True
) -> tuple[Config, Options]:
    """Return what a build takes to make the atlas of a statement.

    Parameters
    ----------
    path
        Of the statement, or of a site or a store that has one.
    options, reporter
        What the command line adds, and where messages go.
    write
        Whether the configuration's file is written where it is not there.

    Returns
    -------
    tuple
        The configuration, and the options with the figures of the statement.

    Raises
    ------
    AtlasError
        With everything that is missing or not what the atlas was made from.
    """
    file = path if is_file(path) else path / STATEMENT
    stated = read_statement(file)
    config = _configuration(stated, file)
    raise_all([*_other_files(stated, config, file), *_other_photographs(stated, config, file)])
    options = replace(options, figures=options.figures or stated.figures)
    found = survey(config, options, reporter, keep_probe=False)
    raise_all(list(_other_network(stated, found, file)))
    for line in _other_versions(stated, found):
        reporter.info(f"{file}: {line}; what is computed may differ")
    if write and not config.path.exists():
        _write(stated, config.path)
        reporter.info(f"{config.path}: written, the configuration of {file}")
    return config, options


def _folder(stated: Statement, file: Path) -> Path:
    """The folder that paths refer to: the current one, or the one the statement was made in.

    The one with more of the files that the statement names, and with the configuration.
    """
    made = [*stated.photographs.values(), *stated.left_out.values()]
    names = [stated.name, *stated.files, *(each.file for each in made)]

    def there(folder: Path) -> int:
        return sum(is_file(folder / name) for name in names)

    return max((Path(), file.parent / stated.folder), key=there)


def _configuration(stated: Statement, file: Path) -> Config:
    """The configuration, compared with its file where there is one."""
    name = stated.name
    if Path(name).name != name or Path(name).suffix != ".toml" or not name.isprintable():
        raise AtlasError(f'{file}: "name": {name!r} is no name of a configuration file')
    if Path(stated.folder).is_absolute() or "\0" in stated.folder:
        advice = 'write it as seen from the statement, or "."'
        raise AtlasError(f'{file}: "folder": {stated.folder!r} is no relative path; {advice}')
    path = Path(_plain(_folder(stated, file) / name))
    try:
        wanted = configuration(file, stated.configuration).model_copy(update={"path": path})
        if not path.exists():
            return wanted
    except OSError as error:
        raise AtlasError(f"{path}: cannot be looked up ({error.strerror})") from error
    config = read(path)
    differing = list(changes(_meaning(wanted), _meaning(config)))
    if differing:
        advice = f'rename it, or build what it says: "building-blocks build {path}"'
        raise AtlasError(f"{path}: is not that of {file} ({'; '.join(differing)}); {advice}")
    return config


def _meaning(config: Config) -> dict[str, object]:
    """What a configuration says, with what it leaves to defaults."""
    return flat(config.settings.model_dump(mode="json", exclude=PRIVATE))


def _write(stated: Statement, path: Path) -> None:
    head = f"# Restored from {STATEMENT}, which says what an atlas was made from.\n"
    try:
        path.write_text(head + toml(stated.configuration), encoding="utf-8")
    except OSError as error:
        advice = "run the command in another folder"
        raise AtlasError(f"{path}: cannot be written ({error.strerror}); {advice}") from error


def _plain(path: Path) -> str:
    """A path without detours, as it would be typed."""
    resolved, here = path.resolve(), Path().resolve()
    return str(resolved.relative_to(here) if resolved.is_relative_to(here) else path)


def _other_files(stated: Statement, config: Config, file: Path) -> Iterator[AtlasError]:
    """Code, weights and class names that are missing, other ones, or not in the statement."""
    here = files_of(config)
    for name, wanted in stated.files.items():
        path, found = config.resolve(name), here.get(name)
        if found is None:
            yield _missing(str(path), "SHA-256", wanted, file)
        elif found != wanted:
            yield _other(str(path), "SHA-256", found, wanted, file)
    for name in here:
        if name not in stated.files:
            path = config.resolve(name)
            yield AtlasError(f"{path}: is not among the files of {file}; move it to another folder")


def _other_photographs(stated: Statement, config: Config, file: Path) -> Iterator[AtlasError]:
    """Photographs that are missing, other ones, or too many."""
    found, errors = photographs.find(config)
    here = photographs_of(list(_readable(found, errors)), config)
    wanted = {**stated.photographs, **stated.left_out}
    told = False
    for name, made in wanted.items():
        path = str(config.path.parent / made.file)
        if name not in here:
            # Why a package's photograph is not there, its entry tells below.
            if not (errors and is_packaged(made.file)):
                told = True
                yield _missing(path, "fingerprint", made.fingerprint, file)
        elif here[name].fingerprint != made.fingerprint:
            yield _other(path, "fingerprint", here[name].fingerprint, made.fingerprint, file)
    for name, made in here.items():
        if name not in wanted:
            path = str(config.path.parent / made.file)
            yield AtlasError(f"{path}: is no photograph of {file}; move it to another folder")
    if not told:
        yield from errors


def _readable(
    found: Sequence[PhotographFile], errors: list[AtlasError]
) -> Iterator[PhotographFile]:
    for each in found:
        try:
            _ = each.fingerprint
        except OSError as error:
            errors.append(AtlasError(f"{each.path}: cannot be read ({error.strerror})"))
        else:
            yield each


def _other_network(stated: Statement, found: Survey, file: Path) -> Iterator[AtlasError]:
    if found.profile.weights != stated.weights:
        what = f"the network {found.settings.model.source}"
        versions = "; ".join(_other_versions(stated, found))
        why = f" ({versions})" if versions else ""
        yield AtlasError(
            f"{what}: is another one than in {file}{why}; "
            "install the versions and the weights that the statement names"
        )


def _missing(path: str, kind: str, wanted: str, file: Path) -> AtlasError:
    advice = "put it there, or run the command in the folder that has it"
    return AtlasError(f"{path}: is not there; {file} names it ({kind} {wanted[:SHOWN]}…); {advice}")


def _other(path: str, kind: str, found: str, wanted: str, file: Path) -> AtlasError:
    problem = f"{kind} {found[:SHOWN]}…, not {wanted[:SHOWN]}…"
    return AtlasError(f"{path}: is not the one of {file} ({problem}); put that one there")


def _other_versions(stated: Statement, found: Survey) -> Iterator[str]:
    """What computed the atlas, and defaults, that are not as they were."""
    then = dict(stated.run.packages) if stated.run else {}
    yield from changes(then, {name: each for name, each in packages().items() if name in then})
    settings = found.settings.model_dump(mode="json", exclude=PRIVATE)
    yield from changes(flat(stated.settings), flat(settings))
