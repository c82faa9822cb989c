"""How many processes compute, and with how many threads."""

from __future__ import annotations

import os

import pytest
import torch

from pipeline import cores
from pipeline.cores import A_PROCESS, Crew, crew_for
from pipeline.memory import available_memory, peak_memory

LARGE = 10 * cores.SMALL


@pytest.mark.parametrize(
    ("there", "free", "parameters", "crew"),
    [
        (8, 100 * A_PROCESS, LARGE, Crew(8, 1)),
        (8, 3 * A_PROCESS, LARGE, Crew(3, 2)),  # what fits into memory
        (8, A_PROCESS // 2, LARGE, Crew(1, None)),
        (8, None, LARGE, Crew(1, None)),  # nobody knows how much there is
        (1, 100 * A_PROCESS, LARGE, Crew(1, None)),
        (8, 100 * A_PROCESS, 1000, Crew(1, 1)),  # as the processes would, without their start
    ],
)
def test_a_crew_fits_the_machine_and_the_network(
    there: int, free: int | None, parameters: int, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "count", lambda: there)
    monkeypatch.setattr(cores, "available_memory", lambda: free)
    assert crew_for(parameters) == crew


def test_threads_are_limited_for_a_while() -> None:
    def fail() -> None:
        with cores.limited(1):
            assert torch.get_num_threads() == 1
            raise KeyError

    before = torch.get_num_threads()
    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before
    with cores.limited(None):
        assert torch.get_num_threads() == before


def test_this_machine_says_what_it_has() -> None:
    assert 1 <= cores.count() <= (os.cpu_count() or 1)
    free, peak = available_memory(), peak_memory()
    assert free is None or free > 1 << 20
    assert 1 << 20 < peak < 1 << 40
