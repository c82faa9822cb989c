"""Configurations written as TOML: read again, they are what they were."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import read
from pipeline.upkeep.statement import configured
from pipeline.upkeep.toml import toml

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").rglob("*.toml"))
# TOML holds no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# A network that ran in this process before has the processor take denormal numbers for zero.
FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
PLAIN = TEXT | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS
TABLE = st.dictionaries(TEXT, PLAIN | st.lists(PLAIN, max_size=3), max_size=4)
TABLES = st.dictionaries(TEXT, TABLE | PLAIN | st.dictionaries(TEXT, TABLE, max_size=2))


@settings(deadline=None)
@given(TABLES)
def test_what_is_written_is_read_again(values: dict[str, object]) -> None:
    assert tomllib.loads(toml(values)) == values


def test_nothing_stands_for_no_value() -> None:
    assert tomllib.loads(toml({"a": {"b": None, "c": 1}})) == {"a": {"c": 1}}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_example_survives(path: Path, tmp_path: Path) -> None:
    config, again = read(path), tmp_path / path.name
    again.write_text(toml(configured(config)))
    private = {"execution"}
    assert read(again).settings.model_dump(exclude=private) == (
        config.settings.model_dump(exclude=private)
    )
