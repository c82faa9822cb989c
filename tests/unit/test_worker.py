import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from pipeline import models
from pipeline.config import Config, Settings
from pipeline.errors import AtlasError
from pipeline.network import Network
from pipeline.worker import choose_device, network
from tests.unit import networks


def config(path: Path) -> Config:
    return Config(
        path=path / "atlas.toml", settings=Settings.model_validate({"dataset": {"images": ()}})
    )


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Config]]:
    """The configurations whose network was loaded."""
    calls: list[Config] = []

    def load(asked: Config) -> Network:
        calls.append(asked)
        return networks.network()

    monkeypatch.setattr(models, "load", load)
    yield calls
    torch.set_flush_denormal(False)


def test_threads_that_ask_together_load_the_network_once(
    loaded: list[Config], tmp_path: Path
) -> None:
    together = threading.Barrier(8, timeout=60)

    def ask(_: int) -> Network:
        together.wait()
        return network(config(tmp_path), "cpu")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert len(loaded) == 1
    assert all(each is found[0] for each in found)


def test_another_configuration_is_loaded_for_itself(loaded: list[Config], tmp_path: Path) -> None:
    first = network(config(tmp_path / "a"), "cpu")
    assert network(config(tmp_path / "a"), "cpu") is first
    assert network(config(tmp_path / "b"), "cpu") is not first
    assert len(loaded) == 2


def test_every_thread_flushes_denormal_numbers(loaded: list[Config], tmp_path: Path) -> None:
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot flush denormal numbers")
    smallest = torch.tensor([1e-40])  # float32 has it as a denormal number only

    def product(_: int) -> float:
        network(config(tmp_path), "cpu")
        return float(smallest * 1.0)

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        assert [*first.map(product, [0]), *second.map(product, [0])] == [0.0, 0.0]
    assert float(smallest * 1.0) > 0  # this thread asked for no network


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_there_is_always_a_device(device: str) -> None:
    assert choose_device(device) in ("cuda", "mps", "cpu")


def test_unknown_and_absent_devices() -> None:
    with pytest.raises(AtlasError, match='no device "gpu"; write auto, cpu'):
        choose_device("gpu")
    for device, there in (
        ("cuda:0", torch.cuda.is_available()),
        ("mps", torch.backends.mps.is_available()),
    ):
        if not there:
            with pytest.raises(AtlasError, match="--device cpu or auto"):
                choose_device(device)
