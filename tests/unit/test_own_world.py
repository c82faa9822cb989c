"""A user's Python file lives in its own world: its neighbours, its folder, its prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

import pipeline
from pipeline import models
from pipeline.errors import AtlasError
from tests.unit.test_models import config

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, classes)

    def forward(self, x):
        return self.head(self.layer(x).relu().mean((2, 3)))
"""


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def classes(folder: Path, source: str = "mine.py") -> int:
    network = models.load(config(folder, source=source, size=16))
    assert network.logits(torch.rand(1, 3, 16, 16)).shape == (1, len(network.classes))
    return len(network.classes)


@pytest.mark.parametrize(
    "neighbour", ["pipeline", "models", "config", "utils", "network", "photographs"]
)
@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py", "{}/own.py"])
def test_neighbours_of_any_name(tmp_path: Path, neighbour: str, form: str) -> None:
    module = f"{neighbour}.own" if form == "{}/own.py" else neighbour
    build = "def build():\n    return Net(COUNT)\n"
    write(
        tmp_path,
        {
            form.format(neighbour): "COUNT = 7\n",
            "mine.py": f"from {module} import COUNT\n{NETWORK}\n{build}",
        },
    )
    before, ours = dict(sys.modules), list(sys.path)
    assert classes(tmp_path) == 7
    assert sys.modules["pipeline"] is pipeline
    assert sys.path == ours
    assert all(
        sys.modules[name] is module for name, module in before.items() if name in sys.modules
    )


def test_neighbours_that_import_each_other_and_later(tmp_path: Path) -> None:
    late = NETWORK.replace(
        "return self.head", "from pipeline.late import same\n        return self.head"
    )
    build = "def build():\n    from pipeline import COUNT\n    return Net(COUNT)\n"
    write(
        tmp_path,
        {
            "pipeline/__init__.py": "from .inner import COUNT\n",
            "pipeline/inner.py": "from utils import COUNT\n",
            "pipeline/late.py": "def same(x):\n    return x\n",
            "utils.py": "COUNT = 3\n",
            "mine.py": f"{late}\n{build}",
        },
    )
    assert classes(tmp_path) == 3
    assert "pipeline.late" not in sys.modules
    assert "pipeline.inner" not in sys.modules


def test_our_own_network_is_there_for_files_without_such_neighbours(tmp_path: Path) -> None:
    text = f"""{NETWORK}
from pipeline.network import Network, Preprocessing

def build():
    return Network(Net(2), Preprocessing(16, (0.5,) * 3, (0.5,) * 3), ["a", "b"], "mine")
"""
    write(tmp_path, {"mine.py": text, "utils.py": ""})
    assert models.load(config(tmp_path, source="mine.py")).title == "mine"


def test_two_folders_with_neighbours_of_one_name(tmp_path: Path) -> None:
    for count in (2, 5):
        text = f"from layers import COUNT\n{NETWORK}\ndef build():\n    return Net(COUNT)\n"
        write(tmp_path / str(count), {"layers.py": f"COUNT = {count}\n", "mine.py": text})
    assert [classes(tmp_path / "2"), classes(tmp_path / "5"), classes(tmp_path / "2")] == [2, 5, 2]


def test_a_changed_neighbour_is_read_again(tmp_path: Path) -> None:
    text = f"from layers import COUNT\n{NETWORK}\ndef build():\n    return Net(COUNT)\n"
    write(tmp_path, {"layers.py": "COUNT = 2\n", "mine.py": text})
    assert classes(tmp_path) == 2
    write(tmp_path, {"layers.py": "COUNT = 2 + 2\n"})
    assert classes(tmp_path) == 4


@pytest.mark.parametrize("changed", ["layers.py", "mine.py"])
def test_a_change_of_equal_length_within_a_second_is_seen(
    tmp_path: Path, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # as Python is by itself
    text = f"from layers import COUNT\n{NETWORK}\ndef build():\n    return Net(COUNT + 1)\n"
    files = {"layers.py": "COUNT = 2\n", "mine.py": text}
    write(tmp_path, files)
    for name in files:
        os.utime(tmp_path / name, (1e9, 1e9))
    assert classes(tmp_path) == 3
    write(tmp_path, {changed: files[changed].replace("= 2", "= 5").replace("+ 1", "+ 4")})
    os.utime(tmp_path / changed, (1e9, 1e9))
    assert classes(tmp_path) == 6
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_folder_is_the_current_one_while_the_file_runs(tmp_path: Path) -> None:
    text = f"{NETWORK}\ndef build():\n    return Net(int(open('count.txt').read()))\n"
    write(tmp_path, {"count.txt": "6", "mine.py": text})
    before = os.getcwd()
    assert classes(tmp_path) == 6
    assert os.getcwd() == before


@pytest.mark.filterwarnings("default")
def test_prints_and_warnings_reach_the_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"""{NETWORK}
import warnings
print("imported")

def build():
    print("built")
    warnings.warn("take care")
    return Net(2)
"""
    write(tmp_path, {"mine.py": text})
    with pytest.warns(UserWarning, match="take care"):
        classes(tmp_path)
    captured = capsys.readouterr()
    assert captured.err.split() == ["imported", "built"]
    assert captured.out == ""  # which is for results


FAILURES = {
    "import sys\nsys.exit(3)\n": r"it ends the program \(exit 3\) \(line 2\); put what belongs",
    "import argparse\nargparse.ArgumentParser().parse_args(['--x'])\n": "the program .exit 2",
    "from neighbour import something\n": r"ImportError: cannot import name 'something'",
    "import neighbour\nneighbour.fail()\n": r"KeyError: 'x' \(neighbour.py, line 3\)",
    "import nowhere_to_be_found\n": r"No module named 'nowhere_to_be_found' \(line 1\)",
    "def build(size, *, width):\n    pass\n": r"build\(\) needs size, width; write",
    "def build():\n    raise SystemExit\n": r"build\(\) failed: it ends the program",
    "def build():\n    return None\n": r"build\(\) returned NoneType; expected a torch.nn.Module",
    "def build():\n    return Net\n": r"build\(\) returned type; expected",
    "build = 3\n": 'has no function "build"',
    "": 'has no function "build"',
    "x = (\n": r"SyntaxError: '\(' was never closed",
    "def build():\n    return build()\n": "RecursionError",
}


@pytest.mark.parametrize("text", FAILURES)
def test_what_fails_names_the_line(tmp_path: Path, text: str) -> None:
    neighbour = "\ndef fail():\n    {}['x']\n"
    write(tmp_path, {"mine.py": text.replace("Net", "object"), "neighbour.py": neighbour})
    with pytest.raises(AtlasError, match=FAILURES[text]) as caught:
        models.load(config(tmp_path, source="mine.py", size=16))
    assert str(tmp_path / "mine.py") in str(caught.value)
    assert not any("neighbour" in name for name in sys.path)
