"""Ten architectures of the zoo; `make zoo` builds all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.figures import FIGURES
from pipeline.probe import LayerProfile
from tests.zoo.architectures import ARCHITECTURES, Architecture
from tests.zoo.results import Result, keep, kept
from tests.zoo.tiny import build_tiny

QUICK = [each for each in ARCHITECTURES if each.quick]


def test_there_are_enough() -> None:
    assert len({str(each) for each in ARCHITECTURES}) == len(ARCHITECTURES) >= 40
    assert len(QUICK) == 10


def test_results_are_kept_for_the_same_architecture(tmp_path: Path) -> None:
    first, second = ARCHITECTURES[:2]
    layer = LayerProfile("layer", "Conv2d", (3, 4, 4), True, 1, bottleneck=True, dead=0.25)
    for result in (Result(first, (layer,), None, 7, 1.5), Result(second, (), "too small", 0, 2.0)):
        keep(result, tmp_path)
        assert kept(result.architecture, tmp_path) == result
    assert kept(replace(first, side=first.side + 1), tmp_path) is None
    assert kept(ARCHITECTURES[2], tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize("architecture", QUICK, ids=str)
def test_an_architecture_gives_an_atlas(architecture: Architecture, tmp_path: Path) -> None:
    result = build_tiny(architecture, tmp_path)
    assert result.error is None
    assert result.layers
    for layer in result.layers:
        assert layer.is_cut, layer.name
        assert layer.counts, layer.name
        assert layer.dead < 1, layer.name
    page = (tmp_path / "site" / "index.html").read_text()
    assert all(f'id="{name.replace("_", "-")}"' in page for name in FIGURES)
