"""Looking after a store, as far as it needs no network: the ledger, and what has changed since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import AtlasError
from pipeline.progress import PhaseReport
from pipeline.store import Room, note_written, write
from pipeline.upkeep import failed_before, keep_account, nothing_to_do
from pipeline.upkeep.forecast import changes
from pipeline.upkeep.ledger import Ledger, inputs_of, read
from tests.unit.surveys import photograph, survey


def test_what_changed_is_named(tmp_path: Path) -> None:
    shown = [photograph(tmp_path, "x", 1), photograph(tmp_path, "y", 2)]
    before = inputs_of(survey(tmp_path, photographs=shown))
    assert list(changes(json.loads(json.dumps(before)), before)) == []
    again = [photograph(tmp_path, "y", 3), photograph(tmp_path, "z", 4)]
    after = inputs_of(
        survey(tmp_path, photographs=again, features={"steps": 7}, attribution={"seed": 1})
    )
    assert sorted(changes(before, after)) == [
        "attribution.seed: 0 → 1",
        "features.steps: null → 7",
        "photograph x: no longer there",
        "photograph y: changed",
        "photograph z: new",
    ]


def test_the_ledger_keeps_what_a_build_learned(tmp_path: Path) -> None:
    found = survey(tmp_path, photographs=[photograph(tmp_path, "x", 1)])
    found.store.root.mkdir(parents=True)
    keep_account(found, [PhaseReport("one", "things", computed=4, seconds=2.0)], "key")
    second = [PhaseReport("one", "things", reused=4), PhaseReport("two", "more", 2, 0, 8.0)]
    keep_account(found, second, "key")
    ledger = read(found.store.root)
    assert ledger.seconds == {"one": 0.5, "two": 4.0}
    assert ledger.held == {"one": ("things", 4), "two": ("more", 2)}
    assert ledger.inputs == json.loads(json.dumps(inputs_of(found)))


def test_a_ledger_that_says_the_same_is_left_as_it_is(tmp_path: Path) -> None:
    found = survey(tmp_path, photographs=[photograph(tmp_path, "x", 1)])
    found.store.root.mkdir(parents=True)
    keep_account(found, [PhaseReport("one", "things", reused=3)], "key")
    before = (found.store.root / "build.json").stat().st_ino
    keep_account(found, [PhaseReport("one", "things", reused=3)], "key")
    assert (found.store.root / "build.json").stat().st_ino == before


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"inputs": 1}', '{"inputs": {}}', "\xff"])
def test_a_ledger_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "build.json").write_bytes(text.encode("latin-1"))
    assert read(tmp_path) == Ledger()


def test_photographs_that_failed_are_remembered_while_they_stay(tmp_path: Path) -> None:
    shown = [photograph(tmp_path, "x", 1), photograph(tmp_path, "y", 2)]
    found = survey(tmp_path, photographs=shown)
    found.store.root.mkdir(parents=True)
    found.failed = [shown[1]]
    keep_account(found, [], "")
    assert failed_before(survey(tmp_path, photographs=shown)) == ["y"]
    changed = [shown[0], photograph(tmp_path, "y", 3)]
    assert failed_before(survey(tmp_path, photographs=changed)) == []


def test_a_complete_build_is_recognised_until_anything_differs(tmp_path: Path) -> None:
    found = survey(tmp_path, photographs=[photograph(tmp_path, "x", 1)])
    path = found.store.photograph_path("x")
    write(path, "image", "f", {})
    assert nothing_to_do(found.store, "") is None
    keep_account(found, [PhaseReport("one", "things", reused=3)], "key")
    assert nothing_to_do(found.store, "key") == {"one": ("things", 3)}
    assert nothing_to_do(found.store, "another") is None
    write(found.store.photograph_path("y"), "image", "f", {})
    assert nothing_to_do(found.store, "key") is None
    found.store.photograph_path("y").unlink()
    assert nothing_to_do(found.store, "key") is not None
    write(path, "image", "f", {})
    assert nothing_to_do(found.store, "key") is None
    path.unlink()
    assert nothing_to_do(found.store, "key") is None
    keep_account(found, [PhaseReport("one", "things", reused=3)], "")
    assert nothing_to_do(found.store, "") is None


# -------------------------------------------------------------------------------- room on the disk
def test_what_will_not_fit_is_known_after_the_first(tmp_path: Path) -> None:
    fits = Room(tmp_path, "photographs", 1000)
    note_written(1000)
    fits.check(1)
    larger = Room(tmp_path, "photographs", 1_000_000)
    note_written(10**15)
    message = r"999999 photographs are left, about \d+ bytes; \d+ are free; free some space"
    with pytest.raises(AtlasError, match=message):
        larger.check(1)
    last = Room(tmp_path, "photographs", 1)
    note_written(10**15)
    last.check(1)
