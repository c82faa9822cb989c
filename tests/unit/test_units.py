import numpy as np
import pytest

from pipeline.units import Unit


@pytest.mark.parametrize("text", ["channel:12", "direction:0123456789ab", "channel:12~3"])
def test_a_unit_survives_its_own_text(text: str) -> None:
    assert str(Unit.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "12", "channel:", "channel:x", "channel:-1", "direction:", "group:3", "channel:1~"]
)
def test_text_that_names_no_unit(text: str) -> None:
    with pytest.raises(ValueError, match="names no unit"):
        Unit.parse(text)


def test_channels() -> None:
    unit = Unit.channel(5)
    assert str(unit) == "channel:5"
    assert unit.channel_index == 5
    assert Unit.channel(np.int64(5)) == Unit.parse("channel:5") == Unit.parse("channel:05") == unit


def test_directions_are_named_by_their_values() -> None:
    vector = np.array([1.0, 0.5, 0.0], np.float32)
    unit = Unit.direction(vector)
    assert unit.channel_index is None
    assert unit == Unit.direction(vector.astype(np.float64)) == Unit.direction(vector[::-1][::-1])
    assert unit != Unit.direction(2 * vector)
    assert str(unit).startswith("direction:")
    assert Unit.parse(str(unit)) == unit


def test_variants() -> None:
    unit = Unit.channel(5)
    variant = unit.with_variant(2)
    assert str(variant) == "channel:5~2"
    assert variant != unit
    assert variant.original == unit == unit.original
    assert variant.channel_index == 5


def test_units_are_sorted_by_number_and_directions_come_last() -> None:
    direction = Unit.parse("direction:0a")
    two, ten = Unit.channel(2), Unit.channel(10)
    variant = ten.with_variant(1)
    assert sorted([direction, variant, ten, two]) == [two, ten, variant, direction]
