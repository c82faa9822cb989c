"""What the section "How far to believe this atlas" makes of a store with mistakes in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.store import PHOTOGRAPHS as KIND
from pipeline.store import VISUALIZATIONS, Computed, File, held, join, write
from pipeline.units import Unit
from tests.end_to_end.conftest import Workplace, furnish

MORE = """channels = "all"

[site]
figures = ["predictions", "trust"]

[trust]
photographs = 2
channels = 8
draws = 32
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """An atlas with little else than what is tried out."""
    made = furnish(tmp_path_factory.mktemp("original"))
    made.write(more=MORE)
    made.build()
    return made


@pytest.fixture
def work(original: Workplace, tmp_path: Path) -> Workplace:
    """A copy of it, to make mistakes in."""
    shutil.copytree(original.folder, tmp_path, dirs_exist_ok=True)
    return Workplace(tmp_path)


def verdicts(work: Workplace, measure: str) -> dict[str, str]:
    """Layer → what the page says of it."""
    part = section(work, measure)
    rows = re.findall(r"<bdi>(\w+)</bdi></th>.*?trust-verdict (\w+)", part, re.DOTALL)
    return {layer: verdict for layer, verdict in rows if verdict}


def section(work: Workplace, measure: str) -> str:
    page = (work.site / "index.html").read_text()
    found = re.search(rf'<section [^>]*id="trust-{measure}".*?</section>', page, re.DOTALL)
    assert found
    return found.group()


def failing(work: Workplace, measure: str) -> list[str]:
    """What is named as failing."""
    listed = re.search(r'<ul class="trust-failing".*?</ul>', section(work, measure), re.DOTALL)
    return re.findall(r"<bdi>([^<]*)</bdi></span>", listed.group()) if listed else []


Changes = Callable[[np.ndarray], np.ndarray]


def plant(work: Workplace, photograph: str, content: str, name: str, change: Changes) -> None:
    """Change a dataset of a content; fingerprints say that nothing has changed."""
    path = work.store / "images" / f"{photograph}.h5"
    gap = content.replace("attribution/", "gap/")
    with File(path) as file:
        whole = file.fingerprint
        names = [
            each
            for each in file.names()
            if each in (content, gap) or each.startswith(f"{content}/")
        ]
        arrays = {each: file.array(each) for each in names}
    changed = replace(arrays[name], values=change(arrays[name].values))
    fingerprint = held(path, KIND, whole)[content]
    join(path, KIND, whole, {content: Computed(fingerprint, {**arrays, name: changed})})


def try_again(work: Workplace) -> None:
    """Build, with everything to be tried out once more and nothing else to compute."""
    shutil.rmtree(work.store / "trust")
    counts = work.build()
    assert {name for name, (computed, _) in counts.items() if computed} == {"trust", "site"}


def test_what_is_right_is_not_marked(work: Workplace) -> None:
    assert verdicts(work, "shapley") == {"early": "holds", "late": "holds"}
    assert verdicts(work, "complete") == {"early": "holds", "late": "holds"}
    assert verdicts(work, "reproduced") == {"early": "holds", "late": "holds"}
    assert not failing(work, "reproduced")
    assert work.build()["trust"] == (0, 4)


def test_pictures_of_groups_are_those_of_the_photographs_that_are_tried_out(
    work: Workplace,
) -> None:
    fewer = MORE.replace('"trust"]', '"neuron_groups", "trust"]')
    work.write(more=fewer.replace("photographs = 2", "photographs = 1"))
    work.build()
    shown = {}
    for name in ("first", "second"):
        with File(work.store / "images" / f"{name}.h5") as file:
            vectors = file.values("group/late/6/channels").astype(np.float32)
        shown[name] = {str(Unit.direction(vector)) for vector in vectors}
    with File(work.store / "trust" / "pictures" / "late.h5") as file:
        tried = set(file.values("units").tolist())
    assert shown["first"] <= tried
    assert not shown["second"] & tried
    assert any(unit.startswith("channel:") for unit in tried)


def test_shares_with_flipped_signs_are_marked(work: Workplace) -> None:
    content = "attribution/late.channel/output.neuron"
    for photograph in ("first", "second"):
        plant(work, photograph, content, content, np.negative)
    try_again(work)
    assert verdicts(work, "shapley") == {"late": "weak", "early": "holds"}
    assert verdicts(work, "complete") == {"late": "weak", "early": "holds"}


def test_a_group_map_of_another_photograph_is_marked(work: Workplace) -> None:
    with File(work.store / "images" / "second.h5") as file:
        other = file.values("group/late/6/spatial")

    def swapped(spatial: np.ndarray) -> np.ndarray:
        return np.stack([*spatial[:2], other[5], *spatial[3:]])

    plant(work, "first", "group/late/6", "group/late/6/spatial", swapped)
    try_again(work)
    assert verdicts(work, "reproduced") == {"late": "weak", "early": "holds"}
    assert failing(work, "reproduced") == ["what 6 groups explain, first"]
    assert "group 3 of 6, first" in failing(work, "groups")


def test_a_picture_of_another_channel_is_marked(work: Workplace) -> None:
    path = max((work.store / "visualizations" / "late").glob("*.h5"), key=_channels)
    with File(path) as file:
        fingerprint, arrays = file.fingerprint, {each: file.array(each) for each in file.names()}
    units = arrays["units"].values.tolist()
    first, second = [row for row, unit in enumerate(units) if unit.startswith("channel")][:2]
    pictures = arrays["pictures"].values.copy()
    pictures[first] = pictures[second]
    arrays["pictures"] = replace(arrays["pictures"], values=pictures)
    write(path, VISUALIZATIONS, fingerprint, arrays)
    try_again(work)
    channel = units[first].partition(":")[2]
    assert verdicts(work, "reproduced") == {"late": "weak", "early": "holds"}
    assert failing(work, "reproduced") == [f"channel {channel}: does not do what was stored"]


def _channels(path: Path) -> int:
    with File(path) as file:
        return sum(unit.startswith("channel") for unit in file.values("units"))


def test_nothing_is_tried_out_where_nobody_asks_for_it(work: Workplace) -> None:
    shutil.rmtree(work.store / "trust")
    work.edit("photographs = 2", "photographs = 0")
    assert "trust" not in work.build()
    assert not (work.store / "trust").exists()
    assert "Nothing of this atlas has been tried out" in (work.site / "index.html").read_text()
