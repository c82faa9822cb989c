"""The documentation's site: built without a warning, no broken link, nothing left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import cli
from pipeline.config import Settings
from pipeline.publish import links

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation") / "docs"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_no_link_leads_nowhere(site: Path) -> None:
    assert list(links.broken(site)) == []


def test_every_page_is_in_the_contents(site: Path) -> None:
    index = (site / "index.html").read_text()
    for path in (ROOT / "docs").glob("*.md"):
        assert f'href="{path.stem}.html"' in index, path.name


def test_all_commands_and_keys_are_there(site: Path) -> None:
    commands, keys = ((site / name).read_text() for name in ("commands.html", "keys.html"))
    for name, command in cli.commands.items():
        assert f'id="{name}"' in commands
        for parameter in command.params:
            assert all(option in commands for option in parameter.opts if option[0] == "-")
    for name, info in Settings.model_fields.items():
        for key in getattr(info.annotation, "model_fields", {name: None}):
            assert f"<code>{key}</code>" in keys


def test_it_can_be_searched_and_fetches_nothing(site: Path) -> None:
    assert (site / "search" / "search_index.json").is_file()
    page = (site / "index.html").read_text()
    assert "fonts.googleapis" not in page
