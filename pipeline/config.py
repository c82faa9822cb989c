"""What a configuration file may hold, as pydantic models, and how it is read.

A configuration is TOML; paths in it are relative to the file. `read` reports all mistakes at once,
each with the file, the key and the next step. Nothing here knows networks: whether a layer exists
is found out later.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import AtlasError, did_you_mean, raise_all

Positive = Annotated[int, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Side = Annotated[int, Field(ge=8, le=4096)]  # of an input, in pixels
Channel = Annotated[int, Field(ge=0)]
GroupCount = Annotated[int, Field(ge=1, le=64)]
Weight = Annotated[float, Field(ge=0)]
Colour = Literal["red", "green", "blue", "grey", "zero"]

# Patterns of texts, and how messages put them.
_LAYOUT, _FOLDER, _ADDRESS = (
    r"^(NCHW|NHWC|NTC(\+\d+)?)$",
    r"^[A-Za-z0-9][\w.-]*$",
    r"^https?://[^\s?#]+$",
)
_IN_WORDS = {
    _LAYOUT: '"NCHW", "NHWC", "NTC" or, with tokens set apart, "NTC+1"',
    _FOLDER: 'the name of one folder, in letters, digits, ".", "-" and "_"',
    _ADDRESS: 'an address that begins with "https://"',
}
LayoutName = Annotated[str, Field(pattern=_LAYOUT)]


# ----------------------------------------------------------------------------------- the tables
class Table(BaseModel):
    """A table of the configuration: no unknown keys, no conversion between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelTable(Table):
    """`[model]`: which network, and which of its layers the atlas shows."""

    source: str = "efficientnet_lite0"
    layers: tuple[str, ...] | None = None  # None: chosen by the source
    names: dict[str, str] = {}  # layer → name on the site
    weights: str | None = None
    classes: str | None = None  # a text file with one class name a line
    output: str | None = None  # which part of what the network returns are the logits
    # How they become probabilities: of all classes together, or of each by itself.
    probabilities: Literal["softmax", "sigmoid"] | None = None
    layouts: dict[str, LayoutName] = {}  # layer → its layout, where it is not recognised
    size: Side | tuple[Side, Side] | None = None  # of the input: side, or height and width
    mean: float | tuple[float, ...] | None = None  # for pixels in 0…1; one number: all channels
    std: float | tuple[float, ...] | None = None
    channels: tuple[Colour, ...] | None = None  # what each channel of the input gets
    title: str | None = None


class DatasetTable(Table):
    """`[dataset]`: which photographs, and how they are fitted to the network's square input."""

    images: tuple[str, ...]
    fit: Literal["crop", "squeeze", "pad"] = "crop"
    titles: dict[str, str] = {}  # photograph → title on the site
    labels: dict[str, str] = {}  # folder of photographs → their true class
    first: Literal["given", "mistakes"] = "given"  # which photographs the site lists first
    limit: Positive | None = None  # at most so many photographs
    sample: Positive | None = None  # of each folder or pattern, so many at random
    seed: Seed = 0  # for `sample`
    max_megapixels: Annotated[float, Field(gt=0)] = 100.0  # larger photographs are refused


class FeaturesTable(Table):
    """`[features]`: how feature visualizations are made."""

    recipe: str = "fast"
    size: Annotated[int, Field(ge=32, le=512)] | None = None  # side in pixels; None: the recipe's
    steps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    spectrum: Literal["bundled", "photographs"] = "bundled"  # for recipes with a natural spectrum
    grids: str = "places"  # the recipe of activation grids
    channels: Literal["shown", "all"] | dict[str, tuple[Channel, ...]] = "shown"
    seed: Seed = 0


class GroupsTable(Table):
    """`[groups]`: matrix factorizations of a layer's activations."""

    counts: dict[str, tuple[GroupCount, ...]] = {}
    preserve: dict[Literal["activations", "gradients", "attributions"], Weight] = {
        "activations": 1.0
    }


class AttributionTable(Table):
    """`[attribution]`: how contributions are computed."""

    method: str = "shares"  # one of pipeline.attribution.METHODS
    relax_pooling: bool = True  # for spatial attribution by "linear"
    steps: Annotated[int, Field(ge=1, le=4096)] = (
        32  # points at which gradients are taken, except by "linear"
    )
    paths: Annotated[int, Field(ge=1, le=1024)] = 8  # for "random_paths"
    baseline: Literal["zero", "mean"] = "zero"  # what an atom is replaced by when it is taken away
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.01  # of "shares": how far sums may be off
    seed: Seed = 0  # of "shares", "random_paths" and "smoothgrad"
    factors: Annotated[int, Field(ge=1, le=6)] = 2  # of the multi-directional saliency


class TrustTable(Table):
    """`[trust]`: how much of what the atlas shows is tried out on the network once more."""

    photographs: Annotated[int, Field(ge=0)] = 3  # 0: nothing is tried out
    channels: Annotated[int, Field(ge=4)] = 24  # of each layer, whose shares are compared
    draws: Annotated[int, Field(ge=4, multiple_of=4)] = 16  # random sets of channels for each


class SiteTable(Table):
    """`[site]`: what is shown."""

    figures: tuple[str, ...] | None = None  # None: all
    text: str = ""  # a paragraph of the author's own under the title
    budget_mb: Annotated[float, Field(gt=0)] | None = None
    path: Annotated[str, Field(pattern=_FOLDER)] | None = None  # folder in the site
    address: Annotated[str, Field(pattern=_ADDRESS)] | None = None  # where it appears
    data: bool = False  # whether the photographs' HDF5 files are published beside the site
    authors: tuple[str, ...] = ()
    year: Positive | None = None
    license: str | None = None  # of the atlas: its name, or an address


class PublishTable(Table):
    """`[publish]`: the branch that `publish` pushes the site to."""

    remote: str = "origin"
    branch: str = "gh-pages"
    history: Literal["keep", "squash"] = "keep"
    domain: str | None = None  # a domain of the site's own (CNAME)


class ExecutionTable(Table):
    """`[execution]`: where jobs run."""

    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    workers: Positive | Literal["auto"] = "auto"
    scheduler: str | None = None


class Settings(Table):
    """A whole configuration."""

    title: str = "What a network sees"
    model: ModelTable = ModelTable()
    dataset: DatasetTable
    features: FeaturesTable = FeaturesTable()
    groups: GroupsTable = GroupsTable()
    attribution: AttributionTable = AttributionTable()
    trust: TrustTable = TrustTable()
    site: SiteTable = SiteTable()
    publish: PublishTable = PublishTable()
    execution: ExecutionTable = ExecutionTable()


class Config(BaseModel):
    """Settings together with the file they come from, which relative paths refer to."""

    model_config = ConfigDict(frozen=True)

    path: Path
    settings: Settings

    def with_settings(self, settings: Settings) -> Config:
        """Return the same configuration with other settings."""
        return self.model_copy(update={"settings": settings})

    @property
    def name(self) -> str:
        """Name of the atlas: the file's, without its ending."""
        return self.path.stem

    def resolve(self, text: str) -> Path:
        """Return a path that the file names, relative to the file."""
        try:
            return self.path.parent / Path(text).expanduser()
        except RuntimeError:  # "~name/…" without a user of that name: a folder called "~name"
            return self.path.parent / text


def is_file(path: Path) -> bool:
    """Whether a path leads to a file; one that no file can have, such as too long a name, does not.

    Parameters
    ----------
    path
        Made of whatever a configuration holds.
    """
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


# ---------------------------------------------------------------------------------- reading a file
def read(path: Path) -> Config:
    """Read and validate a configuration file.

    Raises
    ------
    AtlasError
        With every mistake found: file, key, what was expected, what is there.
    """
    return configuration(path, _parse(path))


def configuration(path: Path, tables: Mapping[str, Any]) -> Config:
    """Validate what a configuration file says, or would say.

    Parameters
    ----------
    path
        Of the file, which need not be there.
    tables
        Its contents.

    Raises
    ------
    AtlasError
        As `read` does.
    """
    try:
        settings = Settings.model_validate(_with_tuples(tables))
    except ValidationError as error:
        raise_all([AtlasError(f"{path}: {message}") for message in _messages(error)])
        raise  # unreachable: a ValidationError holds at least one mistake
    return Config(path=path, settings=settings)


def _parse(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError as error:
        advice = _files_in(path.parent)
        raise AtlasError(f"{path}: no such configuration file; {advice}") from error
    except IsADirectoryError as error:
        advice = f"name the .toml file in it; {_files_in(path)}"
        raise AtlasError(f"{path}: is a folder; {advice}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        advice = "strings need quotes, lists need commas"
        raise AtlasError(f"{path}: not valid TOML: {error}; {advice}") from error
    except OSError as error:
        raise AtlasError(f"{path}: cannot be read ({error.strerror})") from error


def _files_in(folder: Path) -> str:
    found = sorted(each.name for each in folder.glob("*.toml"))
    there = f"in {folder}/ there are: {', '.join(found)}"
    return there if found else "README.md shows how to write one"


def _with_tuples(value: Any) -> Any:
    # The models hold tuples, TOML has lists only, and strict validation does not convert.
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in value)
    return value


# -------------------------------------------------------------------------------- what went wrong
_EXPECTED = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list [...]",
    "dict_type": "a table",
    "model_type": "a table",
}
_BRANCHES = ("constrained-int", "float", "int", "str")  # of unions, as pydantic calls them
_HOW_TO_ADD = {
    "dataset": 'add a table [dataset] with images = ["photos/*.jpg"]',
    "dataset.images": 'add images = ["photos/*.jpg"]',
}


def _messages(error: ValidationError) -> Iterator[str]:
    by_key: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for mistake in error.errors():
        # A union is reported once for each of its branches, and a branch ("dict[str,tuple[...]]")
        # is a step of the location.
        parts = [str(part) for part in mistake["loc"]]
        location = tuple(part for part in parts if "[" not in part and part not in _BRANCHES)
        by_key.setdefault(location, []).append(mistake)
    for location, mistakes in by_key.items():
        if any(location == other[: len(location)] for other in by_key if other != location):
            continue  # one branch fits so well that it was looked into: its mistake is the mistake
        # What has a fitting type, and is wrong all the same, tells more than the other types.
        fitting = [each for each in mistakes if not _wanted(each)]
        yield _message(fitting or mistakes, location, ".".join(location))


def _message(mistakes: Sequence[Mapping[str, Any]], location: Sequence[str], key: str) -> str:
    mistake = mistakes[0]
    kind, found = mistake["type"], mistake["input"]
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if kind == "missing":
        return f'"{key}" is missing; {_HOW_TO_ADD.get(key, "add it")}'
    if wanted := " or ".join(dict.fromkeys(map(_wanted, mistakes))):
        return f'"{key}" must be {wanted}, not {found!r}'
    if kind == "string_pattern_mismatch":
        return f'"{key}" must be {_IN_WORDS[mistake["ctx"]["pattern"]]}, not {found!r}'
    reason = mistake["msg"][0].lower() + mistake["msg"][1:]
    return f'"{key}": {reason}, not {found!r}'


def _wanted(mistake: Mapping[str, Any]) -> str:
    """What belongs in place of a value of the wrong type or a word that is not known, or ""."""
    if mistake["type"] == "literal_error":
        return str(mistake["ctx"]["expected"])
    return _EXPECTED.get(mistake["type"], "")


def _unknown_key(location: Sequence[str]) -> str:
    *tables, last = location
    known = _known_keys(tables)
    where = f" in [{'.'.join(tables)}]" if tables else ""
    hint = did_you_mean(last, known) or ";"
    return f'unknown key "{last}"{where}{hint} known are: {", ".join(known)}'


def _known_keys(tables: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in tables:
        annotation = model.model_fields[part].annotation
        candidates = (annotation, *get_args(annotation))
        found = [each for each in candidates if _is_model(each)]
        if not found:
            return []
        model = found[0]
    return list(model.model_fields)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
