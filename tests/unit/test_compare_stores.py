from pathlib import Path

import numpy as np
import pytest

from pipeline.arrays import Array
from pipeline.store import Store, write
from pipeline.units import Unit
from tests.compare_stores import main


def a_store(
    root: Path, scale: float = 1.0, more: dict[str, Array] | None = None, brighter: int = 0
) -> Path:
    """One photograph with two groups, and their feature visualizations."""
    vectors = np.eye(2, 4, dtype=np.float32) * np.float32(scale)
    datasets = {
        "logits": Array(np.arange(3, dtype=np.float32) * np.float32(scale), ("class",), "logits"),
        "group/late/2/channels": Array(vectors, ("group", "channel")),
        **(more or {}),
    }
    store = Store(root)
    write(store.photograph_path("x"), "image", "f", datasets)
    pictures = np.full((2, 4, 4, 3), 100 + brighter, np.uint8)
    store.write_visualizations(
        "late",
        "f" * 64,
        [str(Unit.direction(vector)) for vector in vectors],
        {"pictures": Array(pictures, ("picture", "y", "x", "rgb"), "0…255")},
    )
    return root


def test_equal_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(a_store(tmp_path / "a"), a_store(tmp_path / "b")) == 0
    assert "images: logits" in capsys.readouterr().out


def test_rounding_passes_also_in_the_vectors_that_name_groups(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounded = a_store(tmp_path / "b", scale=1 + 1e-6)
    assert main(a_store(tmp_path / "a"), rounded) == 0
    assert "DIFFERS" not in capsys.readouterr().out


@pytest.mark.parametrize("change", [{"scale": 1.01}, {"brighter": 2}])
def test_differences_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, float]
) -> None:
    changed = a_store(tmp_path / "b", **change)  # type: ignore[arg-type]
    assert main(a_store(tmp_path / "a"), changed) == 1
    assert "DIFFERS" in capsys.readouterr().out


def test_what_one_store_lacks_needs_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = Array(np.zeros(3, np.float32), ("class",))
    now = a_store(tmp_path / "now")
    known = {"saliency/for/late/colours": value, "compare/classes": value}
    assert main(a_store(tmp_path / "known", more=known), now) == 0
    assert "1 datasets (presentation" in capsys.readouterr().out
    unknown = a_store(tmp_path / "unknown", more={"other": value})
    assert main(unknown, now) == 1
    assert main(now, unknown) == 1


def test_nothing_to_compare_is_no_success(tmp_path: Path) -> None:
    assert main(tmp_path / "a", tmp_path / "b") == 1
