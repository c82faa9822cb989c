"""Batches of few sizes, for devices that plan each size anew."""

import numpy as np
import pytest
import torch

from pipeline.attribution import compute
from pipeline.config import AttributionTable
from pipeline.featurevis.render import render
from pipeline.featurevis.requests import requests_for_channels
from pipeline.grammar import CHANNEL, CLASSES, Attribution, Substrate, with_requirements
from pipeline.network import Network, devices
from pipeline.network.devices import SIZES, filled, first_rows, free_memory, plans, whole
from pipeline.units import Unit
from tests.unit import networks
from tests.unit.featurevis import QUICK, Passes, Silent, largest_difference, pictures_of
from tests.unit.networks import close

CPU = torch.device("cpu")


@pytest.fixture
def planning(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this processor planned."""
    monkeypatch.setattr(devices, "PLANNING", ("cpu", "cuda"))


def test_processors_get_every_size() -> None:
    rows = torch.rand(5, 3)
    assert not plans(CPU)
    assert filled(rows) is rows
    assert whole(37, CPU) == 37


@pytest.mark.parametrize(
    ("count", "larger", "smaller"),
    [(0, 0, 0), (1, 1, 1), (2, 8, 1), (8, 8, 8), (9, 64, 8), (65, 512, 64), (513, 1024, 512)],
)
@pytest.mark.usefixtures("planning")
def test_batches_have_few_sizes(count: int, larger: int, smaller: int) -> None:
    rows = torch.arange(count).float()[:, None]
    assert len(filled(rows)) == larger
    assert torch.equal(filled(rows)[:count], rows)
    assert whole(count, CPU) == smaller


@pytest.mark.usefixtures("planning")
def test_gradients_reach_the_rows_and_not_what_fills_them_up() -> None:
    rows = torch.rand(3, 2, requires_grad=True)
    everything = filled(rows)
    first_rows({"": everything}, 3)[""].sum().backward()
    assert rows.grad is not None
    assert torch.equal(rows.grad, torch.ones(3, 2))


def test_first_rows_are_the_batch_itself_where_nothing_was_added() -> None:
    rows = torch.rand(3, 2)
    assert first_rows({"": rows}, 3)[""] is rows


@pytest.mark.parametrize("spelling", ["module", "fast"])
def test_pictures_are_the_same_in_filled_batches(
    spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Network(Silent(spelling), networks.network().preprocessing, ["one", "two"])

    def made() -> dict[Unit, np.ndarray]:
        requests = requests_for_channels("layer", range(2))
        return pictures_of(render(silent, requests, QUICK, dtype="float32", batch_size=SIZES[1]))

    expected = made()
    monkeypatch.setattr(devices, "PLANNING", ("cpu",))
    for unit, picture in made().items():
        assert largest_difference(picture, expected[unit]) <= 2, unit


@pytest.mark.usefixtures("planning")
def test_memory_that_runs_out_is_answered_by_the_next_smaller_size() -> None:
    network, requests = networks.network(), requests_for_channels("early", range(8))
    passes = Passes(network, torch.OutOfMemoryError("CUDA out of memory"), limit=1)
    found = pictures_of(render(network, requests, QUICK, batch_size=8))
    assert len(found) == 8
    assert passes.counts[:2] == [8, 1]  # no size lies between


def test_attributions_of_filled_batches_are_those_of_every_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made() -> np.ndarray:
        wanted = Attribution(Substrate("late", CHANNEL), CLASSES)
        contents = with_requirements((wanted,))
        net, x = networks.network(), networks.photograph()
        found = compute(net, x, contents, AttributionTable())
        return np.asarray(found[wanted.path][wanted.path].values, dtype=np.float32)

    expected = made()
    monkeypatch.setattr(devices, "PLANNING", ("cpu",))
    assert close(made(), expected, 1e-2)


def test_only_gpus_tell_how_much_memory_they_have_left() -> None:
    assert free_memory(CPU) is None
