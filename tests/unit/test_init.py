"""`init`: what it writes is read again, whatever the names are, and is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import init
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.progress import Reporter
from tests.unit.test_wrong_inputs import NETWORKS, picture


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NETWORKS)
    for name in ("a", "b", "c"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        picture(tmp_path / "photos" / name / "1.png")
    return tmp_path


def answers(**given: object) -> init.Answers:
    known: dict[str, Any] = {"source": "net.py", "images": ("photos",), "size": 16}
    return init.Answers(**{**known, **given})


@pytest.mark.usefixtures("place")
def test_what_is_written_is_read_with_the_same_meaning() -> None:
    path = init.init(
        Path("sub/atlas.toml"), answers(mean=(0.5,) * 3, std=(0.25,) * 3), Reporter(-1)
    )
    config = read(path)
    model = config.settings.model
    assert config.resolve(model.source).resolve() == Path("net.py").resolve()
    assert (model.size, model.mean, model.layers) == (16, (0.5,) * 3, ("layer",))


def test_folders_name_nameless_classes(place: Path) -> None:
    path = init.init(Path("atlas.toml"), answers(), Reporter(-1))
    assert (place / "atlas_classes.txt").read_text() == "a\nb\nc\n"
    assert read(path).settings.model.classes == "atlas_classes.txt"
    assert '# first = "mistakes"' in path.read_text()
    for name in ("d", "e"):
        (place / "photos" / name).mkdir()
        picture(place / "photos" / name / "1.png")
    again = init.init(Path("again.toml"), answers(), Reporter(-1))
    assert read(again).settings.model.classes is None  # five folders are not three classes


@pytest.mark.usefixtures("place")
def test_a_file_that_is_there_stays_unless_forced() -> None:
    path = Path("atlas.toml")
    path.write_text("mine")
    with pytest.raises(AtlasError, match=r"atlas.toml: is there already; .* --force"):
        init.init(path, answers(), Reporter(-1))
    assert path.read_text() == "mine"
    init.init(path, answers(), Reporter(-1), force=True)
    assert read(path).settings.model.source == "net.py"


@pytest.mark.usefixtures("place")
def test_mistakes_are_reported_and_the_file_is_kept() -> None:
    with pytest.raises(
        AtlasError, match=r'no function "x"(.|\n)*atlas.toml: was written all the s'
    ):
        init.init(Path("atlas.toml"), answers(source="net.py:x"), Reporter(-1))
    assert read(Path("atlas.toml")).settings.model.source == "net.py:x"


AWKWARD = [
    'a "quoted" name',
    "back\\slash",
    "tab\tand\nline",
    "\x7f\x01",
    "emoji 🐈",
    "# [x] = 'y'",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_texts_are_written_so_that_they_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("atlas.toml")
    given = init.Answers(source=text, images=(text,), weights=text, classes=text, title=text)
    path.write_text(init.configuration(path, given))
    found = read(path).settings
    texts = (found.title, found.model.source, found.model.weights, found.model.classes)
    assert texts == (text,) * 4
    assert found.dataset.images == (text,)


def test_numbers() -> None:
    assert init.numbers(None, "mean") is None
    assert init.numbers("0.5, 1,2e-1", "mean") == (0.5, 1.0, 0.2)
    with pytest.raises(AtlasError, match="--mean: a,b is not like"):
        init.numbers("a,b", "mean")
