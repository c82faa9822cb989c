"""What benchmarks of feature visualization share: the two networks, through the atlas's own configurations, and whole numbers to choose."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline import config, models
from pipeline.allocator import keep_memory
from pipeline.errors import AtlasError
from pipeline.network import Network

CHECKOUT = Path(__file__).resolve().parent.parent
GOOGLENET_WEIGHTS = Path(os.environ.get("BUILDING_BLOCKS_SHARED", CHECKOUT.parent / "shared")) / "models" / "bvlc_googlenet.npz"


def load(source: str) -> Network:
    """Load "efficientnet_lite0" or "googlenet"."""
    keep_memory()  # as every process that computes does
    table: dict[str, str] = {"source": source}
    if source == "googlenet":
        table["weights"] = str(GOOGLENET_WEIGHTS)
    settings = config.Settings.model_validate({"model": table, "dataset": {"images": ("skimage:chelsea",)}})
    return models.load(config.Config(path=CHECKOUT / "configs" / "benchmark.toml", settings=settings))


def available(source: str) -> bool:
    """Say whether the network's weights are there; GoogLeNet's are no part of the repository."""
    return source != "googlenet" or GOOGLENET_WEIGHTS.is_file()


def count(variable: str, default: int) -> int:
    """Return the whole number that an environment variable gives, or the default; AtlasError if it is none."""
    text = os.environ.get(variable, str(default))
    if not text.strip().isdecimal():
        raise AtlasError(f"{variable}={text!r}: must be a whole number, 0 or more.")
    return int(text)
