"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

# Tests run side by side, one process a core, on networks too small to share among threads; inherited by processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real weights, photographs and published numbers, which is no part of the repository."""
    folder = Path(os.environ.get("BUILDING_BLOCKS_SHARED", CHECKOUT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the folder {folder.name}/ beside the checkout, or BUILDING_BLOCKS_SHARED")
    return folder
