"""The command line as a user types it, in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Workplace

CHECKOUT = Path(__file__).resolve().parents[2]
Copy = Callable[[Path], Workplace]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "200"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False)


def test_build_then_build_again(workplace: Workplace) -> None:
    first = run(workplace.folder, "build", "atlas.toml")
    assert first.returncode == 0, first.stderr
    assert re.search(r"photographs +2 computed +0 reused", first.stderr)
    assert "building-blocks serve site" in first.stderr
    second = run(workplace.folder, "build", "atlas.toml")
    assert "Nothing had changed: 0 computed." in second.stderr
    assert run(workplace.folder, "build", "atlas.toml", "-q").stderr == ""


def start(folder: Path, command: list[str]) -> subprocess.Popen[str]:
    """Start a process that an interruption reaches, also where the tests themselves run with interruptions ignored."""

    def hear_interruptions() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=environment(), text=True, preexec_fn=hear_interruptions, **pipes)


WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from pipeline.cli import main; main()"


@pytest.mark.parametrize("command", ["site", "build"])
def test_the_site_is_generated_without_torch(built: Copy, tmp_path: Path, command: str) -> None:
    place = built(tmp_path)
    zoo = '[model]\nsource = "timm:resnet18"\nweights = "random"\nsize = 64\nlayers = ["layer2", "layer3"]\n'
    place.config.write_text(f'{zoo}[dataset]\nimages = ["photos/first.png"]\n[features]\nsize = 32\nsteps = 1\n')
    assert run(place.folder, "build", "atlas.toml").returncode == 0
    began = time.monotonic()
    again = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, command, "atlas.toml"],
        cwd=place.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["build", "absent.toml"], 1, "absent.toml: no such configuration file; in ./ there are: atlas.toml"),
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
    place = built(tmp_path)
    assert "fine. tiny, layers early, late; 2 photographs" in run(place.folder, "check", "atlas.toml").stderr
    assert "* early" in run(place.folder, "layers", "atlas.toml").stdout
    shown = run(place.folder, "inspect", "build/atlas/images/first.h5").stdout
    assert re.search(r"attribution/late\.channel/output\.neuron +12 × 5 +float16 +channel, class +logits", shown)


def test_an_interruption_ends_with_130(workplace: Workplace) -> None:
    workplace.write(steps=2000)
    command = [sys.executable, "-m", "pipeline", "build", "atlas.toml"]
    process = start(workplace.folder, command)
    images = workplace.store / "images"
    deadline = time.monotonic() + 120
    while not (images.is_dir() and len(list(images.glob("[!.]*.h5"))) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "What was finished is kept" in errors
    assert "Traceback" not in errors
    assert len(list(images.glob("*.h5"))) == 2


def test_serve(built: Copy, tmp_path: Path) -> None:
    place = built(tmp_path)
    command = [sys.executable, "-u", "-m", "pipeline", "serve", "site", "--port", "18473"]
    process = start(place.folder, command)
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
