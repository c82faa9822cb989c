"""Encoding pictures beside all else: it takes a quarter of a site's time, and no Python."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from PIL import Image

from pipeline.website import sprites
from pipeline.website.output import Site

AHEAD = 8  # pictures that wait, at most: they are in memory


class Encoder:
    """Encodes a site's pictures in threads, and writes them in the order in which they come.

    A context: inside, `write` takes pictures; when it is left, all are written. Whatever goes wrong
    with one is raised by a later `write`, or on leaving.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="encoder")
        self._pending: deque[tuple[str, Future[bytes]]] = deque()

    def write(self, path: str, image: Image.Image, quality: int = sprites.QUALITY) -> None:
        """Encode a picture as WebP, sooner or later, and write it into the site.

        Parameters
        ----------
        path
            In the site.
        image
            Nobody may change or save it any more: Pillow notes in it how it is saved.
        quality
            Of WebP, 0…100.
        """
        while len(self._pending) >= AHEAD:
            self._write_first()
        self._pending.append((path, self._threads.submit(sprites.encode, image, quality)))

    def _write_first(self) -> None:
        path, encoded = self._pending.popleft()
        self._site.write(path, encoded.result())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while self._pending and error is None:
                self._write_first()
        finally:
            self._threads.shutdown(cancel_futures=True)
