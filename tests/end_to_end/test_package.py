"""An installed package is whole: the wheel, in an environment without the checkout, makes an atlas.

The environment is new and holds the wheel alone; the packages that it depends on are those of the
environment that runs the tests, which itself is not consulted for the package.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CHECKOUT = Path(__file__).resolve().parents[2]

FINDS = """
import pipeline
from pipeline.cli import demo_config
from pipeline.config import read
from pipeline.website.page import templates_folder
print(pipeline.__file__)
print(templates_folder())
print(read(demo_config()).settings.model.source)
"""
NETWORK = """
from torch import nn

def build():
    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    execute([*build, "--directory", str(folder)], CHECKOUT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    execute([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet"]
    execute([*pip, "--no-deps", "--no-index", str(wheel)], folder)
    # A line of a .pth file is a folder to import from; what the .pth files in that folder would
    # add, such as a checkout that is being worked on, stays out.
    scheme = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", vars=scheme))
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "dependencies.pth").write_text("\n".join(sorted(paths)) + "\n")
    return programs


def execute(command: list[str], folder: Path) -> str:
    """Run a program without what leads to the checkout; return what it prints."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, timeout=600, check=False
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{printed}"
    return printed


def test_the_wheel_is_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    templates = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "templates").rglob("*")
        if path.is_file()
    }
    assert templates
    assert {f"pipeline/{name}" for name in templates} <= names
    assert "pipeline/py.typed" in names
    assert not any(name.startswith(("tests/", "build/", "site/")) for name in names)


def test_what_is_installed_is_found_and_no_checkout(scripts: Path, tmp_path: Path) -> None:
    found = execute([str(scripts / "python"), "-c", FINDS], tmp_path).split()
    package, templates, source = Path(found[0]).parent, Path(found[1]), found[2]
    assert package.is_relative_to(scripts.parent)
    assert templates == package / "templates"
    assert source == "efficientnet_lite0"


def test_it_makes_an_atlas(scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    (tmp_path / "photos").mkdir()
    for seed, name in enumerate(("cat", "dog")):
        coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(coarse).resize((80, 60)).save(tmp_path / "photos" / f"{name}.png")
    program = str(scripts / "building-blocks")
    asked = ["--model", "net.py:build", "--images", "photos", "--size", "48", "--steps", "2"]
    execute([program, "init", *asked], tmp_path)
    execute([program, "check", "--no-trial", "atlas.toml"], tmp_path)
    assert "2 computed" in execute([program, "build", "atlas.toml"], tmp_path)
    assert "Nothing had changed" in execute([program, "build", "atlas.toml"], tmp_path)
    report = execute([program, "publish", "atlas.toml", "--report", "--no-browser"], tmp_path)
    assert "What my network sees" in report
    assert (tmp_path / "site" / "channels" / "index.html").is_file()
    assert list((tmp_path / "site" / "notebooks").glob("*.ipynb"))
