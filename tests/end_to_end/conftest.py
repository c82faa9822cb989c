"""A small atlas to build: a random network in a Python file, two photographs, few and small
feature visualizations."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import build as builder
from pipeline import upkeep
from pipeline.config import read
from pipeline.phases import PHASES
from pipeline.progress import Reporter
from pipeline.store import Store
from pipeline.survey import Options

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

    @property
    def store(self) -> Path:
        return self.folder / "build" / "atlas"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def write(self, steps: int = 4, more: str = "") -> None:
        self.config.write_text(CONFIG.format(steps=steps) + more)

    def edit(self, old: str, new: str) -> None:
        """Replace a text of the configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def photograph(self, name: str, seed: int) -> Path:
        path = self.folder / "photos" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(coarse).resize((80, 60)).save(path)
        return path

    def options(self, **options: Any) -> Options:
        return Options(output=self.site, root=self.folder / "build", **options)

    def build(self, phases: builder.Phases = PHASES, **options: Any) -> dict[str, tuple[int, int]]:
        """Build, and return how much each phase computed and reused."""
        reporter = Reporter(-1)
        builder.build(read(self.config), self.options(**options), reporter, phases)
        return {phase.name: (phase.computed, phase.reused) for phase in reporter.phases}

    def regenerate(self, **options: Any) -> None:
        builder.regenerate(read(self.config), self.options(**options), Reporter(-1))

    def check(self, **options: Any) -> None:
        builder.check(read(self.config), self.options(**options), Reporter(-1))

    def verify(self) -> None:
        upkeep.verify(Store(self.store), self.site, "atlas.toml", Reporter(-1))

    def clean(self, pretend: bool = False) -> None:
        builder.clean(read(self.config), self.options(), Reporter(-1), pretend)

    def stored(self) -> dict[Path, bytes]:
        """Every file of the store."""
        return {path: path.read_bytes() for path in (self.folder / "build").rglob("*.h5")}


Copy = Callable[[Path], Workplace]


def furnish(folder: Path) -> Workplace:
    """Write a configuration, a network and two photographs."""
    folder.mkdir(exist_ok=True)
    work = Workplace(folder)
    work.write()
    (folder / "my_models.py").write_text(NETWORK)
    work.photograph("first", 1)
    work.photograph("second", 2)
    return work


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return furnish(tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A built atlas to copy from, for tests that begin where a build has ended."""
    original = furnish(tmp_path_factory.mktemp("built"))
    original.build()

    def copy(folder: Path) -> Workplace:
        shutil.copytree(original.folder, folder, dirs_exist_ok=True)
        return Workplace(folder)

    return copy
