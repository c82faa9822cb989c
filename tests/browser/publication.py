"""A site published to a branch, and that branch as a host serves it."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.publish import Target, look_over, publish
from tests.unit.publishing import git, identify

BRANCH = "gh-pages"


def published(site: Path, folder: Path) -> Path:
    """Publish a site to a repository in a folder; return a fresh copy of the branch's files.

    Parameters
    ----------
    site
        The site; the folder that it is in becomes a repository.
    folder
        Where the remote and the copy are made; it must not be there yet. From it to the copy is
        the same path as to the site from the folder two above.
    """
    origin, root = folder / "origin.git", site.parent
    git(folder.parent, "init", "--quiet", "--bare", str(origin))
    git(root, "init", "--quiet", "-b", "main")
    identify(root, "A User")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "First")
    git(root, "remote", "add", "origin", str(origin))
    outcome = publish(look_over(site, print), Target(branch=BRANCH), print)
    assert outcome.pushed
    copy = folder / site.relative_to(site.parents[1])
    copy.parent.mkdir(parents=True)
    git(folder, "clone", "--quiet", "-b", BRANCH, str(origin), str(copy))
    shutil.rmtree(copy / ".git")  # a host serves the files alone
    return copy
