import errno
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.arrays import Array, float16
from pipeline.errors import AtlasError
from pipeline.fingerprints import fingerprint_of, fingerprint_of_file
from pipeline.slugs import slug
from pipeline.store import (
    Computed,
    File,
    Recent,
    State,
    Store,
    describe,
    held,
    join,
    state,
    write,
)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def written(path: Path, fingerprint: str = "f") -> Path:
    cube = normal(3, 40, 40).astype(np.float16)
    arrays = {
        "logits": Array(normal(10).astype(np.float32), ("class",), "logits"),
        "activation/a.b": Array(cube, ("channel", "y", "x"), "activation"),
        "names": Array(np.array(["x", "ÿ<&"]), ("name",)),
    }
    write(path, "image", fingerprint, arrays, {"source": "a.jpg"})
    return path


# ------------------------------------------------------------------------------- reading, writing
def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "deep" / "a.h5")
    with File(path) as file:
        assert (file.kind, file.fingerprint, file.attributes) == ("image", "f", {"source": "a.jpg"})
        logits = file.array("logits")
        assert (logits.dims, logits.units) == (("class",), "logits")
        np.testing.assert_array_equal(logits.values, normal(10).astype(np.float32))
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


def test_a_file_of_another_schema_is_stale(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = 1
    assert state(path, "image", "f") is State.STALE


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
    assert held(path, "image", "f") == {}
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
    with File(written(tmp_path / "a.h5")) as file:
        with pytest.raises(AtlasError, match='"logit"; did you mean "logits"'):
            file.array("logit")
        with pytest.raises(AtlasError, match='holds no "activation"'):
            file.array("activation")  # a folder of datasets
    with pytest.raises(AtlasError, match="no such file"):
        File(tmp_path / "b.h5")


# -------------------------------------------------------------------------- contents join a file
def computed(value: float, fingerprint: str, *names: str) -> Computed:
    arrays = {name: Array(np.full(3, value, np.float32), ("class",), "logits") for name in names}
    return Computed(fingerprint, arrays)


def test_contents_join_a_file_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    first = {"one": computed(1, "f1", "one/a", "one/b"), "two": computed(2, "f2", "two")}
    join(path, "image", "f", first, {"source": "a.jpg"})
    join(path, "image", "f", {"three": computed(3, "f3", "one/c")}, {"source": "b.jpg"})
    assert held(path, "image", "f") == {"one": "f1", "two": "f2", "three": "f3"}
    with File(path) as file:
        assert file.names() == ["one/a", "one/b", "one/c", "two"]
        kept = file.array("one/b")
        assert (kept.values.tolist(), kept.dims, kept.units) == ([1, 1, 1], ("class",), "logits")
        assert file.attributes == {"source": "b.jpg"}
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


def test_a_content_of_the_same_name_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    join(path, "image", "f", {"one": computed(1, "f1", "a", "b"), "two": computed(2, "f2", "c")})
    join(path, "image", "f", {"one": computed(5, "g1", "a")})
    assert held(path, "image", "f") == {"one": "g1", "two": "f2"}
    with File(path) as file:
        assert file.names() == ["a", "c"]
        assert file.values("a").tolist() == [5, 5, 5]


def test_a_file_computed_from_something_else_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    join(path, "image", "f", {"one": computed(1, "f1", "a")})
    assert held(path, "image", "g") == {}
    join(path, "image", "g", {"two": computed(2, "g2", "b")})
    assert held(path, "image", "g") == {"two": "g2"}
    with File(path) as file:
        assert file.names() == ["b"]


def test_a_failure_to_join_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    join(path, "image", "f", {"one": computed(1, "f1", "a")})
    before = path.read_bytes()
    unwritable = Computed("f2", {"x": Array(np.array([object()]), ("x",))})
    with pytest.raises(TypeError):
        join(path, "image", "f", {"two": unwritable})
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


# ------------------------------------------------------------------------ arrays and fingerprints
def test_dims_must_fit() -> None:
    with pytest.raises(ValueError, match="dims"):
        Array(np.zeros((2, 2)), ("x",))


def test_fingerprints_tell_values_apart() -> None:
    parts = [[], [[]], ["a"], ["a", ""], ["", "a"], [["a"]], [b"a"], [1], ["1"], [1.0], [True]]
    parts += [[None], [{"a": 1}], [{"a": "1"}], ["ab", "c"], ["a", "bc"]]
    parts += [[{("a", "b"): 1}], [{("ab",): 1}]]
    parts += [[np.zeros(2)], [np.zeros(2, np.float32)], [np.zeros((2, 1))], [np.ones(2)]]
    assert len({fingerprint_of(*each) for each in parts}) == len(parts)
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})


def test_the_fingerprint_of_a_file_follows_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first = fingerprint_of_file(path)
    path.write_bytes(b"two")
    assert fingerprint_of_file(path) != first


def test_float16_has_no_infinities() -> None:
    values = float16(np.array([1e9, -1e9, 0.5]))
    assert values.tolist() == [65504.0, -65504.0, 0.5]


def test_slugs_are_safe() -> None:
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("日本 <b>") == "b"
    assert slug("...") == "unnamed"


# ------------------------------------------------------------------------- feature visualizations
def batch(units: list[str], value: int) -> dict[str, Array]:
    count = len(units)
    pixels = np.full((count, 4, 4, 3), value, np.uint8)
    return {
        "pictures": Array(pixels, ("picture", "y", "x", "rgb"), "0…255"),
        "objective": Array(np.full(count, 2.0, np.float32), ("picture",)),
        "activation": Array(np.arange(count, dtype=np.float32), ("picture",)),
        "alive": Array(np.arange(count) > 0, ("picture",)),
    }


def test_feature_visualizations_of_several_batches(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_visualizations("a/b", "f" * 64, ["channel:1", "channel:2"], batch(["", ""], 1))
    store.write_visualizations("a/b", "f" * 64, ["channel:3"], batch([""], 2))
    store.write_visualizations("a/b", "e" * 64, ["channel:4"], batch([""], 3))
    found = store.visualizations("a/b", "f" * 64, ["channel:2", "channel:3", "channel:4"])
    assert set(found) == {"channel:2", "channel:3"}
    assert (found["channel:2"].alive, found["channel:3"].alive) == (True, False)
    assert found["channel:3"].pixels[0, 0, 0] == 2
    assert found["channel:2"].activation == 1.0


def test_a_damaged_batch_is_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_visualizations("a", "f" * 64, ["channel:1"], batch([""], 1))
    store.write_visualizations("a", "f" * 64, ["channel:2"], batch([""], 1))
    path, _ = store.visualization_index("a", "f" * 64)["channel:1"]
    path.write_bytes(path.read_bytes()[:-100])
    assert set(Store(tmp_path).visualization_index("a", "f" * 64)) == {"channel:2"}


# ------------------------------------------------------------------------------ describing, keeping
def test_a_description_has_everything(tmp_path: Path) -> None:
    text = "\n".join(describe(written(tmp_path / "a.h5")))
    shape = ("activation/a.b", "3 × 40 × 40", "float16", "channel, y, x")
    for word in ("image", *shape, "logits", "source"):
        assert word in text


def test_arrays_stay_at_hand_within_bounds(tmp_path: Path) -> None:
    store = Store(tmp_path)
    written(store.photograph_path("a"))
    with store.photograph("a") as file:
        first = file.values("logits")
    with store.photograph("a") as file:
        assert file.values("logits") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    written(store.photograph_path("a"), "g")
    with store.photograph("a") as file:
        assert file.values("logits") is not first
    small = Recent(limit=100)
    with File(store.photograph_path("a"), small) as file:
        kept = file.values("logits")
        assert file.values("logits") is kept
        file.values("activation/a.b")
        assert file.values("logits") is not kept


def test_what_was_read_of_a_held_file_is_forgotten_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    written(store.photograph_path("a"))
    with store.holding("a"):
        with store.photograph("a") as file:
            kept = file.values("logits")
        with store.photograph("a") as file:
            assert file.values("logits") is kept
    with store.photograph("a") as file:
        assert file.values("logits") is not kept


def test_pictures_are_stored_one_by_one_and_other_arrays_by_whole_rows(tmp_path: Path) -> None:
    arrays = {
        "pictures": Array(np.zeros((5, 32, 32, 3), np.uint8), ("picture", "y", "x", "rgb")),
        "many": Array(np.zeros((1000, 100), np.float32), ("row", "column")),
        "wide": Array(np.zeros((2, 100_000), np.float32), ("row", "column")),
    }
    write(tmp_path / "a.h5", "image", "f", arrays)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["pictures"].chunks == (1, 32, 32, 3)
        assert file["many"].chunks == (163, 100)  # 64 KiB of them
        assert file["wide"].chunks == (1, 100_000)


def test_an_array_whose_content_was_replaced_is_read_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.photograph_path("a")
    join(path, "image", "f", {"one": computed(1, "f1", "a"), "two": computed(2, "f2", "b")})
    with store.photograph("a") as file:
        kept = file.values("b")
        assert file.values("a").tolist() == [1, 1, 1]
    join(path, "image", "f", {"one": computed(5, "g1", "a")})
    with store.photograph("a") as file:
        assert file.values("a").tolist() == [5, 5, 5]
        assert file.values("b").tolist() == kept.tolist()


# ------------------------------------------------------------------------------ disks that fail
class Failing:
    """A disk that takes no file: what the system says when it syncs one."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, descriptor: int) -> None:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, r"No space left on device\); it needs \d+ bytes, \d+ are free.*--store"),
        (errno.EDQUOT, r"uota exceeded\); it needs \d+ bytes, \d+ are free on its disk; free some"),
        (errno.EIO, r"Input/output error\); see whether its disk is connected"),
        (errno.ESTALE, r"Stale file handle\); see whether its disk is connected"),
    ],
)
def test_a_disk_that_fails_leaves_what_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    path = written(tmp_path / "a.h5")
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", Failing(number))
    with pytest.raises(AtlasError, match=rf"a\.h5: could not be written \(.*{advice}"):
        written(path, "g")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


def test_a_file_that_cannot_be_read_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.h5")

    def gone(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(Path, "open", gone)
    for look in (lambda: state(path, "image", "f"), lambda: File(path)):
        with pytest.raises(AtlasError, match=r"cannot be read \(Stale file handle\); see whether"):
            look()
