"""Publishing: what reaches the branch, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import AtlasError
from pipeline.publish import Outcome, Target, look_over, publish
from pipeline.publish.address import address_of
from pipeline.publish.inspection import inspect
from tests.unit.publishing import FILES, Published, git, identify, repository, write_site

Run = Callable[..., Outcome]


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    for variable in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return repository(tmp_path)


@pytest.fixture
def run(user: Published) -> Run:
    def publish_site(target: Target | None = None, **options: bool) -> Outcome:
        inspection = look_over(user.site, lines.append, use_browser=False)
        return publish(inspection, target or Target(), lines.append, **options)

    lines: list[str] = []
    publish_site.lines = lines  # type: ignore[attr-defined]
    return publish_site


def test_a_site_reaches_the_branch_and_nothing_else_changes(user: Published, run: Run) -> None:
    before = git(user.root, "status", "--porcelain"), git(user.root, "rev-parse", "HEAD")
    assert run().pushed
    assert user.published() == {*FILES, "atlas.json"}
    assert user.commits() == ["Small"]
    assert before == (git(user.root, "status", "--porcelain"), git(user.root, "rev-parse", "HEAD"))


def test_a_site_that_is_there_already_is_not_pushed_again(user: Published, run: Run) -> None:
    run()
    assert not run().pushed
    assert user.commits() == ["Small"]


def test_what_the_site_no_longer_has_leaves_the_branch(user: Published, run: Run) -> None:
    run()
    (user.site / "data/dog/predictions.js").unlink()
    write_site(user.site, {path: text for path, text in FILES.items() if "dog/" not in path})
    assert run().pushed
    assert "data/dog/predictions.js" not in user.published()
    assert user.commits() == ["Small", "Small"]


def test_history_can_be_squashed(user: Published, run: Run) -> None:
    run()
    write_site(user.site, {**FILES, "more.txt": "more"})
    assert run(Target(squash=True)).pushed
    assert user.commits() == ["Small"]
    assert "more.txt" in user.published()


def test_a_rehearsal_changes_nothing(user: Published, run: Run) -> None:
    assert not run(rehearse=True).pushed
    assert git(user.origin, "for-each-ref") == ""
    assert "gh-pages" not in git(user.root, "branch", "--list")
    assert any("a new branch" in line for line in run.lines)  # type: ignore[attr-defined]


def test_a_domain_is_written_and_kept(user: Published, run: Run) -> None:
    assert run(Target(domain="atlas.example.org")).address == "https://atlas.example.org/"
    write_site(user.site, {**FILES, "more.txt": "more"})
    assert run().address == "https://atlas.example.org/"
    assert git(user.origin, "show", "gh-pages:CNAME") == "atlas.example.org"


def test_what_somebody_else_has_published_is_not_replaced(
    user: Published, run: Run, tmp_path: Path
) -> None:
    run()
    other = user.other(tmp_path / "other")
    (other / "index.html").write_text("Hand-made")
    git(other, "commit", "--quiet", "-am", "A page of my own")
    git(other, "push", "--quiet")
    write_site(user.site, {**FILES, "more.txt": "more"})
    with pytest.raises(AtlasError, match=r'"A page of my own" by Somebody Else.*--force'):
        run()
    assert user.commits()[0] == "A page of my own"
    assert run(force=True).pushed
    assert user.commits() == ["Small", "A page of my own", "Small"]


def test_commits_here_that_were_never_pushed_are_not_lost(user: Published, run: Run) -> None:
    git(user.root, "branch", "gh-pages")
    with pytest.raises(AtlasError, match=r"has a commit that origin/gh-pages lacks"):
        run()


def test_a_refused_push_leaves_the_branch_as_it_was(user: Published, run: Run) -> None:
    run()
    published = git(user.root, "rev-parse", "gh-pages")
    hook = user.origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    write_site(user.site, {**FILES, "more.txt": "more"})
    with pytest.raises(AtlasError, match=r"cannot write to it: the host does not allow"):
        run()
    assert git(user.root, "rev-parse", "gh-pages") == published
    hook.unlink()
    assert run().pushed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda user: git(user.root, "remote", "remove", "origin"), 'no remote "origin".*add'),
        (lambda user: git(user.root, "checkout", "-qb", "gh-pages"), "is checked out here"),
        (lambda user: git(user.root, "config", "--unset", "user.email"), "no user.email"),
        (
            lambda user: git(user.root, "remote", "set-url", "origin", str(user.root / "absent")),
            "no repository at this address",
        ),
        (lambda user: (user.root / ".git").rename(user.root / "git"), "not in a git repository"),
    ],
)
def test_a_repository_that_cannot_take_it_is_explained(
    user: Published, run: Run, change: Callable[[Published], object], message: str
) -> None:
    change(user)
    with pytest.raises(AtlasError, match=message):
        run()


def test_a_name_that_is_no_branch_is_refused(run: Run) -> None:
    with pytest.raises(AtlasError, match='"--upload-pack=x" is no name of a branch'):
        run(Target(branch="--upload-pack=x"))


def test_a_repository_in_a_new_folder_is_identified_by_the_environment(
    user: Published, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(user.root, "config", "--unset", "user.name")
    git(user.root, "config", "--unset", "user.email")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "A Workflow")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "workflow@example.org")
    assert run().pushed
    assert git(user.origin, "log", "-1", "--format=%cn", "gh-pages") == "A Workflow"
    identify(user.root, "A User")


def test_a_folder_of_somebody_elses_is_not_published(user: Published, run: Run) -> None:
    (user.site / "atlas.json").write_text("{}")
    with pytest.raises(AtlasError, match="is not a site that building-blocks made"):
        run()
    assert git(user.origin, "for-each-ref") == ""


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="there is no site"):
        inspect(tmp_path / "site")


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:Ada/atlas.git", "https://ada.github.io/atlas/"),
        ("https://github.com/ada/atlas", "https://ada.github.io/atlas/"),
        ("https://token@github.com/ada/atlas.git/", "https://ada.github.io/atlas/"),
        ("ssh://git@github.com:22/ada/Ada.github.io.git", "https://ada.github.io/"),
        ("https://example.org/github.com/ada/atlas", None),
        ("/srv/git/atlas.git", None),
    ],
)
def test_the_address_follows_from_the_remote(remote: str, address: str | None) -> None:
    assert address_of(remote) == address
