"""Jobs taken apart, and their results put together again.

One long job leaves all processes but one idle. Its parts go to several, and whoever gave the job
gets one result, once all parts have ended, or the error of the first that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
Ended = Iterator[tuple[Job, Future[Result]]]


@dataclass
class _Whole(Generic[Job, Result]):
    """A job, and what has become of its parts: number → how it ended."""

    job: Job
    count: int
    ended: dict[int, Future[Result]] = field(default_factory=dict)

    def together(self, merge: Callable[[Sequence[Result]], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        in_order = [self.ended[number] for number in range(self.count)]
        error = next((each.exception() for each in in_order if each.exception()), None)
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(merge([each.result() for each in in_order]))
        return future


def run_in_parts(
    run: Callable[[Iterable[Job]], Ended[Job, Result]],
    divide: Callable[[Job], Sequence[Job]],
    merge: Callable[[Sequence[Result]], Result],
    jobs: Iterable[Job],
) -> Ended[Job, Result]:
    """Run the parts of jobs; yield `(job, future)` when all parts of a job have ended.

    Parameters
    ----------
    run
        Runs jobs and yields each with its future, as it ends.
    divide
        Takes a job apart, into one part at least.
    merge
        Puts the results of all parts together, given in the order of the parts.
    jobs
        Taken apart one by one, when there is room for more.
    """
    wholes: dict[int, tuple[_Whole[Job, Result], int]] = {}  # by the identity of a part

    def parts() -> Iterator[Job]:
        for job in jobs:
            pieces = divide(job)
            whole = _Whole[Job, Result](job, len(pieces))
            for number, piece in enumerate(pieces):
                wholes[id(piece)] = whole, number
                yield piece

    for piece, ended in run(parts()):
        whole, number = wholes.pop(id(piece))
        whole.ended[number] = ended
        if len(whole.ended) == whole.count:
            yield whole.job, whole.together(merge)
