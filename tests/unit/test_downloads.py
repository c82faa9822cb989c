"""Weights that are downloaded: once, checked, with their licence. Served from this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline import models
from pipeline.errors import AtlasError
from pipeline.models import downloads, googlenet
from tests.unit.test_googlenet import archive, googles
from tests.unit.test_models import config


@contextmanager
def published(content: bytes) -> Iterator[str]:
    """Publish a file on this machine; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/w" else 404)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/w"
        server.shutdown()


def test_weights_are_downloaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUILDING_BLOCKS_CACHE", str(tmp_path / "cache"))
    content = archive(googles())
    digest = hashlib.sha256(content).hexdigest()
    original = googlenet.PUBLISHED["inception5h"]
    wanted = config(tmp_path, source="googlenet", weights="inception5h")
    with published(content) as address:
        local = replace(original, url=address, digest=digest)
        monkeypatch.setitem(googlenet.PUBLISHED, "inception5h", local)
        assert len(models.load(wanted).classes) == 1008
    said = capsys.readouterr().err
    assert address in said
    assert "Apache License 2.0" in said
    assert "Apache" in (tmp_path / "cache" / "inception5h.zip.licence.txt").read_text()
    assert models.load(wanted).classes[1] == "thing 1"  # from the cache: nobody serves it any more
    assert capsys.readouterr().err == ""


def test_what_cannot_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDING_BLOCKS_CACHE", str(tmp_path / "cache"))
    original = googlenet.PUBLISHED["bvlc"]
    with published(b"something else") as address:
        with pytest.raises(AtlasError, match=r"what came is another file \(its sha1 is "):
            downloads.download(replace(original, url=address))
        with pytest.raises(AtlasError, match=r"cannot be downloaded \(Not Found\); download"):
            downloads.download(replace(original, url=f"{address}/x"))
    with pytest.raises(AtlasError, match=r'be downloaded .*name the file in "model.weights"'):
        downloads.download(replace(original, url=address))
    assert not list((tmp_path / "cache").iterdir())
