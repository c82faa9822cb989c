"""Wrong inputs, one by one: what `check` says of each. No traceback, and always a next step.

A case changes a configuration that is right: key → value in TOML, or None to leave it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from pipeline import build
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.progress import Reporter
from pipeline.survey import Options

BASE = {"model.source": '"net.py"', "model.size": "16", "dataset.images": '["photo.png"]'}

NETWORKS = """
import sys
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, channels=3, kind="logits"):
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(channels, 4, 4, 4), nn.ReLU())
        self.head = nn.Linear(4, 3)
        self.kind = kind

    def forward(self, x):
        maps = self.layer(x)
        logits = self.head(maps.mean((2, 3)))
        return {"logits": logits, "maps": maps, "dict": {"a": 1, "b": maps}}[self.kind]

def build():
    torch.manual_seed(0)
    return Net()

def maps():
    return Net(kind="maps")

def dictionary():
    return Net(kind="dict")

def five():
    return Net(5)

def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 3))

def number():
    return 3

def fails():
    return {}["weights"]

def needs(width, *, depth):
    return Net()

def leaves():
    sys.exit(1)
"""


def picture(path: Path, side: int = 40) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (side, side, 3), np.uint8)).save(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "net.py").write_text(NETWORKS)
    (folder / "syntax.py").write_text("def build(:\n")
    for name in ("photo.png", "classes/first/a.png", "classes/class 1/b.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(folder / name)
    picture(folder / "small.png", 8)
    Image.new("1", (11_000, 10_000)).save(folder / "large.png")
    whole = (folder / "photo.png").read_bytes()
    for name, content in {
        "text.jpg": b"no picture",
        "empty.jpg": b"",
        "cut.png": whole[: len(whole) // 2],
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\n",
        "names.txt": b"a\nb\n",
        "binary.txt": b"\xff\xfe\x00",
        "text.pth": b"no weights",
    }.items():
        (folder / name).write_bytes(content)
    (folder / "none").mkdir()
    (folder / "folder.png").mkdir()
    torch.save(nn.Linear(2, 2).state_dict(), folder / "other.pth")
    torch.save(nn.Linear(2, 2), folder / "whole.pth")
    return folder


Case = tuple[Mapping[str, str | None], str]
CONFIGURATIONS: dict[str, Case] = {
    "unknown table": ({"modle.x": "1"}, 'unknown key "modle"; did you mean "model"'),
    "unknown key": ({"model.wieghts": "1"}, 'unknown key "wieghts" in .model.; did you mean "wei'),
    "title": ({"title": "3"}, '"title" must be a text in quotes, not 3'),
    "no images": ({"dataset.images": None, "dataset.fit": '"pad"'}, '"dataset.images" is missing'),
    "one image": ({"dataset.images": '"photo.png"'}, '"dataset.images" must be a list'),
    "size of zero": ({"model.size": "0"}, '"model.size": input should be greater than'),
    "half a size": ({"model.size": "16.5"}, '"model.size" must be a whole number'),
    "three sizes": ({"model.size": "[1, 2, 3]"}, '"model.size'),
    "huge size": ({"model.size": "1000000000"}, '"model.size": input should be less than'),
    "mean in words": ({"model.mean": '"grey"'}, '"model.mean" must be a number or a list'),
    "mean that is none": ({"model.mean": "nan"}, '"model.mean": input should be a finite number'),
    "std of zero": ({"model.std": "0.0"}, '"model.std" holds 0; inputs are divided by it'),
    "std below zero": ({"model.std": "[1, -2, 1]"}, '"model.std" holds -2'),
    "mean and std": ({"model.mean": "[0, 0, 0]", "model.std": "[1]"}, '"model.std" has 1 numbers'),
    "a colour": ({"model.channels": '["red", "gren"]'}, '"model.channels.1" must be '),
    "five channels": ({"model.mean": "[0, 0, 0, 0, 0]", "model.std": "1"}, "does not run on"),
    "a layout": (
        {"model.layouts": '{layer = "CHWN"}'},
        '"model.layouts.layer" must be "NCHW", "NHWC", "NTC"',
    ),
    "fit": ({"dataset.fit": '"stretch"'}, '"dataset.fit" must be '),
    "limit": ({"dataset.limit": "0"}, '"dataset.limit": input should be greater than 0'),
    "sample": ({"dataset.sample": "-1"}, '"dataset.sample": input should be greater than 0'),
    "first": ({"dataset.first": '"best"'}, '"dataset.first" must be '),
    "megapixels": ({"dataset.max_megapixels": "0"}, '"dataset.max_megapixels": input should be'),
    "features size": ({"features.size": "10"}, '"features.size": input should be greater than'),
    "steps": ({"features.steps": "0"}, '"features.steps": input should be greater than'),
    "recipe": ({"features.recipe": '"fats"'}, 'did you mean "fast"'),
    "recipe of grids": ({"features.grids": '"artcle"'}, 'did you mean "article"'),
    "spectrum": ({"features.spectrum": '"own"'}, '"features.spectrum" must be '),
    "channels": ({"features.channels": '"some"'}, '"features.channels" must be '),
    "channels of none": ({"features.channels": "{lyer = [1]}"}, "not one of the display layers"),
    "channel too high": ({"features.channels": "{layer = [9]}"}, "no channel 9; the layer has 4"),
    "seed": ({"features.seed": "-1"}, '"features.seed": input should be greater than'),
    "no groups": ({"groups.counts": "{layer = [0]}"}, '"groups.counts.layer.0": input should be'),
    "groups of none": ({"groups.counts": "{lyer = [3]}"}, '"groups.counts.lyer": not one of'),
    "groups": ({"groups.counts": "{layer = [12]}"}, '"groups.counts.layer"'),
    "preserve": ({"groups.preserve": "{colours = 1.0}"}, '"groups.preserve.colours'),
    "method": ({"attribution.method": '"linaer"'}, 'no method "linaer"; did you mean "linear"'),
    "points": ({"attribution.steps": "0"}, '"attribution.steps": input should be greater than'),
    "baseline": ({"attribution.baseline": '"grey"'}, '"attribution.baseline" must be '),
    "tolerance": ({"attribution.tolerance": "2.0"}, '"attribution.tolerance": input should be'),
    "factors": ({"attribution.factors": "9"}, '"attribution.factors": input should be less'),
    "figure": ({"site.figures": '["prediction"]'}, 'no figure "prediction"; did you mean "predic'),
    "no figure": ({"site.figures": "[]"}, '"site.figures": names no figure'),
    "budget": ({"site.budget_mb": "0"}, '"site.budget_mb": input should be greater than 0'),
    "device": ({"execution.device": '"gpu"'}, 'no device "gpu"; write auto, cpu'),
    "dtype": ({"execution.dtype": '"int8"'}, '"execution.dtype" must be .auto., .float32. or'),
    "workers": ({"execution.workers": "0"}, '"execution.workers": input should be greater than 0'),
    "a word for workers": (
        {"execution.workers": '"many"'},
        '"execution.workers" must be a whole number or .auto., not .many.',
    ),
    "names": ({"model.names": '{lyer = "x"}'}, '"model.names.lyer": not one of the display layers'),
    "titles": ({"dataset.titles": '{phot = "x"}'}, 'no photograph of that name; did you mean "ph'),
    "labels": (
        {"dataset.labels": '{dogs = "class 1"}'},
        'labels.dogs": no folder of that',
    ),
    "a class folder": ({"dataset.images": '["classes"]'}, "folder first: the network has"),
}
NETWORK_CASES: dict[str, Case] = {
    "unknown source": ({"model.source": '"resnet50"'}, 'no source "resnet50"; write one of'),
    "torchvision's": ({"model.source": '"torchvision:resnet81"'}, 'did you mean "resnet18"'),
    "timm's": ({"model.source": '"timm:resnet81"'}, "timm has no model"),
    "a release": (
        {"model.source": '"torchvision:resnet18"', "model.weights": '"IMAGENET1K_V9"'},
        "has no release",
    ),
    "a word for weights": (
        {"model.source": '"torchvision:resnet18"', "model.weights": '"randm"'},
        'no file .*randm; did you mean "random"',
    ),
    "timm's word": (
        {"model.source": '"timm:resnet18"', "model.weights": '"pretraned"'},
        'did you mean "pretrained"',
    ),
    "googlenet's word": (
        {"model.source": '"googlenet"', "model.weights": '"bvcl"'},
        'did you mean "bvlc"',
    ),
    "googlenet's": (
        {"model.source": '"googlenet"'},
        '.weights" is missing; weights = "bvlc"',
    ),
    "no such file": ({"model.source": '"nets.py"'}, '"model.source": no file'),
    "no such function": ({"model.source": '"net.py:biuld"'}, 'did you mean "build"'),
    "not Python": ({"model.source": '"syntax.py"'}, "cannot be imported: SyntaxError"),
    "a function that fails": (
        {"model.source": '"net.py:fails"'},
        r"KeyError: 'weights' \(line",
    ),
    "a function with arguments": ({"model.source": '"net.py:needs"'}, r"needs width, depth; write"),
    "a function that leaves": ({"model.source": '"net.py:leaves"'}, "it ends the program"),
    "a number": ({"model.source": '"net.py:number"'}, "returned int; expected a torch.nn.Module"),
    "maps": ({"model.source": '"net.py:maps"'}, r"expected logits of shape \[N, K\]"),
    "a dictionary": ({"model.source": '"net.py:dictionary"'}, "logits"),
    "an output": ({"model.source": '"net.py:dictionary"', "model.output": '"c"'}, '"c"'),
    "five channels": ({"model.source": '"net.py:five"'}, r"does not run on \[1, 3, 16, 16\]"),
    "no layers": ({"model.source": '"net.py:flat"'}, r"no layer with output"),
    "a layer": ({"model.layers": '["lyer"]'}, 'no layer "lyer" in build; did you mean "layer"'),
    "a layer twice": ({"model.layers": '["layer", "layer"]'}, "names a layer twice"),
    "a layer of no maps": ({"model.layers": '["head"]'}, 'layer "head" of build does not suit'),
    "no weights": ({"model.weights": '"absent.pth"'}, '"model.weights": no file'),
    "a folder of weights": ({"model.weights": '"none"'}, '"model.weights": is a folder'),
    "text as weights": ({"model.weights": '"text.pth"'}, "not a weights file that torch"),
    "other weights": ({"model.weights": '"other.pth"'}, "weights of another network than net.py"),
    "a whole network": ({"model.weights": '"whole.pth"'}, "Python objects beside tensors"),
    "too few names": ({"model.classes": '"names.txt"'}, "has 2 names, the network has 3 outputs"),
    "no names": ({"model.classes": '"absent.txt"'}, "one class name a line"),
    "no file's name": ({"model.classes": f'"{400 * "x"}"'}, "one class name a line"),
    "no text": ({"model.classes": '"binary.txt"'}, "cannot be read; name a text file in UTF-8"),
}
PHOTOGRAPHS = {
    "at/xyz.jpg": r"no such file or folder .*paths are relative to the configuration file",
    "phot.png": 'did you mean "photo.png"',
    "*.gif": "no file matches; paths are relative",
    "none": "no photographs in this folder; a photograph's file ends in",
    "skimage:chelsae": 'did you mean "chelsea"',
    "text.jpg": "not a picture .*looks like text.; replace it or take it out",
    "empty.jpg": "it is empty",
    "cut.png": "cannot be decoded .*replace it or take it out",
    "pointer.png": "it is a pointer of Git LFS: git lfs pull",
    "small.png": "8 × 8 pixels is too small; photographs need at least 16",
    "large.png": "110.0 megapixels, more than .dataset.max_megapixels. allows .100.; scale it down",
    "folder.png": "no photographs in this folder",
    "": "no photographs in this folder|not a picture|cannot be decoded|no class",
    "photo.png/x": "no such file or folder",
    "~nobody-of-this-name/a.jpg": "no such file or folder",
    "x" * 300: "cannot be looked up|no such file or folder",
    "a\\u0000b": "cannot be looked up|no such file or folder",
    "**": "not a picture|is a folder|no file matches",
}


def said(place: Path, changes: Mapping[str, str | None]) -> str:
    """What `check` says of a configuration with changes."""
    text = "\n".join(f"{key} = {value}" for key, value in {**BASE, **changes}.items() if value)
    path = place / "atlas.toml"
    path.write_text(text)
    options = Options(output=place / "site", root=place / "build", device=None)
    with pytest.raises(AtlasError) as caught:
        build.check(read(path), options, Reporter(-1))
    return str(caught.value)


@pytest.mark.parametrize("case", [*CONFIGURATIONS])
def test_a_wrong_configuration(place: Path, case: str) -> None:
    changes, pattern = CONFIGURATIONS[case]
    message = said(place, changes)
    assert re.search(pattern, message), message


@pytest.mark.parametrize("case", [*NETWORK_CASES])
def test_a_wrong_network(place: Path, case: str) -> None:
    changes, pattern = NETWORK_CASES[case]
    message = said(place, changes)
    assert re.search(pattern, message), message


@pytest.mark.parametrize("entry", [*PHOTOGRAPHS])
def test_a_wrong_photograph(place: Path, entry: str) -> None:
    message = said(place, {"dataset.images": f'["{entry}"]'})
    assert re.search(PHOTOGRAPHS[entry], message), message


Write = Callable[[Path], object]
FILES: dict[str, tuple[Write, str]] = {
    "no TOML": (lambda path: path.write_text("title = "), "not valid TOML"),
    "a key twice": (lambda path: path.write_text("title = 'a'\ntitle = 'b'"), "not valid TOML"),
    "binary": (lambda path: path.write_bytes(b"\xff\xfe\x00\x01"), "not valid TOML"),
    "empty": (lambda path: path.write_text(""), '"dataset" is missing; add a table'),
    "a folder": (lambda path: path.mkdir(), "is a folder; name the .toml file in it"),
    "missing": (lambda path: None, "no such configuration file"),
}


@pytest.mark.parametrize("case", [*FILES])
def test_a_wrong_file(tmp_path: Path, case: str) -> None:
    write, pattern = FILES[case]
    write(tmp_path / "atlas.toml")
    with pytest.raises(AtlasError, match=pattern):
        read(tmp_path / "atlas.toml")


def test_there_are_enough_of_them() -> None:
    assert len(CONFIGURATIONS) + len(NETWORK_CASES) + len(PHOTOGRAPHS) + len(FILES) >= 60
