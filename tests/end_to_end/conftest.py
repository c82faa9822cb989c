"""A small atlas to build: a random network in a Python file, two photographs, few and small pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import build as builder
from pipeline.config import read
from pipeline.progress import Reporter

NETWORK = """
from tests.unit.networks import Plain, network

def build():
    return network(Plain())
"""

CONFIG = """
title = "Small"

[model]
source = "my_models.py:build"
layers = ["early", "late"]

[dataset]
images = ["photos/*.png"]

[features]
size = 32
steps = {steps}
"""


@dataclass
class Workplace:
    """A folder with a configuration, and what a user would do in it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "atlas.toml"

    def write(self, steps: int = 4, more: str = "") -> None:
        self.config.write_text(CONFIG.format(steps=steps) + more)

    def photograph(self, name: str, seed: int) -> Path:
        path = self.folder / "photos" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(coarse).resize((80, 60)).save(path)
        return path

    def options(self, **options: object) -> builder.Options:
        return builder.Options(output=self.folder / "site", root=self.folder / "build", **options)  # type: ignore[arg-type]

    def build(self, **options: object) -> dict[str, tuple[int, int]]:
        """Build, and say what each stage computed and reused."""
        reporter = Reporter(-1)
        builder.build(read(self.config), self.options(**options), reporter)
        return {stage.name: (stage.computed, stage.reused) for stage in reporter.stages}

    @property
    def store(self) -> Path:
        return self.folder / "build" / "atlas"


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    place = Workplace(tmp_path)
    place.write()
    (tmp_path / "my_models.py").write_text(NETWORK)
    place.photograph("first", 1)
    place.photograph("second", 2)
    return place


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Workplace]:
    """A built atlas to copy from, for tests that begin where a build has ended."""
    import shutil

    original = Workplace(tmp_path_factory.mktemp("built"))
    original.write()
    (original.folder / "my_models.py").write_text(NETWORK)
    original.photograph("first", 1)
    original.photograph("second", 2)
    original.build()

    def copy(folder: Path) -> Workplace:
        shutil.copytree(original.folder, folder, dirs_exist_ok=True)
        return Workplace(folder)

    return copy
