"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

# Tests run side by side, a process for each core, on networks too small to share among threads.
# Processes that tests start inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "Browser tests open a fresh copy of a published branch, served below a path."
    parser.addoption("--published", action="store_true", help=text)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real weights, photographs and published numbers; not in the repository."""
    folder = Path(os.environ.get("BUILDING_BLOCKS_SHARED", CHECKOUT.parent / "shared"))
    if not folder.is_dir():
        name = folder.name
        pytest.skip(f"needs the folder {name}/ beside the checkout, or BUILDING_BLOCKS_SHARED")
    return folder
