"""Ten architectures of the zoo; `make zoo` builds all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.figures import FIGURES
from tests.zoo.architectures import ARCHITECTURES, Architecture
from tests.zoo.tiny import build_tiny

QUICK = [each for each in ARCHITECTURES if each.quick]


def test_there_are_enough() -> None:
    assert len({str(each) for each in ARCHITECTURES}) == len(ARCHITECTURES) >= 40
    assert len(QUICK) == 10


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
