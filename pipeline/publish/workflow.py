"""The workflow with which a repository at GitHub builds and publishes its atlas by itself."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline import __version__
from pipeline.errors import AtlasError
from pipeline.website.page import templates_folder

PATH = Path(".github/workflows/pages.yml")


def workflow(config: Path, branch: str = "main") -> str:
    """Return the workflow's text.

    Parameters
    ----------
    config
        The configuration, relative to the repository.
    branch
        Pushes to it publish the atlas.
    """
    text = (templates_folder() / "pages.yml").read_text(encoding="utf-8")
    values = {
        "CONFIG": _quoted(config.as_posix()),
        "VERSION": __version__,
        "BRANCH": _quoted(branch),
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def write_workflow(root: Path, config: Path, branch: str = "main") -> Path:
    """Write the workflow into a repository.

    Parameters
    ----------
    root
        The repository's folder.
    config, branch
        As for `workflow`.

    Raises
    ------
    AtlasError
        When there is another workflow of this name, or the file cannot be written.
    """
    path = root / PATH
    text = workflow(config, branch)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        advice = "remove or rename it, then run the command again"
        raise AtlasError(f"{path}: is there already and differs; {advice}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AtlasError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _quoted(text: str) -> str:
    """Write a path so that neither YAML nor the shell of a step sees more than a name in it."""
    plain = all(letter.isascii() and (letter.isalnum() or letter in "/._-") for letter in text)
    if plain and not text.startswith("-"):
        return text
    raise AtlasError(
        f"{json.dumps(text)}: a workflow needs a configuration and a branch named with letters, "
        "digits, dots, dashes and slashes; rename it"
    )
