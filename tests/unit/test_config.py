"""Configuration files: what is read, what is refused with which words, and what is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.config import Settings, Table, read
from pipeline.errors import AtlasError, Problems

ROOT = Path(__file__).resolve().parents[2]


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "atlas.toml"
    path.write_text(text)
    return path


def test_the_demo_is_valid() -> None:
    settings = read(ROOT / "configs" / "demo.toml").settings
    assert settings.model.source == "efficientnet_lite0"
    assert settings.dataset.images == ("skimage:chelsea", "skimage:coffee", "skimage:rocket")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = read(config(tmp_path, 'dataset.images = ["a.jpg"]'))
    assert found.resolve("a.jpg") == tmp_path / "a.jpg"
    assert found.resolve("/x/a.jpg") == Path("/x/a.jpg")
    nobody = "~nobody-of-this-name/a.jpg"
    assert found.resolve(nobody) == tmp_path / nobody
    assert found.name == "atlas"


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = """
    title = 3
    [modle]
    [model]
    sorce = "a"
    layers = "x"
    [features]
    size = 10
    channels = "al"
    seed = 1.5
    [groups]
    counts = {a = [1, "x"]}
    [site]
    figures = ["a", 3]
    """
    with pytest.raises(Problems) as caught:
        read(config(tmp_path, text))
    message = str(caught.value)
    for part in (
        '"title" must be a text in quotes, not 3',
        'unknown key "modle"; did you mean "model"?',
        'unknown key "sorce" in [model]; did you mean "source"?',
        '"model.layers" must be a list',
        '"features.size"',
        '"features.channels"',
        '"features.seed" must be a whole number, not 1.5',
        '"groups.counts.a.1"',
        '"site.figures.1"',
        '"dataset" is missing',
    ):
        assert part in message
    file = str(tmp_path / "atlas.toml")
    assert all(str(problem).startswith(file) for problem in caught.value.problems)
    assert len(caught.value.problems) == 10


def test_a_mistake_inside_a_table_is_reported_as_that_and_once(tmp_path: Path) -> None:
    tables = '[dataset]\nimages = ["a.jpg"]\n[features]\nchannels = { "4.bn1" = "all", "5" = [3] }'
    with pytest.raises(AtlasError) as caught:
        read(config(tmp_path, f'[model]\nsource = "googlenet"\n{tables}'))
    assert not isinstance(caught.value, Problems)
    assert "\"features.channels.4.bn1\" must be a list [...], not 'all'" in str(caught.value)


def test_images_are_asked_for(tmp_path: Path) -> None:
    message = r'"dataset.images" is missing; add images = \["photos/\*.jpg"\]'
    with pytest.raises(AtlasError, match=message):
        read(config(tmp_path, "[dataset]"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "not valid TOML"),
        ('a = "\udcff"', "not valid TOML|unknown key"),
        ("title = x", "strings need quotes"),
    ],
)
def test_not_toml(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(AtlasError, match=message):
        read(path)


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"no such configuration file; README\.md shows"):
        read(tmp_path / "other.toml")
    config(tmp_path, "")
    with pytest.raises(AtlasError, match=r"there are: atlas\.toml"):
        read(tmp_path / "other.toml")
    with pytest.raises(AtlasError, match="is a folder"):
        read(tmp_path)


# --------------------------------------------------------------------------------- documentation
def documented() -> set[str]:
    """Every key in the table of docs/configuration.md, with its table: "model.names"."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    section = text[text.index("## All keys") : text.index("## Sources")]
    found: set[str] = set()
    table = ""
    for row in re.findall(r"^\| (\S.*?) \|", section, re.MULTILINE):
        if heading := re.fullmatch(r"\*\*`\[(\w+)\]`\*\*", row):
            table = f"{heading[1]}."
        else:
            found |= {f"{table}{key}" for key in re.findall(r"`([a-z_]+)(?:\.[A-Z]+)?`", row)}
    return found


def keys(model: type[Table], table: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        nested = isinstance(kind, type) and issubclass(kind, Table)
        found |= keys(kind, f"{table}{name}.") if nested else {f"{table}{name}"}
    return found


def test_every_key_is_documented_and_no_other() -> None:
    assert documented() == keys(Settings)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('site.path = "../up"', r'"site\.path" must be the name of one folder, in letters'),
        ('site.address = "ada.github.io"', r'"site\.address" must be an address that begins with'),
        ('model.layouts = {early = "CHW"}', r'"model\.layouts\.early" must be "NCHW", "NHWC"'),
    ],
)
def test_patterns_are_told_in_words(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f'dataset.images = ["a.jpg"]\n{line}\n')
    with pytest.raises(AtlasError, match=message):
        read(path)
