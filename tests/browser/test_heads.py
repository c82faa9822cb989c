"""Networks whose classes do not exclude each other, or that have one output: what the page says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.atlas import Atlas
from pipeline.figures import switchboard
from pipeline.grammar import Coalitions
from pipeline.website.generate import generate
from tests import synthetic
from tests.browser.conftest import Open, ready

SINGLE = synthetic.PHOTOGRAPHS[:1]


def with_probabilities(tmp_path: Path, kind: str) -> Atlas:
    atlas = synthetic.make(tmp_path / "store", photographs=SINGLE)
    atlas = replace(atlas, network=replace(atlas.network, probabilities=kind))
    generate(atlas, tmp_path / "site")
    return atlas


def percent(logit: float) -> str:
    return f"{100 / (1 + np.exp(-logit)):.1f} %"


def test_every_class_has_a_probability_of_its_own(open_page: Open, tmp_path: Path) -> None:
    atlas = with_probabilities(tmp_path, "sigmoid")
    page = open_page(folder=tmp_path / "site")
    ready(page, "predictions")
    with atlas.open(atlas.photographs[0]) as file:
        logits = file.values("logits").astype(float)
        cut = switchboard.first_groups(atlas)
        subsets = file.values(Coalitions(cut).path).astype(float)
    best = np.argsort(-logits)[:5]
    rows = page.locator("#predictions .class-bars li")
    values = page.locator("#predictions .class-bars .value:not(.quiet)").all_inner_texts()
    assert rows.count() == 5  # all others together have no probability
    assert values == [percent(logits[k]) for k in best]

    page.locator("#switchboard").scroll_into_view_if_needed()
    ready(page, "switchboard")
    page.locator("#switchboard .switch").first.click()
    values = page.locator("#switchboard .class-bars .value:not(.quiet)").all_inner_texts()
    without = subsets[len(subsets) - 2]
    assert values[:5] == [percent(without[k]) for k in best]
    winner = f"{atlas.network.classes[int(without.argmax())]}, {percent(without.max())}."
    assert page.locator("#switchboard .verdict").inner_text().endswith(winner)

    text = page.content()
    assert text.count("so their probabilities do not add up to 1") == 2
    assert "softmax" not in text


@pytest.mark.parametrize("kind", ["one output", "softmax"])
def test_the_fine_print_says_how_probabilities_are_made(
    open_page: Open, tmp_path: Path, kind: str
) -> None:
    with_probabilities(tmp_path, kind)
    page = open_page(folder=tmp_path / "site")
    ready(page, "predictions")
    said = " ".join(page.locator("p.fine", has_text="Probability:").first.inner_text().split())
    first, second = synthetic.CLASSES_NAMES[:2]
    if kind == "softmax":
        assert said.startswith("Probability: softmax over the logits of all")
    else:
        assert said.startswith("Probability: the sigmoid of the network’s one output z; the logit")
        assert f"of {second} is half of z, that of {first} the same with the other sign" in said
