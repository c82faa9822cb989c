"""The git repository that a site is published to, by the program `git`.

`Repository` answers questions and moves one branch; every failure of git becomes a message with the
next step. Nothing here is shown to a shell.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import ghp_import

from pipeline.errors import AtlasError

MARK = "Published-by: building-blocks"  # a line of the messages of our commits


@dataclass(frozen=True)
class Tip:
    """The last commit of a branch."""

    author: str
    date: str
    subject: str
    ours: bool


@dataclass(frozen=True)
class Repository:
    """A repository with a remote and the branch that is published.

    Attributes
    ----------
    root
        The repository's folder.
    remote, branch
        Their names.
    url
        The remote's URL, as pushes use it.
    """

    root: Path
    remote: str
    branch: str
    url: str

    @classmethod
    def around(cls, folder: Path, remote: str, branch: str) -> Repository:
        """Find the repository that a folder is in.

        Raises
        ------
        AtlasError
            Without git, a repository, the remote, a name for commits, or with the branch checked
            out.
        """
        found = _git(folder, "rev-parse", "--show-toplevel")
        if found.returncode:
            advice = 'make one ("git init") and give it a remote ("git remote add origin URL")'
            raise AtlasError(f"{folder}: is not in a git repository; {advice}")
        root = Path(found.stdout.strip())
        if _git(root, "check-ref-format", "--branch", branch).returncode:
            raise AtlasError(f'publish.branch: "{branch}" is no name of a branch')
        if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode == 0:
            current = _git(root, "symbolic-ref", "--short", "--quiet", "HEAD").stdout.strip()
            if current == branch:
                advice = 'switch to another ("git switch main"), or set publish.branch'
                raise AtlasError(f"{root}: branch {branch} is checked out here; {advice}")
        url = _git(root, "remote", "get-url", "--push", remote)
        if url.returncode:
            names = _git(root, "remote").stdout.split()
            there = f"there are: {', '.join(names)}" if names else "there is none"
            advice = f'"git remote add {remote} URL" adds it'
            raise AtlasError(f'{root}: no remote "{remote}"; {there}; {advice}')
        for key in ("user.name", "user.email"):
            variable = f"GIT_COMMITTER_{key.split('.')[1].upper()}"
            if not os.environ.get(variable) and _git(root, "config", key).returncode:
                advice = f'"git config --global {key} VALUE" sets it'
                raise AtlasError(f"{root}: git has no {key} to make a commit with; {advice}")
        return cls(root, remote, branch, url.stdout.strip())

    @property
    def tracking(self) -> str:
        return f"refs/remotes/{self.remote}/{self.branch}"

    def fetch(self) -> Tip | None:
        """Bring the remote's branch here; None if it has no such branch.

        Raises
        ------
        AtlasError
            When the remote cannot be reached or read.
        """
        listed = _git(self.root, "ls-remote", "--heads", self.remote, f"refs/heads/{self.branch}")
        self._check(listed, "read")
        if not listed.stdout.strip():
            _git(self.root, "update-ref", "-d", self.tracking)
            return None
        refs = f"+refs/heads/{self.branch}:{self.tracking}"
        self._check(_git(self.root, "fetch", "--quiet", self.remote, refs), "read")
        return self.tip(self.tracking)

    def tip(self, ref: str) -> Tip:
        """Describe the last commit of a branch."""
        written = "%an%n%as%n%s%n%B"
        shown = _git(self.root, "log", "-1", f"--format={written}", ref).stdout
        author, date, subject, body = shown.split("\n", 3)
        return Tip(author, date, subject, MARK in body.splitlines())

    def ahead(self) -> int:
        """Count commits of others on the branch here that the remote's branch does not have."""
        local = f"refs/heads/{self.branch}"
        if self._revision(local) is None:
            return 0
        against = [f"^{self.tracking}"] if self._revision(self.tracking) else []
        others = ["--invert-grep", "--grep", f"^{MARK}$"]
        counted = _git(self.root, "rev-list", "--count", *others, local, *against)
        return int(counted.stdout)

    def read(self, path: str) -> str | None:
        """Return a file of the remote's branch, fetched before."""
        found = _git(self.root, "show", f"{self.tracking}:{path}")
        return None if found.returncode else found.stdout

    @contextmanager
    def commit(
        self, folder: Path, message: str, domain: str | None, squash: bool
    ) -> Iterator[bool]:
        """Make a commit of a folder's files; a branch that is not pushed is put back.

        Parameters
        ----------
        folder
            All of its files are the branch's new content.
        message
            The commit's message, without our mark.
        domain
            For a CNAME file.
        squash
            Whether the branch has this commit only.

        Yields
        ------
        bool
            Whether the content differs from what the remote has.
        """
        local = f"refs/heads/{self.branch}"
        before = self._revision(local)
        # `ghp_import` builds on what the remote has, where it has the branch.
        with chdir(self.root):
            ghp_import.ghp_import(
                str(folder.absolute()),
                remote=self.remote,
                branch=self.branch,
                mesg=f"{message}\n\n{MARK}",
                cname=domain,
                nojekyll=True,
                no_history=squash,
                push=False,
            )
        there = self._revision(f"{self.tracking}^{{tree}}")
        differs = self._revision(f"{local}^{{tree}}") != there
        pushed = False
        try:
            yield differs
            pushed = differs
        finally:
            if not pushed:
                self._put_back(before)

    def _put_back(self, before: str | None) -> None:
        local = f"refs/heads/{self.branch}"
        arguments = [local, before] if before else ["-d", local]
        _git(self.root, "update-ref", *arguments)

    def push(self, force: bool) -> None:
        """Push the branch.

        Raises
        ------
        AtlasError
            When the remote refuses it, or cannot be reached.
        """
        refs = f"refs/heads/{self.branch}:refs/heads/{self.branch}"
        options = [f"--force-with-lease=refs/heads/{self.branch}"] if force else []
        self._check(_git(self.root, "push", "--quiet", *options, self.remote, refs), "write to")
        _git(self.root, "update-ref", self.tracking, f"refs/heads/{self.branch}")

    def _revision(self, name: str) -> str | None:
        found = _git(self.root, "rev-parse", "--verify", "--quiet", name)
        return None if found.returncode else found.stdout.strip()

    def _check(self, done: subprocess.CompletedProcess[str], what: str) -> None:
        if done.returncode == 0:
            return
        printed = done.stderr.strip()
        reason = next((advice for signs, advice in _REASONS if _any(signs, printed)), None)
        last = printed.splitlines()[-1] if printed else f"git ended with {done.returncode}"
        raise AtlasError(
            f"{self.remote} ({self.url}): cannot {what} it: {reason or 'git reports'} ({last})"
        )


_REASONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("non-fast-forward", "fetch first", "stale info"),
        "somebody else has changed the branch meanwhile; run the command again to look at it",
    ),
    (
        ("protected branch", "GH006", "hook declined", "pre-receive"),
        "the host does not allow this push; look at its rules for the branch",
    ),
    (
        ("not found", "does not appear to be a git repository", "does not exist"),
        'there is no repository at this address; "git remote set-url" mends it',
    ),
    (
        ("ermission", "denied", "403", "uthentication", "could not read Username", "ublickey"),
        "you have no right to; sign in with an account that may, or ask its owner",
    ),
    (
        ("Could not resolve", "unable to access", "Connection", "timed out"),
        "there is no connection; try again when there is one",
    ),
)


def _any(signs: tuple[str, ...], text: str) -> bool:
    return any(sign in text for sign in signs)


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    if not sys.stdin.isatty():
        environment["GIT_TERMINAL_PROMPT"] = "0"  # a question that nobody answers
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise AtlasError("git: not found; install it to publish (https://git-scm.com)") from error
