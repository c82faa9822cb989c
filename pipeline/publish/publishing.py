"""From a site's folder to the branch that is served: look, refuse or commit, push, say where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import AtlasError, raise_all
from pipeline.publish.address import address_of
from pipeline.publish.inspection import Inspection, inspect
from pipeline.publish.repository import Repository, Tip


@dataclass(frozen=True)
class Target:
    """Where and how a site is published.

    Attributes
    ----------
    remote, branch
        Names in the repository that the site's folder is in.
    domain
        A domain of the site's own (CNAME). One that the branch has is kept.
    squash
        Whether the branch holds the last state only, which keeps a repository small.
    """

    remote: str = "origin"
    branch: str = "gh-pages"
    domain: str | None = None
    squash: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    Attributes
    ----------
    pushed
        False if the branch held these files already, and for a rehearsal.
    address
        Where the site appears; None where the host decides.
    """

    pushed: bool
    address: str | None


def look_over(folder: Path, inform: Callable[[str], None], use_browser: bool = True) -> Inspection:
    """Inspect a site, report, and refuse one with problems.

    Parameters
    ----------
    folder
        The site.
    inform
        Takes the lines of the report.
    use_browser
        Whether to load the site in a browser, where there is one.

    Raises
    ------
    AtlasError
        With all problems of the site.
    """
    inspection = inspect(folder, use_browser)
    for line in inspection.lines():
        inform(line)
    raise_all([AtlasError(f"{folder}: {problem}") for problem in inspection.problems])
    return inspection


def publish(
    inspection: Inspection,
    target: Target,
    inform: Callable[[str], None],
    rehearse: bool = False,
    force: bool = False,
) -> Outcome:
    """Publish a site.

    Parameters
    ----------
    inspection
        A site without problems.
    target
        Where to.
    inform
        Takes what has been done, line by line.
    rehearse
        Whether to do everything but the commit and the push.
    force
        Whether to publish over what others have put on the branch.

    Raises
    ------
    AtlasError
        With what git or the host objects to. Nothing has been changed then.
    """
    folder = inspection.folder
    repository = Repository.around(folder.absolute().parent, target.remote, target.branch)
    tip = repository.fetch()
    if not force:
        _refuse_others(repository, tip)
    kept = (repository.read("CNAME") or "").strip() if tip else ""
    domain = target.domain or kept or None
    address = address_of(repository.url, domain)
    where = f"{target.remote}/{target.branch} ({repository.url})"
    if rehearse:
        inform(f"Would publish to {where}{', a new branch' if tip is None else ''}")
        _tell_address(address, inform, "would appear")
        return Outcome(False, address)
    pushed = _push(repository, inspection, domain, target.squash, force)
    inform(f"Published to {where}" if pushed else f"{where} has these files already")
    _tell_address(address, inform, "appears")
    if pushed and tip is None and address is not None:
        choose = f'"Deploy from a branch", {target.branch}, / (root)'
        inform(f"The first time, choose it on GitHub: Settings, Pages, {choose}")
    return Outcome(pushed, address)


def _push(
    repository: Repository, inspection: Inspection, domain: str | None, squash: bool, force: bool
) -> bool:
    message = f"{inspection.title}\n\nBuild {inspection.build}"
    with repository.commit(inspection.folder, message, domain, squash) as differs:
        if differs:
            repository.push(force=squash or force)
    return differs


def _refuse_others(repository: Repository, tip: Tip | None) -> None:
    branch = f"{repository.remote}/{repository.branch}"
    over = "publish.branch names another branch, --force publishes over it"
    if tip is not None and not tip.ours:
        last = f'its last commit is "{tip.subject}" by {tip.author}, {tip.date}'
        raise AtlasError(f"{branch}: somebody else has changed it ({last}); {over}")
    ahead = repository.ahead()
    if ahead:
        commits = "a commit" if ahead == 1 else f"{ahead} commits"
        advice = "push or remove the branch"
        raise AtlasError(
            f"{repository.root}: branch {repository.branch} has {commits} that {branch} lacks; "
            f"{advice}, or publish over it with --force"
        )


def _tell_address(address: str | None, inform: Callable[[str], None], verb: str) -> None:
    if address is not None:
        inform(f"It {verb} at {address} a minute or two after the push")
    else:
        inform(f"It {verb} where the remote's host serves this branch")
