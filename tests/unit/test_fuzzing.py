"""Configurations and photographs made wrong at random: the tool answers with its own errors only.

A few of each here; `BUILDING_BLOCKS_FUZZ=10000` tries so many configurations and a tenth as many
photographs, and lets none compute for more than five seconds.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import pytest
from PIL import Image, features

from pipeline import build, photographs
from pipeline.config import Settings, Table, read
from pipeline.errors import AtlasError
from pipeline.progress import Reporter
from pipeline.survey import Options
from tests.unit.test_wrong_inputs import NETWORKS, picture

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

MANY = int(os.environ.get("BUILDING_BLOCKS_FUZZ", "0"))
LONGEST = 5  # seconds of computing, where many are tried


def fuzzed(count: int) -> Any:
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=not MANY,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# ---------------------------------------------------------------------------------- configurations
WORDS = st.sampled_from(
    [
        *("layer", "layer.0", "layer.1", "head", "lyer", "photo", "classes", "first", "x", ""),
        *(
            "net.py",
            "net.py:build",
            "net.py:maps",
            "net.py:five",
            "absent.py",
            "photo.png",
            "*.png",
        ),
        *(
            "crop",
            "fast",
            "lucid",
            "linear",
            "shares",
            "integrated",
            "auto",
            "cpu",
            "cuda:9",
            "zero",
        ),
        *("predictions", "opening", "all", "shown", "NCHW", "NTC+1", "red", "grey", "mistakes"),
        *("logits", "0", "-1", "../..", "/", "~", "~nobody", "a\x00b", "\ud7ff", "😀", "x" * 400),
    ]
)
NUMBERS = st.one_of(
    st.integers(-2, 40),
    st.sampled_from([2**31, 2**63, -(2**63), 10**30, 224]),
    st.floats(-2, 2, allow_subnormal=False),
    st.sampled_from([float("nan"), float("inf"), 1e308, 1e-308]),
)
SIMPLE = st.one_of(WORDS, NUMBERS, st.booleans())
ANYTHING = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def fitting(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of about the type of a key."""
    kinds = str(annotation)
    if get_origin(annotation) is dict or "dict[" in kinds:
        return st.dictionaries(WORDS, SIMPLE | st.lists(NUMBERS | WORDS, max_size=4), max_size=3)
    if "tuple[" in kinds:
        return st.lists(WORDS if "str" in kinds or "Literal" in kinds else NUMBERS, max_size=4)
    choices = [each for each in get_args(annotation) if isinstance(each, str)]
    if choices:
        return st.sampled_from(choices)
    return st.booleans() if annotation is bool else NUMBERS if "str" not in kinds else WORDS


def table(model: type[Table]) -> st.SearchStrategy[dict[str, Any]]:
    keys = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = isinstance(kind, type) and issubclass(kind, Table)
        keys[name] = table(kind) if inner else fitting(kind) | fitting(kind) | ANYTHING
    return st.fixed_dictionaries({}, optional={**keys, "unknown": SIMPLE})


def toml(value: Any) -> str:
    """Write a value as TOML: tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return text(value) if isinstance(value, str) else repr(value)


def text(value: str) -> str:
    escaped = "".join(
        c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in value
    )
    return f'"{escaped}"'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "net.py").write_text(NETWORKS)
    picture(folder / "photo.png")
    answer(folder, b'dataset.images = ["photo.png"]')  # loads what takes seconds once
    return folder


def error_of(call: Callable[[], object]) -> str | None:
    """The tool's own error, as its text; any other passes through."""
    began, said = time.process_time(), None
    try:
        call()
    except AtlasError as error:
        said = str(error)
    assert not MANY or time.process_time() - began < LONGEST
    return said


def answer(place: Path, content: bytes) -> str:
    """What `check` says: its mistakes, or nothing."""
    path = place / "atlas.toml"
    path.write_bytes(content)
    options = Options(output=place / "site", root=place / "build", device="cpu")
    said = error_of(lambda: build.check(read(path), options, Reporter(-1)))
    assert said is None or said.strip()
    return said or ""


@fuzzed(max(60, MANY * 2 // 5))
@given(changes=table(Settings))
def test_configurations_of_anything(place: Path, changes: dict[str, Any]) -> None:
    lines = [f"{text(key)} = {toml(value)}" for key, value in changes.items()]
    answer(place, "\n".join(lines).encode(errors="replace"))


@fuzzed(max(60, MANY * 2 // 5))
@given(st.data())
def test_configurations_with_one_key_changed(place: Path, data: Any) -> None:
    """A right configuration but for one key: so that what lies behind the first check is met."""
    name = data.draw(st.sampled_from(sorted(Settings.model_fields)))
    kind = Settings.model_fields[name].annotation
    base = {"model": {"source": "net.py", "size": 16}, "dataset": {"images": ["photo.png"]}}
    if isinstance(kind, type) and issubclass(kind, Table):
        key = data.draw(st.sampled_from(sorted(kind.model_fields)))
        value = data.draw(fitting(kind.model_fields[key].annotation))
        base.setdefault(name, {})[key] = value
    content = "\n".join(f"{key} = {toml(value)}" for key, value in base.items())
    answer(place, content.encode(errors="replace"))


@fuzzed(max(40, MANY // 5))
@given(cut=st.integers(0, 200), junk=st.binary(max_size=20), at=st.integers(0, 200))
def test_configurations_of_damaged_text(place: Path, cut: int, junk: bytes, at: int) -> None:
    whole = b'[model]\nsource = "net.py"\nsize = 16\n[dataset]\nimages = ["photo.png"]\n'
    answer(place, whole[:at] + junk + whole[at:][: len(whole) - cut])


# ------------------------------------------------------------------------------------- photographs
def encoded() -> list[tuple[str, bytes]]:
    """Small pictures in every format and mode there is: ending, content."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (24, 24, 4), np.uint8))
    wanted = {
        "jpg": ("RGB", "L", "CMYK"),
        "png": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
        "gif": ("P", "L"),
        "bmp": ("RGB", "L", "P"),
        "tif": ("RGB", "CMYK", "F", "I;16", "1"),
        "webp": ("RGB", "RGBA") if features.check("webp") else (),
        "avif": ("RGB",) if features.check("avif") else (),
    }
    found = []
    for ending, modes in wanted.items():
        for mode in modes:
            grey = mode in ("I;16", "F")
            image = noise.convert("L").convert(mode) if grey else noise.convert("RGB").convert(mode)
            stream = io.BytesIO()
            kind = {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper())
            image.save(stream, kind)
            found.append((ending, stream.getvalue()))
    return found


PICTURES = encoded()


@fuzzed(max(150, MANY // 10))
@given(st.data())
def test_damaged_photographs(place: Path, data: Any) -> None:
    ending, content = data.draw(st.sampled_from(PICTURES))
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(
            st.integers(0, min(len(changed), 120) - 1) | st.integers(0, len(changed) - 1)
        )
        changed[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(changed)) | st.integers(0, len(changed)))
    other = data.draw(st.sampled_from([ending, "jpg", "png", "tif", "heic"]))
    path = place / f"damaged.{other}"
    path.write_bytes(bytes(changed[:end]))
    said = error_of(lambda: photographs.decode(path, megapixels=1))
    if said is None:
        pixels = photographs.decode(path, megapixels=1)
        assert pixels.dtype == np.uint8
        assert pixels.shape[2:] == (3,)
    else:
        assert str(path) in said
