"""What benchmarks of feature visualization share: the two networks, and whole numbers to choose."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from pipeline import config, models
from pipeline.errors import AtlasError
from pipeline.memory import keep_memory
from pipeline.network import Network

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BUILDING_BLOCKS_SHARED", CHECKOUT.parent / "shared"))
GOOGLENET_WEIGHTS = SHARED / "models" / "bvlc_googlenet.npz"


def load(source: str, device: str = "cpu") -> Network:
    """Load "efficientnet_lite0" or "googlenet" onto a device."""
    keep_memory()  # as every process that computes does
    model: dict[str, str] = {"source": source}
    if source == "googlenet":
        model["weights"] = str(GOOGLENET_WEIGHTS)
    tables = {"model": model, "dataset": {"images": ("skimage:chelsea",)}}
    settings = config.Settings.model_validate(tables)
    path = CHECKOUT / "configs" / "benchmark.toml"
    loaded = models.load(config.Config(path=path, settings=settings))
    return loaded.to(torch.device(device))


def available(source: str) -> bool:
    """Return whether the weights are there; GoogLeNet's are not part of the repository."""
    return source != "googlenet" or GOOGLENET_WEIGHTS.is_file()


def count(variable: str, default: int) -> int:
    """Return the whole number in an environment variable, or the default.

    Raises
    ------
    AtlasError
        When it is no whole number.
    """
    text = os.environ.get(variable, str(default))
    if not text.strip().isdecimal():
        raise AtlasError(f"{variable}={text!r}: must be a whole number, 0 or more.")
    return int(text)
