"""What a build would compute, why, and how long it would take; nothing is computed for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.atlas import Atlas
from pipeline.phases.phase import Phase
from pipeline.phases.photographs import missing_contents
from pipeline.progress import duration_text
from pipeline.store import VISUALIZATIONS
from pipeline.survey import Survey
from pipeline.upkeep import ledger

LONGEST = 40  # characters of a value
MANY = 10  # changes that are listed


def forecast(survey: Survey, atlas: Atlas, phases: Sequence[Phase[Any, Any, Any]]) -> Iterator[str]:
    """Yield lines: the inputs that changed, and of each phase what it would compute."""
    known = ledger.read(survey.store.root)
    lines = list(changes(known.inputs, ledger.inputs_of(survey))) if known.inputs else []
    if lines:
        yield "Changed since the last build:"
        yield from (f"  {line}" for line in lines[:MANY])
        if len(lines) > MANY:
            yield f"  … and {len(lines) - MANY} more"
    lacking = {photograph.name for photograph, _ in missing_contents(survey)}
    there = replace(
        atlas, photographs=tuple(each for each in atlas.photographs if each.name not in lacking)
    )
    total, unknown = 0.0, False
    for phase in phases:
        count, line = _of_phase(phase, survey, there, bool(lacking), known.seconds)
        total += count * known.seconds.get(phase.name, 0.0)
        unknown |= bool(count) and phase.name not in known.seconds
        if line:
            yield line
    if total or unknown:
        least = "more than " if lacking or unknown else "about "
        yield f"This would take {least}{duration_text(total)}." if total else NOTHING_TO_GO_BY
    else:
        yield "Nothing would be computed."


NOTHING_TO_GO_BY = "How long this would take is not known: nothing like it was computed before."


def _of_phase(
    phase: Phase[Any, Any, Any],
    survey: Survey,
    atlas: Atlas,
    lacking: bool,
    seconds: Mapping[str, float],
) -> tuple[int, str]:
    """How many things a phase would compute, and a line about it."""
    found = phase.inventory(survey, atlas)
    count = len(found.missing)
    # Which pictures are needed follows from what is computed of the photographs.
    least = "at least " if lacking and phase.kind == VISUALIZATIONS else ""
    if not (count or found.kept or least):
        return 0, ""
    took = duration_text(count * seconds[phase.name]) if count and phase.name in seconds else ""
    about = f", about {took}" if took else ""
    damaged = f", {len(found.damaged)} of them damaged" if found.damaged else ""
    return count, f"{phase.name}: {least}{count} to compute{damaged}{about}; {found.kept} kept"


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for every input that is not as it was, without fingerprints."""
    new = json.loads(json.dumps(new))
    for name in [*new, *(each for each in old if each not in new)]:
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        if name == "weights" or name.startswith("photograph "):
            yield f"{name}: {_how(name in old, name in new)}"
        else:
            yield f"{name}: {_short(before)} → {_short(now)}"


def _how(before: bool, now: bool) -> str:
    return "changed" if before and now else "new" if now else "no longer there"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
