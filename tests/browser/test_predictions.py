"""The photograph and its most probable classes."""

from __future__ import annotations

import numpy as np

from pipeline.atlas import Atlas
from tests.browser.conftest import Open, ready

# The width of an element as a share of its parent's.
SHARE = """element => {
    const width = (each) => each.getBoundingClientRect().width;
    return width(element) / width(element.parentElement);
}"""


def test_numbers_equal_those_of_the_store(open_page: Open, atlas: Atlas) -> None:
    page = open_page("#image=third")
    ready(page, "predictions")
    with atlas.open(atlas.photographs[2]) as file:
        logits = file.values("logits").astype(float)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    best = np.argsort(-logits)[:5]
    rows = page.locator("#predictions .class-bars li")
    assert rows.count() == 6
    for row, k in zip(rows.all(), best, strict=False):
        name, percent, logit = row.locator("span.class-name, .value").all()
        assert name.inner_text() == atlas.network.classes[k]
        assert percent.inner_text() == f"{100 * probabilities[k]:.1f} %"
        assert logit.inner_text() == f"logit {logits[k]:.2f}".replace("-", "−")
        width = row.locator(".fill").evaluate(SHARE)
        assert abs(width - probabilities[k]) < 0.02
    others = len(atlas.network.classes) - 5
    assert rows.last.locator(".class-name").inner_text() == f"all {others} others"


def test_the_true_class_stands_under_the_photograph(open_page: Open, atlas: Atlas) -> None:
    page = open_page("#image=third")
    ready(page, "predictions")
    photograph = atlas.photographs[2]
    assert photograph.label is not None
    with atlas.open(photograph) as file:
        logits = file.values("logits").astype(float)
    rank = 1 + int((logits > logits[photograph.label]).sum())
    said = page.locator("#predictions .photograph-title").inner_text()
    name = atlas.network.classes[photograph.label]
    if rank == 1:
        assert said.endswith(f". Right: labelled {name}")
    else:
        assert f". A mistake: labelled {name}, number {rank} with " in said
    page.evaluate("location.hash = 'image=coffee'")
    # A function: an expression would be evaluated in the page again and again, which it forbids.
    title = "document.querySelector('#predictions .photograph-title')"
    page.wait_for_function(f"() => !{title}.textContent.includes('labelled')")
