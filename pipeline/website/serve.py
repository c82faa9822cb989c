"""A web server for looking at a site on this machine.

It listens on the loopback address only and answers with files that lie in the folder themselves:
no listings, no links to elsewhere. A page of another site whose name was made to mean this machine
gets nothing, since its requests name that site as their host.
"""

from __future__ import annotations

import functools
import http.server
import io
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import AtlasError

PORTS = 65_536  # there are no more
TRIED = 20  # ports, one after the other, from the one that was asked for
TYPES = {
    **http.server.SimpleHTTPRequestHandler.extensions_map,
    ".webp": "image/webp",
    ".js": "text/javascript",
}


HOSTS = ("127.0.0.1", "localhost", "[::1]")  # names of this machine, and of no other


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files of the types that GitHub Pages names, and keeps no log."""

    extensions_map = TYPES

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Answer with a file inside the folder; 404 for anything else, 403 for another host."""
        if not self._is_for_us():
            self.send_error(HTTPStatus.FORBIDDEN, "This server has another name")
        elif not self._is_inside():
            self.send_error(HTTPStatus.NOT_FOUND, "File not found")
        else:
            return super().send_head()
        return None

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        """Refuse: a folder of a site is its index.html, or nothing."""
        self.send_error(HTTPStatus.NOT_FOUND, "File not found")

    def _is_for_us(self) -> bool:
        host = self.headers.get("Host")
        return host is None or re.sub(r":\d*$", "", host).lower() in HOSTS

    def _is_inside(self) -> bool:
        """Whether it is a file or folder, and it and its index.html lie in the folder itself."""
        folder = Path(self.directory).resolve()
        try:
            path = Path(self.translate_path(self.path)).resolve(strict=True)
            paths = [path, (path / "index.html").resolve()] if path.is_dir() else [path]
            kinds = all(each.is_file() or each.is_dir() or not each.exists() for each in paths)
        except (OSError, ValueError):  # not there, or no name that a file could have
            return False
        return kinds and all(each.is_relative_to(folder) for each in paths)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _FreshHandler(Handler):
    """Keeps files out of the browser's cache: the next build of the site is seen at once."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


class LocalServer(http.server.ThreadingHTTPServer):
    """A server of `folder` on the loopback address, at `port`, or at any free one for 0.

    Raises
    ------
    OSError
        When the port is taken.
    """

    def __init__(self, folder: Path, port: int = 0, handler: type[Handler] = Handler) -> None:
        super().__init__(("127.0.0.1", port), functools.partial(handler, directory=str(folder)))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A browser that has gone on to another page no longer takes the files of the last one.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(folder: Path, handler: type[Handler] = Handler) -> Iterator[str]:
    """Serve a folder from a thread of its own, and give the address, for as long as it takes."""
    with LocalServer(folder, handler=handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.address
        finally:
            server.shutdown()
            thread.join()


def serve(folder: Path, port: int, announce: Callable[[str], None]) -> None:
    """Serve `folder` until interrupted.

    Parameters
    ----------
    folder
        A generated site.
    port
        Port to listen on; the next free ones are tried when it is taken.
    announce
        Called with the address, once the server listens.

    Raises
    ------
    AtlasError
        When there is no site, or no port is free.
    """
    if not (folder / "index.html").is_file():
        raise AtlasError(f'{folder}: no site here; "building-blocks build CONFIG" makes one')
    candidates = range(port, min(port + TRIED, PORTS))
    for candidate in candidates:
        try:
            server = LocalServer(folder, candidate, _FreshHandler)
        except OSError:
            continue
        with server:
            announce(f"{server.address}/")
            server.serve_forever()
        return
    raise AtlasError(f"no free port from {port} to {candidates[-1]}; name another with --port")
