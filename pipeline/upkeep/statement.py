"""The statement, `made.json`: what an atlas was made from, by what, and how long it took.

It stands in the store and in the site, and says enough to make the same atlas once more
(`pipeline.upkeep.restoring`). All but `run` follows from the configuration, the photographs and the
weights, so that the same atlas has the same statement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from pydantic import ValidationError

from pipeline import __version__
from pipeline.config import Config, is_file
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of_file
from pipeline.photographs import PhotographFile, is_packaged
from pipeline.progress import PhaseReport
from pipeline.store import replace_file
from pipeline.survey import Survey
from pipeline.upkeep.ledger import flat
from pipeline.upkeep.surroundings import Part, Run, run_of
from pipeline.website.output import CREATOR, relative
from pipeline.website.page import STATEMENT

# Where jobs run changes no result, and the address of a scheduler is nobody else's business.
PRIVATE = {"execution": {"device", "workers", "scheduler"}}


class Made(Part):
    """A photograph: its file or entry, as seen from the configuration, and its fingerprint.

    The fingerprint is the SHA-256 of the file's bytes; of a file with other colours than sRGB's,
    that of these bytes and of the conversion.
    """

    file: str
    fingerprint: str


class Statement(Part):
    """What an atlas was made from, and by what.

    Attributes
    ----------
    created_by, format
        The program with its version; the version of this format.
    name, folder
        Name of the configuration's file, and its folder as seen from the statement's own.
    configuration
        As it was written.
    settings
        The same with all that it left to defaults, seeds among them.
    figures, layers
        What is shown.
    weights
        Fingerprint of the network: of its weights, its structure and its preprocessing.
    files
        Files of code, weights and class names that the configuration names → SHA-256.
    photographs, left_out
        Name → file; those that the atlas shows, and those that could not be computed.
    run
        What computed it; None where an older version did.
    """

    created_by: str
    format: Literal[1]
    name: str
    folder: str
    configuration: dict[str, Any]
    settings: dict[str, Any]
    figures: tuple[str, ...]
    layers: tuple[str, ...]
    weights: str
    files: dict[str, str]
    photographs: dict[str, Made]
    left_out: dict[str, Made]
    run: Run | None


def keep_statement(config: Config, survey: Survey, reports: Sequence[PhaseReport]) -> None:
    """Write the statement of a store after its phases have run, unless it says the same.

    Parameters
    ----------
    config
        As it was read: what `survey` adds to it is no part of the file.
    survey, reports
        What was built, and how the phases went.

    Raises
    ------
    AtlasError
        When it cannot be written.
    """
    path = survey.store.root / STATEMENT
    run = run_of(_kept(path), reports, survey.device, survey.workers)
    raw = _text(_stated(config, survey, path.parent, run)).encode()
    if not (path.is_file() and path.read_bytes() == raw):
        replace_file(path, raw)


def statement(config: Config, survey: Survey) -> str:
    """Return the text of the statement for the site's folder.

    Parameters
    ----------
    config, survey
        See `keep_statement`.
    """
    run = _kept(survey.store.root / STATEMENT)
    return _text(_stated(config, survey, survey.options.output, run))


def configured(config: Config) -> dict[str, Any]:
    """Return what a configuration says of an atlas, as far as it says it."""
    said = config.settings.model_dump(mode="json", exclude_unset=True, exclude=PRIVATE)
    return {key: value for key, value in said.items() if key != "execution" or value}


def files_of(config: Config) -> dict[str, str]:
    """Return the files that a configuration names beside its photographs → SHA-256."""
    model = config.settings.model
    source = model.source.rpartition(".py")
    code = f"{source[0]}.py" if source[1] else None
    named = [each for each in (code, model.weights, model.classes) if each]
    paths = {name: config.resolve(name) for name in named}
    return {name: fingerprint_of_file(path) for name, path in paths.items() if is_file(path)}


def photographs_of(photographs: Sequence[PhotographFile], config: Config) -> dict[str, Made]:
    """Return the files of photographs by their names."""
    folder = config.path.parent
    return {
        each.name: Made(file=_file_of(each, folder), fingerprint=each.fingerprint)
        for each in photographs
    }


def local_paths(stated: Statement) -> list[str]:
    """Return the keys of the configuration that hold absolute paths: they tell of one machine."""
    tables = {name: stated.configuration.get(name) for name in ("model", "dataset")}
    return [key for key, value in flat(tables).items() if any(map(_is_absolute, _texts(value)))]


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def _is_absolute(text: str) -> bool:
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()


def read_statement(path: Path) -> Statement:
    """Read a statement.

    Raises
    ------
    AtlasError
        When there is none that can be read.
    """
    try:
        return Statement.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AtlasError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValidationError, UnicodeDecodeError) as error:
        advice = "another version may have written it; its configuration can be read in it"
        raise AtlasError(f"{path}: is no statement of an atlas; {advice}") from error


def _stated(config: Config, survey: Survey, folder: Path, run: Run | None) -> Statement:
    return Statement(
        created_by=f"{CREATOR} {__version__}",
        format=1,
        name=config.path.name,
        folder=relative(config.path.parent, folder),
        configuration=configured(config),
        settings=survey.settings.model_dump(mode="json", exclude=PRIVATE),
        figures=tuple(survey.plan.figures),
        layers=tuple(survey.plan.layers),
        weights=survey.profile.weights,
        files=files_of(config),
        photographs=photographs_of(survey.photographs, config),
        left_out=photographs_of(survey.failed, config),
        run=run,
    )


def _kept(path: Path) -> Run | None:
    try:
        return read_statement(path).run
    except AtlasError:  # there is none, or an older version's
        return None


def _text(stated: Statement) -> str:
    values: Mapping[str, Any] = stated.model_dump(mode="json")
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _file_of(photograph: PhotographFile, folder: Path) -> str:
    source = photograph.source
    return source if is_packaged(source) else relative(photograph.path, folder)
