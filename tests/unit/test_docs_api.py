"""The blocks of docs/api.md run as they stand, one after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import pipeline as bb

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()


@pytest.mark.slow
def test_every_block_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for block in blocks:
        exec(compile(block, "docs/api.md", "exec"), names)
    assert names["where"].values.shape == (14, 14)
    assert len(names["groups"]) == 4
    assert names["flow"].values.shape == (3, 4)


def test_the_table_has_every_function() -> None:
    functions = {name for name in bb.__all__ if name[0].islower()}
    table = PAGE[PAGE.index("## Names") :]
    assert set(re.findall(r"`(\w+)\(", table)) - {"top"} == functions
