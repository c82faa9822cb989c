"""The server for looking at a site on this machine."""

from __future__ import annotations

import socket
import struct
import threading
import urllib.request
from pathlib import Path

import pytest

from pipeline.errors import AtlasError
from pipeline.serve import LocalServer, serve


def test_a_browser_that_leaves_before_it_has_all_of_a_file_is_no_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "large.js").write_bytes(bytes(50_000_000))
    (tmp_path / "small.webp").write_bytes(b"picture")
    with LocalServer(tmp_path) as server:
        finished = threading.Event()
        shut_down = server.shutdown_request
        server.shutdown_request = lambda request: (shut_down(request), finished.set())  # type: ignore[method-assign, assignment]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection(server.server_address) as browser:
            browser.sendall(b"GET /large.js HTTP/1.0\r\n\r\n")
            assert browser.recv(1000).startswith(b"HTTP/1.0 200")
            # Closed at once: what is under way is not waited for.
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert finished.wait(10)
        with urllib.request.urlopen(f"{server.address}/small.webp", timeout=10) as response:
            assert response.headers["Content-Type"] == "image/webp"
            assert response.read() == b"picture"
        server.shutdown()
    assert capfd.readouterr().err == ""


def test_a_fault_of_the_server_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with LocalServer(tmp_path) as server:
        try:
            raise ValueError("a fault")
        except ValueError:
            server.handle_error(None, ("127.0.0.1", 1))
    assert "ValueError: a fault" in capfd.readouterr().err


def test_ports_end_where_there_are_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").touch()
    tried: list[int] = []

    def taken(self: LocalServer) -> None:
        tried.append(self.server_address[1])
        raise OSError("taken")

    monkeypatch.setattr(LocalServer, "server_bind", taken)
    with pytest.raises(AtlasError, match=r"no free port from 65530 to 65535; name another with --port"):
        serve(tmp_path, 65530, print)
    assert tried == list(range(65530, 65536))
    with pytest.raises(AtlasError, match=r"no free port from 8000 to 8019"):
        serve(tmp_path, 8000, print)
