"""Python 3.11 to 3.13: the code is read as each of them would read it.

Where only one of them is installed, its run of all tests says most; here is what can be said of the
others: the syntax is the oldest one's, and nothing is imported that newer ones no longer have.
"""

from __future__ import annotations

import ast
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = (3, 11), (3, 13)
FILES = sorted(
    path
    for folder in ("pipeline", "templates", "tests", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*.py")
)
# "What's New in Python" 3.12 and 3.13, "Removed".
REMOVED = {
    *("asynchat", "asyncore", "distutils", "imp", "smtpd"),
    *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap"),
    *("msilib", "nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau"),
    *("telnetlib", "uu", "xdrlib"),
    "pkg_resources",  # comes with setuptools, which environments no longer hold
}
# Names of the standard library that are gone or that newer versions warn of.
CALLS = {"utcnow", "utcfromtimestamp", "find_module", "load_module", "assertEquals", "readfp"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def faults(text: str) -> set[str]:
    """What of a file another version of Python would not take."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an escape that is none becomes an error one day
        try:
            tree = ast.parse(text, feature_version=OLDEST)
        except SyntaxError as error:
            return {error.msg}
    return (set(imported(tree)) & REMOVED) | (set(called(tree)) & CALLS)


def test_every_file_can_be_read_by_every_version() -> None:
    found = {path.relative_to(ROOT).as_posix(): faults(path.read_text()) for path in FILES}
    assert {path: each for path, each in found.items() if each} == {}


@pytest.mark.parametrize(
    "text", ["import imp", "from distutils import core", "now.utcnow()", r"'\d'", "def f[T](): 0"]
)
def test_what_cannot_is_noticed(text: str) -> None:
    assert faults(text)


def test_the_package_names_the_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={OLDEST[0]}.{OLDEST[1]}"
    prefix = "Programming Language :: Python :: 3."
    named = {each.removeprefix(prefix) for each in project["classifiers"] if prefix in each}
    assert named == {str(minor) for minor in range(OLDEST[1], NEWEST[1] + 1)}
