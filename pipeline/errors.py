"""The one kind of error that a user is meant to read.

An `AtlasError` tells what is wrong, where (file, key, layer), and what to do next. The command line
prints its text and exits with 1; anything else that escapes is a bug. `Problems` gathers several of
them so that all are reported together.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class AtlasError(Exception):
    """A mistake or a condition outside the program, in words for the user."""


class Problems(AtlasError):
    """Several errors reported at once, in the order in which they were found."""

    def __init__(self, problems: Sequence[AtlasError]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def raise_all(problems: Sequence[AtlasError]) -> None:
    """Raise what was found: nothing, the one error itself, or all of them as one."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "…"?` for the nearest known word, or nothing when none is near."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{nearest[0]}"?' if nearest else ""
