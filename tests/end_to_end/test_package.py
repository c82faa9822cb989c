"""An installed package is whole: the wheel has the templates and the demo's configuration."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

FINDS = """
from pipeline.cli import demo_config
from pipeline.config import read
from pipeline.website.page import templates_folder
print(templates_folder())
print(read(demo_config()).settings.model.source)
"""


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    hatchling = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    build = [*hatchling, "--directory", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    templates = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "templates").rglob("*")
        if path.is_file()
    }
    assert templates
    assert {f"pipeline/{name}" for name in templates} <= names
    assert not any(name.startswith(("tests/", "build/", "site/")) for name in names)
    found = subprocess.run(
        [sys.executable, "-c", FINDS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    installed = tmp_path / "installed" / "pipeline" / "templates"
    assert found.stdout.split() == [str(installed), "efficientnet_lite0"]
