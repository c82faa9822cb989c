from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.errors import AtlasError
from pipeline.store import Array, File, Recent, State, Store, describe, fingerprint_of, float16, slug, state, write


def written(path: Path, fingerprint: str = "f") -> Path:
    rng = np.random.default_rng(0)
    arrays = {
        "logits": Array(rng.normal(size=10).astype(np.float32), ("class",), "logits"),
        "activation/a.b": Array(rng.normal(size=(3, 40, 40)).astype(np.float16), ("channel", "y", "x"), "activation"),
        "names": Array(np.array(["x", "ÿ<&"]), ("name",)),
    }
    write(path, "image", fingerprint, arrays, {"source": "a.jpg"})
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "deep" / "a.h5")
    with File(path) as file:
        assert (file.kind, file.fingerprint, file.attributes) == ("image", "f", {"source": "a.jpg"})
        logits = file.array("logits")
        assert (logits.dims, logits.units) == (("class",), "logits")
        np.testing.assert_array_equal(logits.values, np.random.default_rng(0).normal(size=10).astype(np.float32))
        assert file.values("names").tolist() == ["x", "ÿ<&"]
        assert file.names() == ["activation/a.b", "logits", "names"]
    assert [each.name for each in path.parent.iterdir()] == ["a.h5"]


def test_states(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    assert state(path, "image", "f") is State.ABSENT
    written(path)
    assert state(path, "image", "f") is State.CURRENT
    assert state(path, "image", "g") is State.STALE
    assert state(path, "network", "f") is State.DAMAGED


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_damaged(tmp_path: Path, kept: float) -> None:
    path = written(tmp_path / "a.h5")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    assert state(path, "image", "f") is State.DAMAGED
    with pytest.raises(AtlasError, match=r"a\.h5"):
        File(path)


def test_foreign_files_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_text("not HDF5")
    assert state(path, "image", "f") is State.DAMAGED
    with h5py.File(path, "w") as file:
        file["x"] = 1
    assert state(path, "image", "f") is State.DAMAGED
    with pytest.raises(AtlasError, match="not a whole file"):
        File(path)


def test_a_failure_leaves_the_previous_file_and_no_rubbish(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write(path, "image", "g", {"x": Array(np.array([object()]), ("x",))})
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AtlasError, match="cannot write here"):
        written(tmp_path / "file" / "a.h5")


def test_missing_datasets_and_files_are_named(tmp_path: Path) -> None:
    with File(written(tmp_path / "a.h5")) as file, pytest.raises(AtlasError, match='"logit"; did you mean "logits"'):
        file.array("logit")
    with pytest.raises(AtlasError, match="no such file"):
        File(tmp_path / "b.h5")


def test_dims_must_fit() -> None:
    with pytest.raises(ValueError, match="dims"):
        Array(np.zeros((2, 2)), ("x",))


def test_fingerprints_tell_values_apart() -> None:
    parts = [[], [[]], ["a"], ["a", ""], ["", "a"], [["a"]], [b"a"], [1], ["1"], [1.0], [True], [None], [{"a": 1}], [{"a": "1"}]]
    parts += [[np.zeros(2)], [np.zeros(2, np.float32)], [np.zeros((2, 1))], [np.ones(2)], ["ab", "c"], ["a", "bc"]]
    assert len({fingerprint_of(*each) for each in parts}) == len(parts)
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})


def test_float16_has_no_infinities() -> None:
    values = float16(np.array([1e9, -1e9, 0.5]))
    assert values.tolist() == [65504.0, -65504.0, 0.5]


def test_slugs_are_safe() -> None:
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("日本 <b>") == "b"
    assert slug("...") == "unnamed"


def batch(units: list[str], value: int) -> dict[str, Array]:
    count = len(units)
    return {
        "pictures": Array(np.full((count, 4, 4, 3), value, np.uint8), ("picture", "y", "x", "rgb"), "0…255"),
        "objective": Array(np.full(count, 2.0, np.float32), ("picture",)),
        "activation": Array(np.arange(count, dtype=np.float32), ("picture",)),
        "alive": Array(np.arange(count) > 0, ("picture",)),
    }


def test_pictures_of_several_batches(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_pictures("a/b", "f" * 64, ["channel:1", "channel:2"], batch(["", ""], 1), {})
    store.write_pictures("a/b", "f" * 64, ["channel:3"], batch([""], 2), {})
    store.write_pictures("a/b", "e" * 64, ["channel:4"], batch([""], 3), {})
    found = store.pictures("a/b", "f" * 64, ["channel:2", "channel:3", "channel:4"])
    assert set(found) == {"channel:2", "channel:3"}
    assert (found["channel:2"].alive, found["channel:3"].alive) == (True, False)
    assert found["channel:3"].pixels[0, 0, 0] == 2
    assert found["channel:2"].activation == 1.0


def test_a_damaged_batch_is_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_pictures("a", "f" * 64, ["channel:1"], batch([""], 1), {})
    store.write_pictures("a", "f" * 64, ["channel:2"], batch([""], 1), {})
    path, _ = store.picture_index("a", "f" * 64)["channel:1"]
    path.write_bytes(path.read_bytes()[:-100])
    assert set(Store(tmp_path).picture_index("a", "f" * 64)) == {"channel:2"}


def test_describe_says_all(tmp_path: Path) -> None:
    text = "\n".join(describe(written(tmp_path / "a.h5")))
    for word in ("image", "activation/a.b", "3 × 40 × 40", "float16", "channel, y, x", "logits", "source"):
        assert word in text


def test_arrays_stay_at_hand_within_bounds(tmp_path: Path) -> None:
    store = Store(tmp_path)
    written(store.image_path("a"))
    with store.image("a") as file:
        first = file.values("logits")
    with store.image("a") as file:
        assert file.values("logits") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    written(store.image_path("a"), "g")
    with store.image("a") as file:
        assert file.values("logits") is not first
    small = Recent(limit=100)
    with File(store.image_path("a"), small) as file:
        held = file.values("logits")
        assert file.values("logits") is held
        file.values("activation/a.b")
        assert file.values("logits") is not held
