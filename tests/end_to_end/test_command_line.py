"""The command line as a user types it, in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy, Workplace

CHECKOUT = Path(__file__).resolve().parents[2]
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from pipeline.cli import main; main()"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "200"}


def execute(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return execute(folder, [sys.executable, "-m", "pipeline", *arguments])


def start(folder: Path, command: list[str]) -> subprocess.Popen[str]:
    """Start a process that receives interruptions, also where the tests themselves ignore them."""

    def receive_interruptions() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        text=True,
        preexec_fn=receive_interruptions,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_build_then_build_again(workplace: Workplace) -> None:
    first = run(workplace.folder, "build", "atlas.toml")
    assert first.returncode == 0, first.stderr
    assert re.search(r"photographs +2 computed +0 reused", first.stderr)
    assert "building-blocks serve site" in first.stderr
    second = run(workplace.folder, "build", "atlas.toml")
    assert "Nothing had changed: 0 computed." in second.stderr
    assert run(workplace.folder, "build", "atlas.toml", "-q").stderr == ""


@pytest.mark.parametrize("command", ["site", "build"])
def test_the_site_is_generated_without_torch(built: Copy, tmp_path: Path, command: str) -> None:
    work = built(tmp_path)
    work.config.write_text(
        '[model]\nsource = "timm:resnet18"\nweights = "random"\nsize = 64\n'
        'layers = ["layer2", "layer3"]\n'
        '[dataset]\nimages = ["photos/first.png"]\n'
        "[features]\nsize = 32\nsteps = 1\n"
    )
    first = run(work.folder, "build", "atlas.toml")
    assert first.returncode == 0, first.stderr
    again = execute(work.folder, [sys.executable, "-c", WITHOUT_TORCH, command, "atlas.toml"])
    assert again.returncode == 0, again.stderr


def test_a_site_of_one_figure_needs_no_build(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    done = run(work.folder, "site", "atlas.toml", "--figures", "predictions")
    assert done.returncode == 0, done.stderr
    page = (work.site / "index.html").read_text()
    assert "<atlas-predictions" in page
    assert "<atlas-class-comparison" not in page


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["build", "absent.toml"],
            1,
            "absent.toml: no such configuration file; in ./ there are: atlas.toml",
        ),
        (["build", "atlas.toml", "--figures", "nope"], 1, '--figures: no figure "nope"'),
        (["build", "atlas.toml", "--figures", ","], 1, "--figures: names no figure"),
        (["build", "atlas.toml", "--device", "gpu"], 1, 'no device "gpu"; write auto, cpu'),
        (["build", "atlas.toml", "--workers", "0"], 2, "--workers"),
        (["build", "atlas.toml", "--output", "my_models.py"], 1, "is a file"),
        (["bild"], 2, "No such command 'bild'"),
        (["build", "--colour"], 2, "No such option"),
        (["inspect", "atlas.toml"], 1, "atlas.toml: not a whole file of this store"),
        (["inspect", "absent.h5"], 1, "absent.h5: no such file"),
        (["serve", "nowhere"], 1, "nowhere: no site here"),
        (["site", "atlas.toml"], 1, '"building-blocks build atlas.toml" computes it'),
    ],
)
def test_wrong_usage(workplace: Workplace, arguments: list[str], status: int, message: str) -> None:
    done = run(workplace.folder, *arguments)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_check_layers_and_inspect(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    checked = run(work.folder, "check", "atlas.toml")
    assert "fine. tiny, layers early, late; 2 photographs" in checked.stderr
    assert "* early" in run(work.folder, "layers", "atlas.toml").stdout
    shown = run(work.folder, "inspect", "build/atlas/images/first.h5").stdout
    row = r"attribution/late\.channel/output\.neuron +12 × 5 +float16 +channel, class +logits"
    assert re.search(row, shown)


def interrupted(
    work: Workplace, number: signal.Signals, status: int, *more: str, photographs: int = 2
) -> None:
    """Interrupt a build while it renders, and look at how it ends."""
    command = [sys.executable, "-m", "pipeline", "build", "atlas.toml", *more]
    process = start(work.folder, command)
    stored = work.store / "images"
    deadline = time.monotonic() + 240
    while not (stored.is_dir() and len(list(stored.glob("[!.]*.h5"))) == photographs):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    assert "What was finished is kept" in errors
    assert "the same command continues" in errors
    assert "Traceback" not in errors
    assert len(list(stored.glob("*.h5"))) == photographs
    assert not list(work.folder.rglob("*.part"))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_with_its_status(
    workplace: Workplace, number: signal.Signals, status: int
) -> None:
    workplace.write(steps=10_000)
    interrupted(workplace, number, status)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_serve(built: Copy, tmp_path: Path) -> None:
    work = built(tmp_path)
    serve = [sys.executable, "-u", "-m", "pipeline", "serve", "site", "--port", str(free_port())]
    process = start(work.folder, serve)
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        with urllib.request.urlopen(address[0], timeout=10) as response:
            assert b"<title>Small" in response.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
