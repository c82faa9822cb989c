"""The server for looking at a site on this machine."""

from __future__ import annotations

import socket
import struct
import threading
import urllib.request
from pathlib import Path

import pytest

from pipeline.errors import AtlasError
from pipeline.website.serve import LocalServer, serve


class Observed(LocalServer):
    """A server that notes when it has finished with a request."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.finished = threading.Event()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self.finished.set()


def leave_early(address: tuple[str, int]) -> None:
    """Ask for a file and close the connection before it has come."""
    with socket.create_connection(address) as browser:
        browser.sendall(b"GET /large.js HTTP/1.0\r\n\r\n")
        assert browser.recv(1000).startswith(b"HTTP/1.0 200")
        # Closed at once: what is under way is not waited for.
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_browser_that_leaves_before_it_has_all_of_a_file_is_no_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large.js").write_bytes(bytes(50_000_000))
    (tmp_path / "small.webp").write_bytes(b"picture")
    with Observed(tmp_path) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        leave_early(server.server_address)
        assert server.finished.wait(10)
        with urllib.request.urlopen(f"{server.address}/small.webp", timeout=10) as response:
            assert response.headers["Content-Type"] == "image/webp"
            assert response.read() == b"picture"
        server.shutdown()
    assert capfd.readouterr().err == ""


def test_a_fault_of_the_server_is_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with LocalServer(tmp_path) as server:
        try:
            raise ValueError("a fault")
        except ValueError:
            server.handle_error(None, ("127.0.0.1", 1))
    assert "ValueError: a fault" in capfd.readouterr().err


def test_only_this_machine_reaches_the_server(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").touch()
    monkeypatch.setattr(LocalServer, "serve_forever", lambda server: None)
    found: list[str] = []
    with LocalServer(tmp_path) as other:
        serve(tmp_path, other.server_address[1], found.append)
        assert other.address not in found[0]
    assert len(found) == 1
    assert found[0].startswith("http://127.0.0.1:")


def test_ports_end_where_there_are_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").touch()
    tried: list[int] = []

    def taken(self: LocalServer) -> None:
        tried.append(self.server_address[1])
        raise OSError("taken")

    monkeypatch.setattr(LocalServer, "server_bind", taken)
    message = r"no free port from 65530 to 65535; name another with --port"
    with pytest.raises(AtlasError, match=message):
        serve(tmp_path, 65530, print)
    assert tried == list(range(65530, 65536))
    with pytest.raises(AtlasError, match=r"no free port from 8000 to 8019"):
        serve(tmp_path, 8000, print)


def test_a_folder_without_a_site_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match='no site here; "building-blocks build CONFIG" makes one'):
        serve(tmp_path, 0, print)
