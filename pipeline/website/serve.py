"""A web server for looking at a site on this machine. It listens on the loopback address only."""

from __future__ import annotations

import functools
import http.server
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.errors import AtlasError

PORTS = 65_536  # there are no more
TRIED = 20  # ports, one after the other, from the one that was asked for
TYPES = {
    **http.server.SimpleHTTPRequestHandler.extensions_map,
    ".webp": "image/webp",
    ".js": "text/javascript",
}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files of the types that GitHub Pages names, and keeps no log."""

    extensions_map = TYPES

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
