"""docs/your-own-model.md, followed from its beginning to its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "your-own-model.md").read_text()


def blocks(kind: str) -> list[tuple[str, str]]:
    """Name and text of each block of a kind."""
    return re.findall(rf"^```{kind} ?(\S*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def furnish(folder: Path) -> None:
    """Write the files that the page shows and the photographs that it speaks of."""
    for name, text in blocks("python"):
        (folder / name).write_text(text)
    rng = np.random.default_rng(0)
    for name in re.findall(r"photos/\S+\.png", PAGE):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(coarse).resize((80, 60)).save(path)


def run(folder: Path, command: str) -> str:
    """Run a command of the page; return what it prints."""
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": scripts, "PYTHONPATH": str(CHECKOUT)}
    shell = ["sh", "-ec", command.replace("building-blocks", "python -m pipeline")]
    done = subprocess.run(
        shell, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{printed}"
    return printed


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    furnish(tmp_path)
    said = {command.split()[1]: run(tmp_path, command) for _, command in blocks("sh")}
    assert list(said) == ["save.py", "init", "layers", "check", "build", "publish"]
    configuration = (tmp_path / "atlas.toml").read_text()
    assert 'weights = "checkpoint.pth"' in configuration
    assert (tmp_path / "atlas_classes.txt").read_text() == "cat\nrocket\n"
    chosen = re.search(r"^layers = \[(.*)\]$", configuration, re.MULTILINE)
    assert chosen is not None
    layers = re.findall('"([^"]+)"', chosen[1])
    assert layers
    assert all(f"* {layer}" in said["layers"] for layer in layers)
    assert "4 photographs" in said["check"]
    assert re.search(r"right about \d+% of the 4 photographs", said["check"])
    assert re.search(r"One photograph went through everything. A build .* takes", said["check"])
    assert re.search(r"photographs +4 computed", said["build"])
    page = (tmp_path / "site" / "index.html").read_text()
    assert "<title>What my network sees" in page
    assert (tmp_path / "site" / "data").is_dir()


def test_the_messages_that_the_page_explains_are_the_tools() -> None:
    source = " ".join(
        path.read_text() for path in (CHECKOUT / "pipeline").rglob("*.py") if path.is_file()
    )
    table = PAGE[PAGE.index("| message |") :]
    messages = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    assert len(messages) >= 8
    for message in messages:
        beginning = message.partition("[1, 3")[0].strip()
        assert beginning in source, message
