"""The walk-throughs of CONTRIBUTING.md, followed to the letter in a copy of the package.

A section shows new files (fences named for a path), the line that a table gains (a diff), and a
check. The copy gets the files and the line; then the check must pass.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("pipeline", "templates", "configs", "tests", "pyproject.toml", "README.md")
FILES = {"A figure": 4}  # new files of a section; one for all others
FENCE = re.compile(r"^```(\w+) ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Walkthrough:
    """One section: path → text of its new files, path → diff of its table, and its check."""

    title: str
    files: dict[str, str]
    tables: dict[str, str]
    check: str


def walkthroughs() -> Iterator[Walkthrough]:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        files: dict[str, str] = {}
        tables: dict[str, str] = {}
        check = ""
        for language, name, body in FENCE.findall(section):
            if name == "check":
                check = body
            elif language == "diff":
                tables[name] = body
            else:
                files[name] = body
        if check:
            yield Walkthrough(section.splitlines()[0], files, tables, check)


SECTIONS = list(walkthroughs())


def added(diff: str) -> list[str]:
    return [line[1:] for line in diff.splitlines() if line.startswith("+")]


def apply(diff: str, path: Path) -> None:
    """Add a diff's lines after the lines that stand before them in the file."""
    lines, at = path.read_text().splitlines(), 0
    for line in diff.splitlines():
        if line.startswith("+"):
            lines.insert(at, line[1:])
        else:
            assert line[1:] in lines[at:], f"{path} has no line {line[1:]!r} there"
            at = lines.index(line[1:], at)
        at += 1
    path.write_text("\n".join(lines) + "\n")


def test_there_is_a_walkthrough_for_everything_that_can_be_added() -> None:
    wanted = {"figure", "model source", "attribution method", "atom", "objective", "recipe"}
    assert {section.title.split(" ", 1)[1] for section in SECTIONS} == wanted | {"phase"}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_an_addition_is_one_new_file_and_one_line_in_a_table(section: Walkthrough) -> None:
    assert len(section.files) == FILES.get(section.title, 1)
    assert not [path for path in section.files if (ROOT / path).exists()]
    assert len(section.tables) == 1
    entries = [
        line
        for line in added(next(iter(section.tables.values())))
        if not line.startswith(("from ", "import "))
    ]
    assert len(entries) == 1


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_a_walkthrough_works(section: Walkthrough, tmp_path: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    for name, text in section.files.items():
        (tmp_path / name).write_text(text)
    for name, diff in section.tables.items():
        apply(diff, tmp_path / name)
    (tmp_path / "check.py").write_text(section.check)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "check.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
