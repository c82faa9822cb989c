"""Group flow: ribbons as wide as the store's numbers; by pointer, key, finger and link."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.atlas import Atlas
from pipeline.figures import group_flow
from pipeline.grammar import CLASSES, Attribution, Removal
from pipeline.views import groups
from pipeline.website.generate import generate
from tests import synthetic
from tests.browser.chromium import PHONE
from tests.browser.conftest import Open, ready
from tests.browser.written import signed

ID = "group-flow"
LOWER, UPPER = synthetic.LAYERS[0].name, synthetic.LAYERS[1].name
NODES = f"#{ID} [data-node^='{{}}.']"


@dataclass
class Ribbon:
    """A drawn ribbon: its ends, its vertical width in pixels, whether it is for the class."""

    start: str
    end: str
    width: float
    positive: bool


def ribbons(page: Page) -> list[Ribbon]:
    # The path's one vertical line is as long as the ribbon is wide.
    found = page.eval_on_selector_all(
        f"#{ID} .flow path",
        "paths => paths.map(p => [p.dataset.from, p.dataset.to, "
        "+/v([\\d.e+-]+)/.exec(p.getAttribute('d'))[1], p.classList.contains('for')])",
    )
    return [Ribbon(*each) for each in found]


def numbers(
    atlas: Atlas,
    photograph: int = 0,
    n: int = 6,
    m: int = 6,
    aligned: bool = True,
    kind: type[Attribution | Removal] = Attribution,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares [n + 1, m + 1], attribution of the upper parts [m + 1, 5] and of the lower ones.

    Or what is lost without parts.
    """
    upper = groups.substrate(UPPER, m)
    lower = groups.substrate(LOWER, n, (UPPER, m) if aligned else None)
    with atlas.open(atlas.photographs[photograph]) as file:
        named = np.argsort(-file.values("logits"), kind="stable")[:5]
        shares = group_flow.shares(file, kind(lower, upper))
        of_parts = []
        for cut in (upper, lower):
            content = kind(cut, CLASSES)
            residual = file.values(content.residual_of_source)
            of_parts.append(np.vstack([file.values(content.path), residual])[:, named])
    return shares, of_parts[0], of_parts[1]


def scales(page: Page) -> list[float]:
    """Pixels per logit: between the layers, and to the classes."""
    found = page.evaluate(f"document.getElementById('{ID}').flowing.scales()")
    return [found["between"], found["toClasses"]]


@pytest.mark.parametrize(
    ("state", "n", "m", "aligned"),
    [
        ("", 6, 6, True),
        ("lower:3,upper:6", 3, 6, True),
        ("upper:3,factors:independent", 6, 3, False),
    ],
)
def test_widths_are_the_stores_numbers_and_add_up(
    open_page: Open, atlas: Atlas, state: str, n: int, m: int, aligned: bool
) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    shares, attribution, _ = numbers(atlas, 0, n, m, aligned)
    left, right = scales(page)
    found = {(each.start, each.end): each for each in ribbons(page)}
    assert len(found) == (n + 1) * (m + 1) + m + 1
    for g in range(m + 1):
        out = found[f"1.{g}", "2.0"]
        assert out.width == pytest.approx(max(0.75, abs(attribution[g, 0]) * right), rel=1e-3)
        assert out.positive == (attribution[g, 0] > 0)
        for i in range(n + 1):
            each, value = found[f"0.{i}", f"1.{g}"], shares[i, g] * attribution[g, 0]
            assert each.width == pytest.approx(max(0.75, abs(value) * left), rel=1e-3)
            assert each.positive == (value > 0)


def test_ribbons_may_show_what_is_lost_without_parts(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=group:lower.2")
    ready(page, ID)
    page.locator(f"#{ID} .bars-choice label").nth(1).click()
    shares, upper, lower = numbers(atlas, kind=Removal)
    left, _ = scales(page)
    found = {(each.start, each.end): each for each in ribbons(page)}
    assert len(found) == 7 + 7 * 5
    for g in range(7):
        value = shares[1, g] * upper[g, 0]
        assert found["0.1", f"1.{g}"].width == pytest.approx(max(0.75, abs(value) * left), rel=1e-3)
    # Under the parts, and of each class, what was measured: not the sum of what is drawn.
    for column, values in ((0, lower), (1, upper)):
        texts = page.locator(f"{NODES.format(column)} .value").all_inner_texts()
        assert texts == [signed(float(value)) for value in values[:, 0]]
    texts = page.locator(f"{NODES.format(2)} .quiet").all_inner_texts()
    assert [text.split(" of ")[0] for text in texts] == [signed(float(value)) for value in lower[1]]
    expect(page.locator(f"#{ID} .legend")).to_contain_text("does not add up")


def test_sums_are_the_logit_less_what_is_left_without_the_layer(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    sums = page.locator(f"#{ID} .sums").inner_text()
    _, upper, lower = numbers(atlas)
    with atlas.open(atlas.photographs[0]) as file:
        top = int(file.values("logits").argmax())
        for layer, shares in ((LOWER, lower), (UPPER, upper)):
            around = float(file.values(f"baseline/{layer}")[top])
            logit = float(file.values("logits")[top])
            change = f"the logit {signed(logit)} less {signed(around)} with the layer at zero"
            assert f"together {signed(float(shares[:, 0].sum()))}: {change}." in sums


def test_negative_ribbons_differ_by_texture(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    fills = page.eval_on_selector_all(
        f"#{ID} .flow path.against", "paths => paths.map(p => getComputedStyle(p).fill)"
    )
    assert fills
    assert all(f"{ID}-against" in fill for fill in fills)
    assert page.locator(f"#{ID} pattern .line").count() == 1


def test_the_first_class_is_the_most_probable_one_and_another_can_be_chosen(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page()
    ready(page, ID)
    classes = page.locator(NODES.format(2))
    with atlas.open(atlas.photographs[0]) as file:
        logits = file.values("logits")
    best = np.argsort(-logits, kind="stable")
    assert classes.locator("bdi").first.text_content() == atlas.network.classes[best[0]]
    assert classes.first.get_attribute("aria-pressed") == "true"
    classes.nth(2).click()
    assert f"class:{best[2]}" in page.evaluate("location.hash")
    assert {each.end for each in ribbons(page) if each.start.startswith("1.")} == {"2.2"}
    _, attribution, lower = numbers(atlas)
    texts = [node.locator(".value").inner_text() for node in page.locator(NODES.format(1)).all()]
    assert texts == [signed(float(value)) for value in attribution[:, 2]]
    texts = [node.locator(".value").inner_text() for node in page.locator(NODES.format(0)).all()]
    assert texts == [signed(float(value)) for value in lower[:, 2]]


def test_pointing_at_a_group_shows_where_it_is_and_its_ribbons(
    open_page: Open, atlas: Atlas
) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, ID)
    page.locator(f"#{ID} [data-node='0.3']").hover()
    lit = page.eval_on_selector_all(f"#{ID} path.lit", "paths => paths.map(p => p.dataset.from)")
    assert lit == ["0.3"] * 7
    with atlas.open(atlas.photographs[0]) as file:
        shown = groups.read(file, groups.substrate(LOWER, 6, (UPPER, 6)))
    share = shown.presence[3] / max(shown.presence.max(), shown.residual.max())
    pixels = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    opacity = page.locator(f"#{ID} .map").evaluate(
        f"canvas => [...{pixels}].filter((_, i) => i % 4 === 3)"
    )
    assert np.abs(np.array(opacity).reshape(share.shape) / 255 - 0.82 * (1 - share)).max() < 0.01
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("group 4 of early")
    page.mouse.move(2, 2)
    expect(page.locator(f"#{ID} .map-scale")).to_be_hidden()
    assert page.locator(f"#{ID} path.lit").count() == 0


def test_a_group_in_the_middle_is_followed_to_all_classes(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} [data-node='1.2']").click()
    assert "group:upper.3" in page.evaluate("location.hash")
    shares, attribution, _ = numbers(atlas)
    found, (left, right) = ribbons(page), scales(page)
    assert len(found) == 7 + 5
    for each in found:
        a, b = int(each.start[2:]), int(each.end[2:])
        value, scale = (
            (attribution[2, b], right)
            if each.start == "1.2"
            else (shares[a, 2] * attribution[2, 0], left)
        )
        assert each.width == pytest.approx(max(0.75, abs(value) * scale), rel=1e-3)
        assert each.positive == (value > 0)
    texts = page.locator(f"{NODES.format(2)} .quiet").all_inner_texts()
    assert [text.split(" of ")[0] for text in texts] == [
        signed(float(value)) for value in attribution[2]
    ]


def test_a_group_on_the_left_is_followed_through_the_middle(open_page: Open, atlas: Atlas) -> None:
    page = open_page(f"#{ID}=group:lower.5")
    ready(page, ID)
    shares, attribution, _ = numbers(atlas)
    parts = shares[4][:, None] * attribution
    texts = page.locator(f"{NODES.format(2)} .quiet").all_inner_texts()
    assert [text.split(" of ")[0] for text in texts] == [
        signed(float(value)) for value in parts.sum(axis=0)
    ]
    left, _ = scales(page)
    for each in ribbons(page):
        if each.start.startswith("1."):
            assert each.width == pytest.approx(
                max(0.75, abs(parts[int(each.start[2:]), int(each.end[2:])]) * left), rel=1e-3
            )


def test_the_keyboard_walks_follows_and_lets_go(open_page: Open) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} [data-node='0.0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("group 2 of early")
    page.keyboard.press("Enter")
    assert "group:lower.2" in page.evaluate("location.hash")
    assert page.evaluate("document.activeElement.dataset.node") == "0.1"
    page.keyboard.press("Escape")
    assert "group:" not in page.evaluate("location.hash")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.locator(f"{NODES.format(2)}[aria-pressed=true]").get_attribute("data-node") == "2.4"
    assert page.eval_on_selector_all(f"#{ID} .flow [tabindex='0']", "all => all.length") == 1


def test_a_finger_follows_a_group(open_page: Open) -> None:
    page = open_page(**PHONE)
    ready(page, ID)
    page.locator(f"#{ID} [data-node='1.1']").tap()
    expect(page.locator(f"#{ID} .view-caption")).to_contain_text("group 2 of middle")
    expect(page.locator(f"#{ID} [data-node='1.1']")).to_have_attribute("aria-pressed", "true")


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page("#image=third")
    ready(page, ID)
    page.locator(f"#{ID} .lower-count input").fill("0")
    page.locator(f"#{ID} .check input").uncheck()
    page.locator(NODES.format(2)).nth(1).click()
    page.locator(f"#{ID} [data-node='1.4']").click()
    page.mouse.move(2, 2)
    other = open_page(page.evaluate("location.hash"))
    ready(other, ID)
    assert ribbons(other) == ribbons(page)
    assert not other.locator(f"#{ID} .check input").is_checked()
    page.go_back()
    expect(page.locator(f"#{ID} .node .icon")).to_have_count(9)
    assert page.locator(f"#{ID} [data-node='1.4']").get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize(
    "state",
    ["lower:4,upper:99,class:none,group:upper.99", "group:lower.0,factors:,class:-1", "group:7"],
)
def test_a_senseless_address_shows_what_is_shown_first(open_page: Open, state: str) -> None:
    page = open_page(f"#{ID}={state}")
    ready(page, ID)
    assert len(ribbons(page)) == 7 * 7 + 7
    assert page.locator(f"{NODES.format(2)}[aria-pressed=true]").get_attribute("data-node") == "2.0"


@pytest.mark.parametrize("width", [360, 2560])
def test_parts_do_not_overlap(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    ready(page, ID)
    boxes = [node.bounding_box() for node in page.locator(f"#{ID} .node").all()]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a
            assert b
            assert (
                a["x"] + a["width"] <= b["x"] + 0.5
                or b["x"] + b["width"] <= a["x"] + 0.5
                or a["y"] + a["height"] <= b["y"] + 0.5
            )


def test_the_table_holds_the_stores_numbers(open_page: Open, atlas: Atlas) -> None:
    page = open_page()
    ready(page, ID)
    page.locator(f"#{ID} summary").click()
    shares, attribution, lower = numbers(atlas)
    rows = [row.locator("td").all_inner_texts() for row in page.locator(f"#{ID} tbody tr").all()]
    losses, upper_lost, lower_lost = numbers(atlas, kind=Removal)
    for start, values in ((0, [*lower, *attribution]), (1, [*lower_lost, *upper_lost])):
        written = [[signed(float(value)) for value in row] for row in values]
        assert [row[start:10:2] for row in rows] == written
    for start, found in ((10, shares), (11, losses)):
        texts = [text.split()[0].replace("−", "-") for text in rows[2][start::2]]
        assert list(map(float, texts)) == pytest.approx(100 * found[2], abs=0.051)


def test_with_one_layer_ribbons_lead_to_the_classes_only(open_page: Open, tmp_path: Path) -> None:
    atlas = synthetic.make(
        tmp_path / "store", photographs=synthetic.PHOTOGRAPHS[:1], layers=synthetic.LAYERS[1:2]
    )
    generate(atlas, tmp_path / "site")
    page = open_page(folder=tmp_path / "site")
    ready(page, ID)
    assert len(ribbons(page)) == 7
    expect(page.locator(f"#{ID} .lower-count")).to_be_hidden()
    page.locator(f"#{ID} [data-node='0.1']").click()
    assert len(ribbons(page)) == 5
