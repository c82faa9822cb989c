"""The rules of the house that no linter checks: sizes, private names, and words.

Limits: lines of 100 characters, files of 400 lines, functions of 60 lines. The imports are checked
by import-linter (pyproject.toml), the length of JavaScript functions by a rule of deno lint
(tests/javascript/lint).
"""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINE, FILE, FUNCTION = 100, 400, 60
CODE = ("*.py", "*.js", "*.css")

# Words that once had a meaning of their own here; the glossary of docs/architecture.md has the
# field's words for what they meant.
PRIVATE_WORDS = (
    "studio",
    "easel",
    "sweep",
    "sweeps",
    "pleases",
    "could not be had",
    "is known of",
    "holds itself to",
)


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, those not yet committed too; all files where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        found = [path for pattern in patterns for path in ROOT.rglob(pattern)]
        skipped = {".venv", "build", "site", "dist"}
        return [path for path in found if path.relative_to(ROOT).parts[0] not in skipped]
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def python_files(*folders: str) -> list[Path]:
    return [path for path in tracked("*.py") if path.relative_to(ROOT).parts[0] in folders]


def shown(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_lines_are_at_most_100_characters_long() -> None:
    long = [
        f"{shown(path, number)} ({len(line)})"
        for path in tracked(*CODE, "*.toml", "*.yml", "Makefile")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LINE
    ]
    assert not long


def test_files_are_at_most_400_lines_long() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in tracked(*CODE)}
    assert not {shown(path, size) for path, size in sizes.items() if size > FILE}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_at_most_60_lines_long() -> None:
    long = []
    for path in tracked("*.py"):
        for function in functions(ast.parse(path.read_text())):
            size = (function.end_lineno or 0) - function.lineno + 1
            if size > FUNCTION:
                long.append(f"{shown(path, function.lineno)} {function.name} ({size})")
    assert not long


def package(path: Path) -> str:
    """The room that a module belongs to: "pipeline.store", or the module itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[: max(2, len(parts) - 1)])


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.parametrize("folder", ["pipeline", "tests", "benchmarks"])
def test_no_private_name_is_imported_from_another_room(folder: str) -> None:
    found = []
    for path in python_files(folder):
        tree = ast.parse(path.read_text())
        modules: set[str] = set()  # names in this file that stand for a module of ours
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            if node.module.split(".")[0] not in ("pipeline", "tests", "benchmarks"):
                continue
            names = [alias.name for alias in node.names]
            if package(path) not in (node.module, node.module.rpartition(".")[0]):
                found += [shown(path, node.lineno) for name in names if private(name)]
            modules |= {alias.asname or alias.name for alias in node.names}
        found += [
            f"{shown(path, node.lineno)} {node.value.id}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
            and private(node.attr)
        ]
    assert not found


def test_private_words_are_gone() -> None:
    words = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in PRIVATE_WORDS))
    texts = [*CODE, "*.j2", "*.md", "*.toml"]
    found = [
        f"{shown(path, number)} {match.group()}"
        for path in tracked(*texts)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (match := words.search(line.lower()))
    ]
    assert not found


def test_no_path_of_one_machine_stands_in_the_repository() -> None:
    path_of_a_machine = re.compile(r"(?<![\w.~*-])/(?:home|root|work|Users)/")
    found = [
        shown(path, number)
        for path in tracked(*CODE, "*.j2", "*.md", "*.toml", "Makefile", "*.txt")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path_of_a_machine.search(line)
    ]
    assert not found


def test_the_picture_of_the_floors_shows_the_imports_as_they_are() -> None:
    path = ROOT / "docs" / "floors.py"
    spec = importlib.util.spec_from_file_location("floors", path)
    assert spec is not None
    assert spec.loader is not None
    floors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(floors)
    assert floors.PICTURE.read_text() == floors.picture(), "run: make floors"
