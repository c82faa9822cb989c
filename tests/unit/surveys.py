"""A survey without a network: a profile made up, and photographs of noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline import plan, store
from pipeline.config import Config, Settings
from pipeline.photographs import PhotographFile
from pipeline.probe import LayerProfile, NetworkProfile
from pipeline.survey import Options, Survey

PROFILE = NetworkProfile(
    weights="w",
    title="tiny",
    classes=("a", "b"),
    size=32,
    parameters=10,
    layers=(
        LayerProfile("early", "ReLU", (8, 16, 16), False, 1),
        LayerProfile("late", "ReLU", (12, 8, 8), False, 1),
    ),
)
FIGURES = ("class_comparison", "semantic_dictionary")


def settings(**tables: Any) -> Settings:
    return Settings.model_validate({"dataset": {"images": ("*.png",)}, **tables})


def photograph(folder: Path, name: str, seed: int) -> PhotographFile:
    """Write a photograph of noise; what is found is read again by every survey."""
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8)
    path = folder / f"{name}.png"
    Image.fromarray(pixels).save(path)
    return PhotographFile(name, name.title(), "*.png", path)


def survey(
    folder: Path,
    *,
    figures: Sequence[str] = FIGURES,
    layers: Sequence[str] = ("early",),
    profile: NetworkProfile = PROFILE,
    photographs: Sequence[PhotographFile] = (),
    options: Options | None = None,
    **tables: Any,
) -> Survey:
    """Make a survey; tables of the configuration are given by name."""
    configured = settings(**tables)
    return Survey(
        config=Config(path=folder / "atlas.toml", settings=configured),
        options=options or Options(output=folder / "site", root=folder / "build"),
        store=store.Store(folder / "build" / "atlas"),
        profile=profile,
        plan=plan.make_plan(figures, layers, configured),
        photographs=list(photographs),
    )
