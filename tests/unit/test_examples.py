"""Every configuration in the repository runs as it is, without a network connection."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pipeline import build
from pipeline.config import read
from pipeline.progress import Reporter
from pipeline.survey import Options

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.toml"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection to another machine."""

    def refuse(*arguments: object) -> None:
        raise OSError(f"a connection to {arguments[1:]} was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_has_no_mistake(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(output=tmp_path / "site", root=tmp_path / "build", device="cpu")
    build.check(read(path), options, Reporter(0))
    assert f"{path}: fine." in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_is_documented(path: Path) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    name = path.relative_to(ROOT).as_posix()
    assert f"[`{name}`](../{name})" in text


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_names_only_files_of_the_repository(path: Path) -> None:
    config = read(path)
    model = config.settings.model
    source = model.source.rpartition(":")[0] if ".py" in model.source else None
    for name in filter(None, (source, model.classes)):
        assert config.resolve(name).resolve().is_relative_to(ROOT)
