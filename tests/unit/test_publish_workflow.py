"""The workflow that `init --pages` writes: valid, complete, and never a shell word of a path."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import __version__
from pipeline.cli import cli
from pipeline.errors import AtlasError
from pipeline.publish.workflow import PATH, workflow, write_workflow


def test_it_fits_the_schema_of_github_workflows(tmp_path: Path) -> None:
    path = write_workflow(tmp_path, Path("configs/birds.toml"))
    assert path == tmp_path / PATH
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    done = subprocess.run(
        [*program, "vendor.github-workflows", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_workflow_that_does_not_fit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "pages.yml"
    path.write_text(workflow(Path("a.toml")).replace("runs-on:", "runs-at:"))
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    done = subprocess.run(
        [*program, "vendor.github-workflows", str(path)], capture_output=True, check=False
    )
    assert done.returncode == 1


def test_its_commands_are_ours() -> None:
    text = workflow(Path("configs/birds.toml"), "trunk")
    assert f'"building-blocks=={__version__}"' in text
    assert "branches: [trunk]" in text
    commands = re.findall(r"run: building-blocks (\w+) configs/birds\.toml (.*)", text)
    assert [name for name, _ in commands] == ["build", "publish"]
    for name, options in commands:
        shown = CliRunner().invoke(cli, [name, "--help"]).output
        assert all(option in shown for option in re.findall(r"--\w+", options))


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    path = write_workflow(tmp_path, Path("a.toml"))
    write_workflow(tmp_path, Path("a.toml"))
    path.write_text("mine")
    with pytest.raises(AtlasError, match=r"pages.yml: is there already and differs"):
        write_workflow(tmp_path, Path("a.toml"))
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["a b.toml", "$(rm -rf).toml", "--x.toml", "é.toml", "a;b.toml"])
def test_a_name_that_a_shell_would_read_otherwise_is_refused(name: str) -> None:
    with pytest.raises(AtlasError, match="rename it"):
        workflow(Path(name))
