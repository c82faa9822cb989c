"""A folder behind a web server, for as long as a test or a measurement takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.website.serve import LocalServer


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Give the address at which the files of `folder` are."""
    with LocalServer(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.address
        server.shutdown()
