"""Two hundred kinds of damage to a file of the store, a hundred of them single flipped bytes: each
is found before a value is read, and none is mistaken for another file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.arrays import Array
from pipeline.errors import AtlasError
from pipeline.store import Computed, DamagedFile, File, State, damage_of, held, join, state, write
from pipeline.store.seal import BLOCK, FOOTER

KIND, FINGERPRINT = "image", "f" * 64


def arrays() -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {
        "noise": Array(random.integers(0, 255, (3, 250, 250), np.uint8), ("c", "y", "x")),
        "small": Array(random.normal(size=10).astype(np.float32), ("class",), "logits"),
        "deep/a/b": Array(random.normal(size=(40, 40)).astype(np.float16), ("y", "x")),
        "scalar": Array(np.array(3.0, np.float32), ()),
        "names": Array(np.array(["first", "second"]), ("name",)),
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of several blocks, with datasets of all sorts and contents that joined."""
    path = tmp_path_factory.mktemp("whole") / "a.h5"
    for name, array in arrays().items():
        join(path, KIND, FINGERPRINT, {name: Computed(f"of {name}", {name: array})}, {"a": 1})
    data = path.read_bytes()
    assert len(data) > 3 * BLOCK
    return data


def read_everything(path: Path) -> None:
    with File(path) as file:
        for name in file.names():
            file.values(name)


def assert_found(path: Path) -> None:
    """The damage is found by who checks the file, and whoever reads it gets no value of it."""
    assert damage_of(path) is not None
    try:
        read_everything(path)
    except AtlasError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        # What was read is what was written: the damage is where nothing is kept.
        with File(path) as file:
            for name, array in arrays().items():
                np.testing.assert_array_equal(file.values(name), array.values)


def flip(data: bytes, position: int, bit: int = 3) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed)


@pytest.mark.parametrize("number", range(100))
def test_a_flipped_byte(whole: bytes, tmp_path: Path, number: int) -> None:
    random = np.random.default_rng(number)
    # The beginning, the headers there, the checksums, the footer, and anywhere.
    ends = [0, 8, 40, 96, len(whole) - 1, len(whole) - FOOTER.size, len(whole) - FOOTER.size - 1]
    anywhere = int(random.integers(len(whole)))
    position = ends[number] if number < len(ends) else anywhere
    path = tmp_path / "a.h5"
    path.write_bytes(flip(whole, position, int(random.integers(8))))
    assert_found(path)


@pytest.mark.parametrize("number", range(30))
def test_a_file_cut_short(whole: bytes, tmp_path: Path, number: int) -> None:
    ends = [0, 1, 7, 511, 512, 4096, len(whole) - 1, len(whole) - FOOTER.size, BLOCK, 2 * BLOCK]
    anywhere = int(np.random.default_rng(number).integers(len(whole)))
    path = tmp_path / "a.h5"
    path.write_bytes(whole[: ends[number] if number < len(ends) else anywhere])
    assert_found(path)
    assert state(path, KIND, FINGERPRINT) is State.DAMAGED
    assert held(path, KIND, FINGERPRINT) == {}


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"h5"])
@pytest.mark.parametrize("number", range(10))
def test_a_stretch_overwritten(whole: bytes, tmp_path: Path, number: int, fill: bytes) -> None:
    random = np.random.default_rng(number)
    length = int(2 ** random.integers(4, 16))
    start = int(random.integers(len(whole) - length))
    path = tmp_path / "a.h5"
    changed = whole[:start] + (fill * length)[:length] + whole[start + length :]
    assert changed != whole
    path.write_bytes(changed)
    assert_found(path)


@pytest.mark.parametrize("number", range(10))
def test_blocks_exchanged(whole: bytes, tmp_path: Path, number: int) -> None:
    """A disk that puts what is written elsewhere: every block is one that was written."""
    size = BLOCK if number < 5 else 4096
    first, second = np.random.default_rng(number).permutation(2 * BLOCK // size)[:2] * size
    changed = bytearray(whole)
    changed[first : first + size] = whole[second : second + size]
    changed[second : second + size] = whole[first : first + size]
    assert bytes(changed) != whole
    path = tmp_path / "a.h5"
    path.write_bytes(bytes(changed))
    assert_found(path)


@pytest.mark.parametrize("number", range(10))
def test_bytes_added(whole: bytes, tmp_path: Path, number: int) -> None:
    random = np.random.default_rng(number)
    added, start = bytes(number + 1), int(random.integers(len(whole)))
    path = tmp_path / "a.h5"
    path.write_bytes(whole + added if number < 5 else whole[:start] + added + whole[start:])
    assert_found(path)


def another_hdf5(**attributes: object) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["x"] = 1
        file.attrs.update(attributes)
    return stream.getvalue()


FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "text": lambda _: b"not HDF5",
    "a page of a server": lambda _: b"<!doctype html><title>404</title>" * 50,
    "a picture": lambda _: b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "the signature of HDF5 alone": lambda _: b"\x89HDF\r\n\x1a\n",
    "an HDF5 file of another program": lambda _: another_hdf5(),
    "one that names our kind only": lambda _: another_hdf5(kind=KIND),
    "one with a schema that is no number": lambda _: another_hdf5(kind=KIND, schema="x"),
    "one with lists for texts": lambda _: another_hdf5(kind=[1, 2], schema=[3], fingerprint=[1]),
    "no seal": lambda data: data[: data.rindex(b'{"kind"')],
    "the seal alone": lambda data: data[-FOOTER.size :],
    "another seal": lambda data: data[: -FOOTER.size] + bytes(FOOTER.size),
    "two files": lambda data: data + data,
    "line ends of another system": lambda data: data.replace(b"\n", b"\r\n"),
    "zeros of the same length": lambda data: bytes(len(data)),
    "noise of the same length": lambda data: np.random.default_rng(0).bytes(len(data)),
    "backwards": lambda data: data[::-1],
    "shifted by a byte": lambda data: b"\0" + data[:-1],
    "every byte but one the same": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
    "a checksum file": lambda _: b"d41d8cd98f00b204e9800998ecf8427e  a.h5\n",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_another_file_in_its_place(whole: bytes, tmp_path: Path, name: str) -> None:
    changed = FOREIGN[name](whole)
    assert changed != whole
    path = tmp_path / "a.h5"
    path.write_bytes(changed)
    assert_found(path)
    assert state(path, KIND, FINGERPRINT) is not State.CURRENT


# ------------------------------------------------------------------------------- what is not damage
def test_a_whole_file_is_whole(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(whole)
    assert damage_of(path) is None
    assert state(path, KIND, FINGERPRINT) is State.CURRENT
    assert state(path, KIND, "g") is State.STALE
    read_everything(path)
    with h5py.File(path) as file:  # as any other program would
        np.testing.assert_array_equal(file["noise"], arrays()["noise"].values)


def test_the_same_contents_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        write(tmp_path / name, KIND, FINGERPRINT, arrays(), {"x": 1})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_file_of_an_older_version_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(another_hdf5(kind=KIND, schema=2, fingerprint=FINGERPRINT))
    assert state(path, KIND, FINGERPRINT) is State.STALE
    assert state(path, "grid", FINGERPRINT) is State.DAMAGED


def damaged_in(whole: bytes, dataset: str) -> bytes:
    """The file with a flipped byte in the values of a dataset."""
    with h5py.File(io.BytesIO(whole)) as file:
        chunks = file[dataset].id
        position = chunks.get_chunk_info(chunks.get_num_chunks() // 2).byte_offset + 100
    assert position > BLOCK
    return flip(whole, position)


def test_only_what_is_read_is_checked(whole: bytes, tmp_path: Path) -> None:
    """A reader of a small dataset does not wait for all of a large file."""
    path = tmp_path / "a.h5"
    path.write_bytes(damaged_in(whole, "noise"))
    with File(path) as file:
        np.testing.assert_array_equal(file.values("small"), arrays()["small"].values)
        with pytest.raises(DamagedFile, match="damaged in the 64 KiB from byte"):
            file.values("noise")


def test_contents_of_a_damaged_file_join_no_new_one(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(damaged_in(whole, "noise"))
    before = path.read_bytes()
    added = {"more": Computed("m", {"more": Array(np.zeros(3), ("x",))})}
    with pytest.raises(DamagedFile, match=r"a\.h5: damaged in the 64 KiB from byte"):
        join(path, KIND, FINGERPRINT, added)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]
