"""A web server for looking at a site on this machine: it listens on the loopback address only."""

from __future__ import annotations

import functools
import http.server
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.errors import AtlasError


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files as GitHub Pages does, without keeping them in the browser's cache and without a log."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".webp": "image/webp", ".js": "text/javascript"}  # noqa: RUF012

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(folder: Path, port: int, announce: Callable[[str], None]) -> None:
    """Serve `folder` until interrupted.

    Parameters
    ----------
    folder
        A generated site.
    port
        Port to listen on; the next free ones are tried when it is taken.
    announce
        Is told the address.

    Raises
    ------
    AtlasError
        When there is no site, or no port is free.
    """
    if not (folder / "index.html").is_file():
        raise AtlasError(f'{folder}: no site here; "building-blocks build CONFIG" makes one')
    handler = functools.partial(_Handler, directory=str(folder))
    for candidate in range(port, port + 20):
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", candidate), handler)
        except OSError:
            continue
        with server:
            announce(f"http://127.0.0.1:{candidate}/")
            server.serve_forever()
        return
    raise AtlasError(f"no free port from {port} to {port + 19}; name another with --port")
