"""What the documentation shows can be typed: commands with their options, keys, functions.

That the commands work is tested elsewhere, those of docs/your-own-model.md one by one; here every
page's are read, so that none names a command, an option, a key or a function that is not there.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import pipeline as bb
from pipeline.cli import cli
from pipeline.config import read

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = {"CONFIG", "PYTHON"}  # that `make` takes
OWN_FILES = {"save.py"}  # that a page shows how to write
# Programs that are not this project's.
OTHERS = {"dask", "git", "kubectl", "pip", "printf", "rsync", "sbatch", "scp", "ssh"}


def blocks(page: Path, *kinds: str) -> Iterator[str]:
    """Yield the fenced blocks of some kinds."""
    pattern = rf"^```({'|'.join(kinds)})\n(.*?)^```$"
    for _, text in re.findall(pattern, page.read_text(), re.MULTILINE | re.DOTALL):
        yield text


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of every command of a page's shell blocks."""
    for text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.partition(" #")[0].partition("  (")[0])
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):  # of the environment
                words = words[1:]
            if words and not line.startswith("#"):
                yield words


def check_own(words: list[str]) -> None:
    """Parse a command line of `building-blocks`; nothing is run."""
    name, *arguments = words
    command = cli.commands[name]
    if "…" not in arguments:
        with click.Context(cli) as parent:
            command.make_context(name, list(arguments), parent)


def check(words: list[str]) -> None:
    program, *arguments = words
    program = program.rpartition("/")[2]
    if program == "building-blocks":
        check_own(arguments)
    elif program == "make":
        named = {each for each in arguments if "=" not in each}
        assert named <= TARGETS, words
        assert {each.partition("=")[0] for each in arguments if "=" in each} <= VARIABLES, words
    elif program.startswith("python") and arguments[:1] == ["-m"]:
        assert importlib.util.find_spec(arguments[1]) is not None, words
    elif program.startswith("python"):
        assert arguments[0] in OWN_FILES or (ROOT / arguments[0]).is_file(), words
    else:
        assert program in OTHERS, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_can_be_typed(page: Path) -> None:
    for words in commands(page):
        check(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_in_a_sentence_is_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`([^`\n]+)`", text):
        if code.startswith("building-blocks "):
            name, *rest = code.split()[1:]
            options = {option for each in cli.commands[name].params for option in each.opts}
            assert {each for each in rest if each.startswith("-")} <= options, code
        elif re.match(r"make [a-z]", code):
            assert code.split()[1] in TARGETS, code


def test_the_readme_lists_every_command() -> None:
    (listed,) = blocks(ROOT / "README.md", "text")
    assert set(re.findall(r"^building-blocks (\w+)", listed, re.MULTILINE)) == set(cli.commands)


def test_what_the_readme_measured_stands_where_it_says() -> None:
    text = (ROOT / "README.md").read_text()
    table = text[text.index("What could be measured") :].partition("\n## ")[0]
    numbers = re.findall(r"\d+\.\d+(?:e-\d+)?|\d+ s\b", table)
    assert len(numbers) >= 6
    performance = (ROOT / "docs" / "performance.md").read_text()
    assert [each for each in numbers if each not in performance] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_piece_of_a_configuration_is_one(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "toml")):
        if not re.search(r"^(\[dataset\]|dataset\.)", text, re.MULTILINE):
            text += '\n[dataset]\nimages = ["photos/*.jpg"]\n'
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        assert tomllib.loads(text)
        read(path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_call_of_the_interface_fits_its_function(page: Path) -> None:
    for text in blocks(page, "python"):
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "bb":
                assert node.func.attr in bb.__all__
                named = {each.arg: None for each in node.keywords if each.arg}
                inspect.signature(getattr(bb, node.func.attr)).bind(*node.args, **named)


@pytest.mark.parametrize(
    "line",
    [
        "building-blocks bild x.toml",
        "building-blocks build --no-such-option x.toml",
        "make everything",
        "make atlas CONFG=mine.toml",
        "python -m benchmarkz",
        "python nowhere.py",
        "buildingblocks build",
    ],
)
def test_what_cannot_be_typed_is_noticed(line: str) -> None:
    with pytest.raises((AssertionError, KeyError, click.ClickException)):
        check(shlex.split(line))
