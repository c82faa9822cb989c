"""From a statement back to what it speaks of: the configuration, checked against what is here.

The configuration becomes a file again, so that all that follows is a build like any other. Nothing
is computed, and no code of the configuration's is run, unless the files are those of the statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.config import Config, read
from pipeline.errors import AtlasError, raise_all
from pipeline.progress import Reporter
from pipeline.survey import Options, Survey, survey
from pipeline.upkeep.forecast import changes
from pipeline.upkeep.statement import (
    PRIVATE,
    Made,
    Statement,
    configured,
    files_of,
    is_packaged,
    photographs_of,
    read_statement,
)
from pipeline.upkeep.surroundings import packages
from pipeline.upkeep.toml import toml
from pipeline.website.page import STATEMENT

SHOWN = 12  # digits of a fingerprint


def is_statement(path: Path) -> bool:
    """Whether a path is that of a statement, or a site or a store with one."""
    return (path / STATEMENT).is_file() or (path.suffix == ".json" and path.is_file())


def restore(path: Path, options: Options, reporter: Reporter) -> tuple[Config, Options]:
    """Return what a build takes to make the atlas of a statement.

    Parameters
    ----------
    path
        Of the statement, or of a site or a store that has one.
    options, reporter
        What the command line adds, and where messages go.

    Returns
    -------
    tuple
        The configuration, whose file is written where it is not there, and the options with the
        figures of the statement.

    Raises
    ------
    AtlasError
        With everything that is missing or not what the atlas was made from.
    """
    file = path if path.is_file() else path / STATEMENT
    stated = read_statement(file)
    config = _configuration(stated, _folder(stated, file), file, reporter)
    raise_all(list(_other_files(stated, config, file)))
    options = replace(options, figures=options.figures or stated.figures)
    found = survey(config, options, reporter, keep_probe=False)
    raise_all(list(_other_inputs(stated, found, config, file)))
    for line in _other_versions(stated, found):
        reporter.info(f"{file}: {line}; what is computed may differ")
    return config, options


def _folder(stated: Statement, file: Path) -> Path:
    """The folder that paths refer to: the current one, or the one the statement was made in.

    The one with more of the files that the statement names, and with the configuration.
    """
    made = [*stated.photographs.values(), *stated.left_out.values()]
    names = [stated.name, *stated.files, *(each.file for each in made)]

    def there(folder: Path) -> int:
        return sum((folder / name).is_file() for name in names)

    return max((Path(), file.parent / stated.folder), key=there)


def _configuration(stated: Statement, folder: Path, file: Path, reporter: Reporter) -> Config:
    """The configuration, from its file; the file is written where there is none."""
    if Path(stated.name).name != stated.name or Path(stated.name).suffix != ".toml":
        raise AtlasError(f'{file}: "name": {stated.name!r} is no name of a configuration file')
    path = Path(_plain(folder / stated.name))
    if not path.exists():
        head = f"# Restored from {STATEMENT}, which says what an atlas was made from.\n"
        try:
            path.write_text(head + toml(stated.configuration), encoding="utf-8")
        except OSError as error:
            advice = "run the command in another folder"
            raise AtlasError(f"{path}: cannot be written ({error.strerror}); {advice}") from error
        reporter.info(f"{path}: written, the configuration of {file}")
        return read(path)
    config = read(path)
    differing = list(changes(_flat(stated.configuration), _flat(configured(config))))
    if differing:
        advice = f'rename it, or build what it says: "building-blocks build {path}"'
        raise AtlasError(f"{path}: is not that of {file} ({'; '.join(differing)}); {advice}")
    return config


def _plain(path: Path) -> str:
    """A path without detours, as it would be typed."""
    resolved, here = path.resolve(), Path().resolve()
    return str(resolved.relative_to(here) if resolved.is_relative_to(here) else path)


def _flat(tables: Mapping[str, object]) -> dict[str, object]:
    """Key → value, keys of tables as in "model.source"."""
    flat: dict[str, object] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            flat[name] = value
    return flat


def _other_files(stated: Statement, config: Config, file: Path) -> Iterator[AtlasError]:
    """Code, weights and class names that are missing or other ones, and missing photographs."""
    here = files_of(config)
    for name, wanted in stated.files.items():
        path, found = config.resolve(name), here.get(name)
        if found is None:
            yield _missing(str(path), "SHA-256", wanted, file)
        elif found != wanted:
            yield _other(str(path), "SHA-256", found, wanted, file)
    for made in {**stated.photographs, **stated.left_out}.values():
        path = config.path.parent / made.file
        if not (is_packaged(made.file) or path.is_file()):
            yield _missing(str(path), "fingerprint", made.fingerprint, file)


def _other_inputs(
    stated: Statement, found: Survey, config: Config, file: Path
) -> Iterator[AtlasError]:
    """Photographs and weights that are missing or other ones."""
    here = photographs_of(found.photographs, config)
    wanted = {**stated.photographs, **stated.left_out}
    for name, made in wanted.items():
        path = str(config.path.parent / made.file)
        if name not in here:
            yield _missing(path, "fingerprint", made.fingerprint, file)
        elif here[name].fingerprint != made.fingerprint:
            yield _other(path, "fingerprint", here[name].fingerprint, made.fingerprint, file)
    yield from _surplus(here, wanted, config, file)
    if found.profile.weights != stated.weights:
        what = f"the network {config.settings.model.source}"
        versions = "; ".join(_other_versions(stated, found))
        why = f" ({versions})" if versions else ""
        yield AtlasError(
            f"{what}: is another one than in {file}{why}; "
            "install the versions and the weights that the statement names"
        )


def _surplus(
    here: Mapping[str, Made], wanted: Mapping[str, Made], config: Config, file: Path
) -> Iterator[AtlasError]:
    for name, made in here.items():
        if name not in wanted:
            path = config.path.parent / made.file
            yield AtlasError(f"{path}: is no photograph of {file}; move it to another folder")


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
    yield from changes(_flat(stated.settings), _flat(settings))
