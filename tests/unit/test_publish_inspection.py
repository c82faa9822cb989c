"""A site looked over: sizes, missing files, links, a browser, and what to leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import AtlasError
from pipeline.publish import headless, limits, links, look_over
from pipeline.publish.inspection import inspect
from pipeline.upkeep.statement import Statement
from tests.unit.publishing import FILES, write_site

BROWSER = headless.browser()
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


def problems(folder: Path) -> str:
    return "\n".join(inspect(folder, use_browser=False).problems)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "site")


def test_a_whole_site_has_no_problems(site: Path) -> None:
    found = inspect(site, use_browser=False)
    assert found.problems == ()
    assert found.sizes["data/dog/predictions.js"] == 4
    assert found.bytes == sum(path.stat().st_size for path in site.rglob("*") if path.is_file())


def test_files_that_are_missing_or_damaged_are_named(site: Path) -> None:
    (site / "data/site.js").unlink()
    (site / "data/dog/predictions.js").write_text("12")
    assert "data/site.js is missing; build the site again" in problems(site)
    assert "data/dog/predictions.js is not as it was written" in problems(site)


def test_a_byte_that_has_changed_is_noticed(site: Path) -> None:
    (site / "data/dog/predictions.js").write_text("4321")
    assert "data/dog/predictions.js is not as it was written" in problems(site)


def test_of_many_problems_a_few_are_listed_and_the_others_counted(site: Path) -> None:
    for path in ("atlas.css", "atlas.js", "data/site.js", "photographs/dog.webp"):
        (site / path).unlink()
    found = inspect(site, use_browser=False).problems
    assert sum("is missing; build the site again" in each for each in found) == 3
    assert "and 1 more like it" in found


@pytest.mark.parametrize(
    "link",
    ["absent.html", "#nowhere", "/index.html", "../above.html", "photographs", "a%2fb.webp"],
)
def test_a_link_that_leads_nowhere_is_found(site: Path, link: str) -> None:
    page = FILES["index.html"].replace('href="#top"', f'href="{link}"')
    write_site(site, {**FILES, "index.html": page})
    assert list(links.broken(site)) == [("index.html", link)]
    assert f"index.html links to {link}" in problems(site)


def test_links_between_pages_and_to_other_sites_are_followed(site: Path) -> None:
    below = '<a href="../index.html#top">up</a><a href="https://example.org/x">out</a>'
    write_site(site, {**FILES, "channels/a.html": below})
    assert not list(links.broken(site))
    write_site(site, {**FILES, "channels/a.html": below.replace("#top", "#bottom")})
    assert list(links.broken(site)) == [("channels/a.html", "../index.html#bottom")]


def test_a_picture_that_a_style_sheet_lacks_is_found(site: Path) -> None:
    write_site(site, {**FILES, "atlas.css": "h1 { background: url('none.webp') }"})
    assert list(links.broken(site)) == [("atlas.css", "none.webp")]


def test_a_file_that_github_would_refuse_is_named(site: Path) -> None:
    with (site / "sprites" / "large.webp").open("wb") as stream:
        stream.truncate(limits.FILE + 1)
    assert "sprites/large.webp has 105 MB, and GitHub refuses" in problems(site)


def test_a_site_that_is_too_large_is_told_by_how_much_to_reduce_it(site: Path) -> None:
    for photograph in range(12):
        path = site / "data" / f"p{photograph}" / "spatial_attribution.js"
        path.parent.mkdir()
        with path.open("wb") as stream:
            stream.truncate(90_000_000)
    found = problems(site)
    assert "80.0 MB too large for GitHub Pages" in found
    # 14 photographs with 77.1 MB each: two of them are more than 80 MB
    assert "2 of 14 photographs fewer (a photograph takes 77.1 MB): [dataset] images" in found
    assert "spatial_attribution 1" in found
    with pytest.raises(AtlasError, match="too large"):
        look_over(site, lambda _line: None, use_browser=False)


def test_no_advice_is_given_below_the_limit() -> None:
    assert not list(limits.advice({"data/a/f.js": 10}, 10))


def test_the_data_of_notebooks_are_told_and_are_the_first_to_go(site: Path) -> None:
    told = list(inspect(site, use_browser=False).lines())
    assert not any("that notebooks open" in line for line in told)
    write_site(site, {**FILES, "store/images/dog.h5": "x" * 250_000})
    report = list(inspect(site, use_browser=False).lines())
    assert "  data that notebooks open: 0.2 MB, in store/" in report
    first = next(limits.advice({"store/images/dog.h5": 250_000, "data/dog/f.js": 10}, 100))
    assert first == "the data that notebooks open take 0.2 MB: [site] data = false"


def test_what_is_no_figure_is_not_offered_as_one() -> None:
    sizes = {"data/a/photograph.js": 900, "data/a/inspector.js": 800, "data/a/trust.part.js": 5}
    said = [each for each in limits.advice(sizes, 100) if "figures with most data" in each]
    assert said == ["the figures with most data are trust 0.0 MB: [site] figures chooses"]


def test_absolute_paths_in_the_statement_are_told(site: Path) -> None:
    assert not any("absolute paths" in line for line in inspect(site, use_browser=False).lines())
    weights, images = "/data/net.pt", ["photos/*.png", r"C:\jane\dog.png"]
    model, dataset = {"source": "net.py:build", "weights": weights}, {"images": images}
    stated = Statement(
        created_by="x",
        format=1,
        name="mine.toml",
        folder="..",
        configuration={"title": "/", "model": model, "dataset": dataset},
        settings={},
        figures=(),
        layers=(),
        weights="",
        files={},
        photographs={},
        left_out={},
        run=None,
    )
    write_site(site, {**FILES, "made.json": stated.model_dump_json()})
    report = inspect(site, use_browser=False)
    (said,) = (line for line in report.lines() if "absolute paths" in line)
    assert 'in "model.weights", "dataset.images"; write them as relative to the' in said
    assert not any("absolute paths" in problem for problem in report.problems)


def test_bytes_are_counted_for_the_photograph_they_belong_to() -> None:
    sizes = {
        "data/site.js": 1,
        "data/a.b/figure.js": 2,
        "photographs/a.b.webp": 4,
        "grids/a.b/early.webp": 8,
        "sprites/photographs-0.webp": 16,
    }
    assert limits.of_photographs(sizes) == {"a.b": 14}


@needs_browser
def test_a_page_that_loads_has_nothing_to_report(site: Path) -> None:
    assert headless.complaints(site, str(BROWSER)) == []


@needs_browser
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("throw new Error('broken')", "broken"),
        ("fetch('absent.json')", "/atlas/absent.json was asked for"),
        ("console.error('a complaint')", "a complaint"),
        ("document.createElement('img').src = '/x.webp'", "/x.webp was asked for"),
    ],
)
def test_what_the_console_reports_keeps_a_site_from_being_published(
    site: Path, script: str, message: str
) -> None:
    write_site(site, {**FILES, "atlas.js": script})
    assert message in "\n".join(headless.complaints(site, str(BROWSER)))
    assert any("in a browser: " in problem for problem in inspect(site).problems)


def test_a_browser_that_does_not_start_is_a_complaint(site: Path) -> None:
    assert "does not start" in headless.complaints(site, "/no/such/browser")[0]
