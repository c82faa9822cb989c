"""The seal of a file: a summary and the digests of its blocks, behind what HDF5 reads.

A file of the store is an HDF5 image, the digests of its blocks of 64 KiB, a summary in JSON, and a
footer. Whoever reads the file through `Sealed` gets no byte whose block does not have its digest,
so neither a value nor a header that has changed on the disk passes unnoticed, and reading a small
dataset of a large file checks little more than that dataset. What a file holds is known from its
summary without HDF5. Other programs read the image as plain HDF5.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import AtlasError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 16  # bytes
DIGEST = 16  # bytes, of a SHA-256 of 32
REMEMBERED = 10_000  # files whose checked blocks this process remembers
MAGIC = b"\x89BBseal1"
# What stands at the end: magic, bytes of the image and of the summary, and a digest of all that is
# not the image.
FOOTER = struct.Struct(f"<8sQI{DIGEST}s")
FOREIGN = "not a whole file of this store"


class DamagedFile(AtlasError):
    """A file of the store whose bytes are not those that were written.

    Attributes
    ----------
    path
        Of the file.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        advice = '"building-blocks build CONFIG" computes it again'
        super().__init__(f"{path}: {why}; {advice}")


class Unsealed(Exception):
    """A file without a seal: cut short, foreign, or written by an older version."""


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data).digest()[:DIGEST]


def seal(image: bytes, summary: Mapping[str, Any]) -> bytes:
    """Return what is written behind an HDF5 image; the summary holds values for JSON."""
    view = memoryview(image)
    starts = range(0, len(image), BLOCK)
    table = b"".join(_digest(view[start : start + BLOCK]) for start in starts)
    text = json.dumps(summary, separators=(",", ":")).encode()
    return table + text + _footer(len(image), table, text)


def _footer(length: int, table: bytes, text: bytes) -> bytes:
    head = struct.pack("<8sQI", MAGIC, length, len(text))
    return head + _digest(head + table + text)


_checked: OrderedDict[tuple[Any, ...], bytearray] = OrderedDict()  # oldest first


def _checked_before(status: os.stat_result, table: bytes) -> bytearray:
    """Which blocks of a file this process has checked before, unless it has changed since."""
    key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, _digest(table))
    blocks = _checked.pop(key, None) or bytearray(len(table) // DIGEST)
    _checked[key] = blocks
    if len(_checked) > REMEMBERED:
        _checked.popitem(last=False)
    return blocks


class Sealed(io.RawIOBase):
    """The image in a sealed file, for reading; each block is checked when it is first read.

    Attributes
    ----------
    summary
        As it was given to `seal`.
    digest
        Of the digests and the summary: no other contents have it.

    Raises
    ------
    Unsealed
        From the constructor, when the file has no seal.
    DamagedFile
        From the constructor, when the seal is damaged; from `readinto`, when a block is.
    OSError
        When the file is not there or the disk cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._file = path.open("rb", buffering=0)  # closed by `close`
        try:
            self._length, self._table, text, self.digest = self._read_seal()
            self.summary: dict[str, Any] = json.loads(text)
            self._checked = _checked_before(os.fstat(self._file.fileno()), self._table)
        except BaseException:
            self._file.close()
            raise

    def _read_seal(self) -> tuple[int, bytes, bytes, bytes]:
        size = self._file.seek(0, os.SEEK_END)
        footer = self._read_at(max(size - FOOTER.size, 0), FOOTER.size)
        if len(footer) < FOOTER.size or not footer.startswith(MAGIC):
            raise Unsealed(str(self.path))
        _, length, letters, digest = FOOTER.unpack(footer)
        digests = -(-length // BLOCK) * DIGEST
        if length + digests + letters + FOOTER.size != size:
            raise DamagedFile(self.path, "damaged: not as long as when it was written")
        rest = self._read_at(length, digests + letters)
        table, text = rest[:digests], rest[digests:]
        if _footer(length, table, text) != footer:
            raise DamagedFile(self.path, "damaged in its checksums")
        return length, table, text, digest

    def _read_at(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        parts = []
        while count > 0:
            part = self._file.read(count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _read_block(self, number: int) -> bytes:
        start = number * BLOCK
        data = self._read_at(start, min(BLOCK, self._length - start))
        if _digest(data) != self._table[number * DIGEST : (number + 1) * DIGEST]:
            raise DamagedFile(self.path, f"damaged in the {BLOCK >> 10} KiB from byte {start}")
        self._checked[number] = True
        return data

    def check(self) -> None:
        """Check every block, also those that were checked before.

        Raises
        ------
        DamagedFile
            When one is damaged.
        """
        for number in range(len(self._checked)):
            self._read_block(number)

    # ------------------------------------------------------------- what HDF5 needs of a file object
    def readable(self) -> bool:
        """Reading is all that it is for."""
        return True

    def seekable(self) -> bool:
        """Any position can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position of the image."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """Return the position in the image."""
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer as far as the image reaches."""
        target = memoryview(buffer).cast("B")
        filled = 0
        for part in self._parts(len(target)):
            target[filled : filled + len(part)] = part
            filled += len(part)
        self._position += filled
        return filled

    def _parts(self, count: int) -> Iterator[bytes]:
        position, end = self._position, min(self._position + count, self._length)
        while position < end:
            number, offset = divmod(position, BLOCK)
            wanted = min(BLOCK - offset, end - position)
            if self._checked[number]:
                part = self._read_at(position, wanted)
            else:
                part = self._read_block(number)[offset : offset + wanted]
            if len(part) < wanted:
                raise DamagedFile(self.path, "cut short while it was read")
            yield part
            position += wanted

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


def damage_of(path: Path) -> DamagedFile | None:
    """Read all of a file; return what is wrong with it, None for a whole one.

    Raises
    ------
    OSError
        When the file is not there or the disk cannot be read.
    """
    try:
        with Sealed(path) as sealed:
            sealed.check()
    except Unsealed:
        return DamagedFile(path, FOREIGN)
    except DamagedFile as error:
        return error
    return None


def summary_of(path: Path) -> dict[str, Any] | None:
    """Read the summary of a file; None for one that is not there or not whole."""
    try:
        with Sealed(path) as sealed:
            return sealed.summary
    except (Unsealed, DamagedFile, OSError):
        return None
