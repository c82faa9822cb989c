"""A repository with a remote on this disk, and a small site in it, for tests of publishing."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.website.output import digest

PAGE = """<!doctype html><html lang="en"><head><title>Small</title>
<link rel="stylesheet" href="atlas.css?1"><script defer src="atlas.js?1"></script></head>
<body><h1 id="top">Small</h1><a href="#top">up</a> <a href="#group-flow=3">a state</a>
<img src="photographs/a%20cat.webp" alt=""></body></html>
"""
FILES = {
    "index.html": PAGE,
    "atlas.css": "h1 { background: url(photographs/a%20cat.webp) }",
    "atlas.js": '"use strict";',
    "data/site.js": "1",
    "data/a cat/predictions.js": "12",
    "data/dog/predictions.js": "1234",
    "photographs/a cat.webp": "picture",
    "photographs/dog.webp": "picture",
    "sprites/early-0.webp": "sprites",
    ".nojekyll": "",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def write_site(folder: Path, files: dict[str, str] = FILES) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    listed = {path: len(text.encode()) for path, text in files.items()}
    facts = {
        "created_by": "building-blocks 0",
        "title": "Small",
        "build": "abc",
        "files": {**listed, "atlas.json": None},
        "digests": {path: digest(text.encode()) for path, text in files.items()},
    }
    (folder / "atlas.json").write_text(json.dumps(facts))
    return folder


@dataclass
class Published:
    """A user's repository, its remote, and the site to publish."""

    root: Path
    origin: Path

    @property
    def site(self) -> Path:
        return self.root / "site"

    def published(self, branch: str = "gh-pages") -> set[str]:
        return set(git(self.origin, "ls-tree", "-r", "-z", "--name-only", branch).split("\0")) - {
            ""
        }

    def commits(self, branch: str = "gh-pages") -> list[str]:
        return git(self.origin, "log", "--format=%s", branch).splitlines()

    def other(self, folder: Path) -> Path:
        """A clone of somebody else, with the published branch checked out."""
        git(folder.parent, "clone", "--quiet", "-b", "gh-pages", str(self.origin), str(folder))
        identify(folder, "Somebody Else")
        return folder


def identify(folder: Path, name: str) -> None:
    git(folder, "config", "user.name", name)
    git(folder, "config", "user.email", "someone@example.org")


def repository(folder: Path) -> Published:
    origin, root = folder / "origin.git", folder / "repository"
    root.mkdir()
    git(folder, "init", "--quiet", "--bare", str(origin))
    git(root, "init", "--quiet", "-b", "main")
    identify(root, "A User")
    (root / ".gitignore").write_text("site\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "First")
    git(root, "remote", "add", "origin", str(origin))
    found = Published(root, origin)
    write_site(found.site)
    return found
