"""`init`: from a network and a folder of photographs to a commented configuration.

The configuration names the layers that were chosen, so that they can be changed, and it is checked
before anybody relies on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.config import Config, read
from pipeline.errors import AtlasError
from pipeline.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from pipeline.photographs import is_packaged
from pipeline.progress import Reporter
from pipeline.survey import Options, Survey, survey
from pipeline.upkeep.toml import quoted
from pipeline.website.output import relative


@dataclass(frozen=True)
class Answers:
    """What a user tells about an atlas to be.

    Attributes
    ----------
    source
        Of the network, as `[model] source` has it; a file is relative to the current folder.
    images
        Files, folders and patterns of photographs, and names such as "skimage:coffee".
    weights, classes
        Files, or a word that the source knows; None for the source's own.
    size, mean, std
        Of the preprocessing; None for the source's own.
    steps
        Of feature visualizations.
    title
        Of the atlas.
    """

    source: str
    images: tuple[str, ...]
    weights: str | None = None
    classes: str | None = None
    size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    steps: int | None = None
    title: str = "What my network sees"


def init(path: Path, answers: Answers, reporter: Reporter, force: bool = False) -> Path:
    """Write a configuration, and check it.

    Parameters
    ----------
    path
        Of the configuration.
    answers
        What goes into it.
    reporter
        Where messages go.
    force
        Whether a file that is there is replaced.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    AtlasError
        When the file is there or cannot be written; or, after it was written, with all that is
        wrong with it.
    """
    if path.exists() and not force:
        raise AtlasError(f"{path}: is there already; name another file, or replace it with --force")
    _write(path, configuration(path, answers))
    try:
        found = _survey(read(path))
        classes = _classes_of_folders(path, found)
        if classes is not None:
            answers = replace(answers, classes=str(classes))
            _write(path, configuration(path, answers))
            found = _survey(read(path))
    except AtlasError as error:
        raise AtlasError(
            f"{error}\n{path}: was written all the same, to be mended there"
        ) from error
    _write(path, configuration(path, answers, found))
    reporter.info(f"{path}: written, with layers {', '.join(found.plan.layers)}")
    reporter.info(f"What would a build take? building-blocks check {path}")
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AtlasError(f"{path}: cannot be written ({error.strerror})") from error


def _survey(config: Config) -> Survey:
    # No site is written here, so it does not matter what the folder of one holds.
    nowhere = Options(output=config.path.parent / "site of nobody", root=Path("build"))
    return survey(config, nowhere, Reporter(-1), keep_probe=False)


def _classes_of_folders(path: Path, found: Survey) -> Path | None:
    """Name nameless classes by the folders of photographs, where there are as many of both.

    This is what training scripts do: folders are classes, in the order of their names.
    """
    classes = found.profile.classes
    folders = sorted({each.folder for each in found.photographs if each.folder})
    nameless = all(name == f"class {index}" for index, name in enumerate(classes))
    if not nameless or len(folders) != len(classes):
        return None
    names = path.with_name(f"{path.stem}_classes.txt")
    _write(names, "\n".join(folders) + "\n")
    return names


# ----------------------------------------------------------------------------------------- the file
def configuration(path: Path, answers: Answers, found: Survey | None = None) -> str:
    """Return the text of a configuration.

    Parameters
    ----------
    path
        Where it will stand; files are named relative to it.
    answers
        What goes into it.
    found
        The configuration as it was found without layers; its layers are written out.
    """
    return "\n".join(_lines(path, answers, found)) + "\n"


def _lines(path: Path, answers: Answers, found: Survey | None) -> Iterator[str]:
    yield "# Paths are relative to this file. All keys: docs/configuration.md, in building-blocks."
    yield f"title = {quoted(answers.title)}"
    yield ""
    yield "[model]"
    yield f"source = {quoted(_source(path, answers.source))}"
    if answers.weights:
        yield f"weights = {quoted(_relative(path, answers.weights))}"
    if answers.classes:
        yield "# One class name a line, in the order of the network's outputs."
        yield f"classes = {quoted(_relative(path, answers.classes))}"
    yield from _preprocessing(answers, found)
    yield from _layers(found)
    yield ""
    yield "[dataset]"
    images = ", ".join(quoted(_image(path, each)) for each in answers.images)
    yield f"images = [{images}]"
    yield '# "crop" takes the middle square, "squeeze" distorts, "pad" adds grey margins.'
    yield '# fit = "crop"'
    yield from _many(found)
    yield ""
    yield "[features]"
    yield "# Few steps, such as 16, to try things out; without this line there are more, and the"
    yield "# feature visualizations are clearer."
    yield f"steps = {answers.steps}" if answers.steps else "# steps = 16"


def _preprocessing(answers: Answers, found: Survey | None) -> Iterator[str]:
    given = {"size": answers.size, "mean": answers.mean, "std": answers.std}
    if any(value is not None for value in given.values()) or ".py" in answers.source:
        yield "# How photographs are prepared: (x - mean) / std for x in 0…1, as in the training."
    for key, value in given.items():
        if value is not None:
            yield f"{key} = {list(value) if isinstance(value, tuple) else value}"
        elif ".py" in answers.source:
            known = {"size": found.profile.size if found else 224}
            imagenet = {"mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)}
            yield f"# {key} = {(known | imagenet)[key]}"


def _layers(found: Survey | None) -> Iterator[str]:
    if found is None:
        return
    yield "# Layers that everything passes through; building-blocks layers lists all."
    yield f"layers = [{', '.join(quoted(each) for each in found.plan.layers)}]"


def _many(found: Survey | None) -> Iterator[str]:
    count = len(found.photographs) if found else 0
    if count > 24:
        yield f"# There are {count} photographs; each takes its time. So many at random are enough:"
        yield "sample = 24"
    if found and found.labels:
        yield '# first = "mistakes" lists first what the network gets wrong.'


def _source(path: Path, source: str) -> str:
    file, ending, function = source.rpartition(".py")
    if not ending:
        return source
    return f"{_relative(path, f'{file}.py')}{function}"


def _image(path: Path, entry: str) -> str:
    return entry if is_packaged(entry) else _relative(path, entry)


def _relative(path: Path, name: str) -> str:
    """Return a file's name as seen from the configuration; a word that is no file stays."""
    file = Path(name)
    if file.is_absolute() or not (_is_pattern(name) or file.exists()):
        return name
    return relative(file, path.parent)


def _is_pattern(name: str) -> bool:
    return any(character in name for character in "*?[")


def numbers(text: str | None, key: str) -> tuple[float, ...] | None:
    """Read numbers separated by commas.

    Raises
    ------
    AtlasError
        When they are none.
    """
    if text is None:
        return None
    try:
        found: Sequence[float] = [float(each) for each in text.split(",")]
    except ValueError as error:
        raise AtlasError(f"--{key}: {text} is not like 0.5,0.5,0.5") from error
    return tuple(found)
