"""What a configuration file may say, as pydantic models, and how it is read.

A configuration is TOML; paths in it are relative to the file. `read` reports every mistake at once, each with the file,
the key and the next step. This module imports neither torch nor the network: whether a layer exists is found later.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import AtlasError, did_you_mean, raise_all

Positive = Annotated[int, Field(gt=0)]


class Table(BaseModel):
    """A table of the configuration: unknown keys are refused, values are not converted between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModelTable(Table):
    """`[model]`: which network, and which of its layers the atlas shows."""

    source: str = "efficientnet_lite0"
    layers: tuple[str, ...] | None = None  # None: chosen by the source
    names: dict[str, str] = {}  # layer → name on the site
    weights: str | None = None
    classes: str | None = None  # a text file with one class name a line
    size: Positive | None = None  # side of the input, for sources that do not know it
    mean: tuple[float, ...] | None = None  # preprocessing in units of 0…1, likewise
    std: tuple[float, ...] | None = None
    title: str | None = None


class DatasetTable(Table):
    """`[dataset]`: which photographs, and how they are fitted to the network's square input."""

    images: tuple[str, ...]
    fit: Literal["crop", "squeeze", "pad"] = "crop"
    titles: dict[str, str] = {}  # image name → title on the site


class FeaturesTable(Table):
    """`[features]`: how feature visualizations are made."""

    recipe: str = "fast"
    size: Annotated[int, Field(ge=32, le=512)] | None = None  # None: the recipe's
    steps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    spectrum: Literal["bundled", "photographs"] = "bundled"  # whose, for recipes with a natural spectrum
    channels: Literal["shown", "all"] | dict[str, tuple[Annotated[int, Field(ge=0)], ...]] = "shown"
    seed: int = 0


class GroupsTable(Table):
    """`[groups]`: matrix factorizations of a layer's activations."""

    counts: dict[str, tuple[Annotated[int, Field(ge=1, le=64)], ...]] = {}
    preserve: dict[Literal["activations", "gradients", "attributions"], Annotated[float, Field(ge=0)]] = {"activations": 1.0}


class AttributionTable(Table):
    """`[attribution]`: how contributions are computed."""

    method: Literal["linear", "integrated", "random_paths"] = "linear"
    relax_pooling: bool = True  # for spatial attribution by "linear"
    steps: Positive = 32  # points on a path, for "integrated" and "random_paths"
    paths: Positive = 8  # for "random_paths"
    seed: int = 0  # likewise
    factors: Annotated[int, Field(ge=1, le=6)] = 2  # of the multi-directional saliency
    compare: tuple[Literal["integrated", "random_paths"], ...] = ()  # computed besides, for the most probable classes
    compare_classes: Positive = 5


class SiteTable(Table):
    """`[site]`: what is shown."""

    figures: tuple[str, ...] | None = None  # None: all
    text: str = ""  # a paragraph of the author's own under the title
    budget_mb: Annotated[float, Field(gt=0)] | None = None


class ExecutionTable(Table):
    """`[execution]`: where jobs run."""

    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    workers: Positive = 1
    scheduler: str | None = None


class Settings(Table):
    """A whole configuration."""

    title: str = "What a network sees"
    model: ModelTable = ModelTable()
    dataset: DatasetTable
    features: FeaturesTable = FeaturesTable()
    groups: GroupsTable = GroupsTable()
    attribution: AttributionTable = AttributionTable()
    site: SiteTable = SiteTable()
    execution: ExecutionTable = ExecutionTable()


class Config(BaseModel):
    """Settings together with the file they come from, which relative paths refer to."""

    model_config = ConfigDict(frozen=True)

    path: Path
    settings: Settings

    @property
    def name(self) -> str:
        """Name of the atlas: the file's, without its ending."""
        return self.path.stem

    def resolve(self, text: str) -> Path:
        """A path in the file, relative to the file."""
        try:
            return self.path.parent / Path(text).expanduser()
        except RuntimeError:  # "~name/…" where there is no user of that name: then it is the name of a file, if of anything
            return self.path.parent / text


def read(path: Path) -> Config:
    """Read and validate a configuration file.

    Raises
    ------
    AtlasError
        With every mistake found: file, key, what was expected, what stands there.
    """
    try:
        with open(path, "rb") as stream:
            table = tomllib.load(stream)
    except FileNotFoundError as error:
        raise AtlasError(f"{path}: no such configuration file{_nearby(path)}") from error
    except IsADirectoryError as error:
        raise AtlasError(f"{path}: is a folder; name the .toml file in it{_nearby(path / 'x')}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AtlasError(f"{path}: not valid TOML: {error}; strings need quotes, lists need commas") from error
    except OSError as error:
        raise AtlasError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        settings = Settings.model_validate(_tuples(table))
    except ValidationError as error:
        raise_all([AtlasError(f"{path}: {message}") for message in _messages(error)])
        raise  # unreachable: a ValidationError holds at least one mistake
    return Config(path=path, settings=settings)


def _nearby(path: Path) -> str:
    found = sorted(each.name for each in path.parent.glob("*.toml"))
    return f"; in {path.parent}/ there are: {', '.join(found)}" if found else "; write one as README.md shows"


def _tuples(value: Any) -> Any:
    # The models are frozen and hold tuples; TOML has lists only, and strict validation does not convert.
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value


_EXPECTED = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list [...]",
    "dict_type": "a table",
    "model_type": "a table",
}


def _messages(error: ValidationError) -> Iterator[str]:
    said: set[str] = set()
    for mistake in error.errors():
        # pydantic names the branch of a union ("dict[str,tuple[...]]") as a step of the path, and reports every branch.
        location = [str(part) for part in mistake["loc"] if "[" not in str(part)]
        key = ".".join(location)
        if key in said:
            continue
        said.add(key)
        match mistake["type"]:
            case "extra_forbidden":
                *tables, last = location
                known = _known_keys(tables)
                where = f" in [{'.'.join(tables)}]" if tables else ""
                yield f'unknown key "{last}"{where}{did_you_mean(last, known) or ";"} known are: {", ".join(known)}'
            case "missing":
                yield f'"{key}" is missing; {_ADVICE.get(key, "add it")}'
            case kind if kind in _EXPECTED:
                yield f'"{key}" must be {_EXPECTED[kind]}, not {mistake["input"]!r}'
            case _:
                yield f'"{key}": {mistake["msg"][0].lower()}{mistake["msg"][1:]}, not {mistake["input"]!r}'


_ADVICE = {
    "dataset": 'add a table [dataset] with images = ["photos/*.jpg"]',
    "dataset.images": 'add images = ["photos/*.jpg"]',
}


def _known_keys(tables: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in tables:
        kind = model.model_fields[part].annotation
        models = [each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, BaseModel)]
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)
