"""Jobs taken apart for several processes, and their results put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future

import pytest

from pipeline.parts import run_in_parts

Word = list[str]


def divide(word: Word) -> list[Word]:
    return [[letter] for letter in word]


def merge(parts: Sequence[str]) -> str:
    return "".join(parts)


def future(word: Word) -> Future[str]:
    found: Future[str] = Future()
    if word == ["!"]:
        found.set_exception(ValueError("a bad letter"))
    else:
        found.set_result("".join(word).upper())
    return found


def out_of_order(jobs: Iterable[Word]) -> Iterator[tuple[Word, Future[str]]]:
    """End the jobs as processes may: three under way, the last of them first."""
    waiting: list[Word] = []
    for job in jobs:
        waiting.append(job)
        if len(waiting) == 3:
            yield (last := waiting.pop()), future(last)
    while waiting:
        yield (last := waiting.pop()), future(last)


def test_parts_are_put_together_in_their_order_whichever_ends_first() -> None:
    words = [["c", "a", "t"], ["o", "x"], ["e", "l", "k"]]
    ended = list(run_in_parts(out_of_order, divide, merge, iter(words)))
    assert sorted(each.result() for _, each in ended) == ["CAT", "ELK", "OX"]
    assert {id(job) for job, _ in ended} == {id(word) for word in words}


def test_a_part_that_fails_fails_its_job_and_no_other() -> None:
    words = [["c", "!", "t"], ["o", "x"]]
    ended = {"".join(job): each for job, each in run_in_parts(out_of_order, divide, merge, words)}
    assert ended["ox"].result() == "OX"
    with pytest.raises(ValueError, match="a bad letter"):
        ended["c!t"].result()


def test_jobs_are_taken_apart_when_there_is_room_for_them() -> None:
    taken: list[Word] = []

    def words() -> Iterator[Word]:
        for word in (["a"], ["b"], ["c"], ["d"], ["e"]):
            taken.append(word)
            yield word

    running = run_in_parts(out_of_order, divide, merge, words())
    next(running)
    assert len(taken) == 3
