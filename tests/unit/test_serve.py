"""The server for looking at a site on this machine."""

from __future__ import annotations

import os
import socket
import struct
import threading
import urllib.request
from collections.abc import Iterator
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


# ------------------------------------------------------------------------------ nobody gets in
@pytest.fixture
def site(tmp_path: Path) -> Iterator[LocalServer]:
    """A served site, with secrets beside it and links to them in it."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "index.html").write_text("secret")
    folder = tmp_path / "site"
    (folder / "data").mkdir(parents=True)
    (folder / "index.html").write_text("page")
    (folder / "data" / "a.js").write_text("data")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path / "private")
    (folder / "odd").mkdir()
    (folder / "odd" / "index.html").symlink_to(tmp_path / "secret.txt")
    (folder / "inside.js").symlink_to(folder / "data" / "a.js")
    os.mkfifo(folder / "pipe.js")
    with LocalServer(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def answer(server: LocalServer, path: str, host: str | None = None, verb: str = "GET") -> bytes:
    """Send a request as it stands, whatever a browser would have made of the path."""
    with socket.create_connection(server.server_address, timeout=10) as stream:
        name = "" if host is None else f"Host: {host}\r\n"
        stream.sendall(f"{verb} {path} HTTP/1.0\r\n{name}\r\n".encode("latin-1"))
        return b"".join(iter(lambda: stream.recv(65536), b""))


@pytest.mark.parametrize("path", ["/", "/index.html", "/data/a.js", "/inside.js", "/data/a.js?x"])
def test_what_is_in_the_folder_is_served(site: LocalServer, path: str) -> None:
    assert answer(site, path).startswith(b"HTTP/1.0 200")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/data/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//secret.txt",
        "/link.txt",
        "/linked/",
        "/linked/index.html",
        "/odd/",
        "/odd/index.html",
        "/data/",
        "/pipe.js",
        "/a%00b",
        "/" + "x" * 5000,
        "/..\\secret.txt",
        "/absent.js",
    ],
)
@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_nothing_else_is_served(
    site: LocalServer, path: str, verb: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = answer(site, path, verb=verb)
    assert found.startswith(b"HTTP/1.0 404"), found
    assert b"secret" not in found.replace(b"secret.txt", b"")
    assert b"a.js" not in found
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "CONNECT"])
def test_only_reading_is_possible(site: LocalServer, verb: str) -> None:
    assert answer(site, "/index.html", verb=verb).startswith(b"HTTP/1.0 501")


def test_pages_of_other_sites_get_nothing(site: LocalServer) -> None:
    port = site.server_address[1]
    for host in (f"127.0.0.1:{port}", "localhost", f"LOCALHOST:{port}", "[::1]:80", "127.0.0.1"):
        assert answer(site, "/", host).startswith(b"HTTP/1.0 200"), host
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "",
    ):
        assert answer(site, "/", host).startswith(b"HTTP/1.0 403"), host


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
