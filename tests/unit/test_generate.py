"""The site's files: what is written, what is reported, and what tells one build from another."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.atlas import Atlas
from pipeline.errors import AtlasError
from pipeline.figures import FIGURES, chosen
from pipeline.store import File, Store, write
from pipeline.views.classes import is_mistake
from pipeline.website import page, scripts
from pipeline.website.facts import LISTED
from pipeline.website.generate import build_of, generate, sources
from pipeline.website.report import Report
from tests import large, synthetic
from tests.files import contents


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("generate") / "store")


@pytest.fixture(scope="module")
def report(atlas: Atlas, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of a site with all figures, for tests that only read it."""
    return generate(atlas, tmp_path_factory.mktemp("generated") / "site")


def test_a_site_is_written_and_reported(atlas: Atlas, report: Report) -> None:
    found = contents(report.output)
    assert report.files == len(found)
    assert report.bytes == sum(map(len, found.values())) == sum(report.kinds.values())
    assert {".nojekyll", "index.html", "atlas.json", "atlas.css", "data/site.js"} <= set(found)
    for name in FIGURES:
        sizes = {each.name: len(found[f"data/{each.name}/{name}.js"]) for each in atlas.photographs}
        assert report.data[name] == sizes
    assert not any(part.startswith("_") for path in found for part in path.split("/"))
    assert len(report.dead) == len(report.missing) == len(atlas.network.layers)
    assert [path.name for path in report.output.parent.iterdir()] == ["site"]


def registered(site: Path, key: str) -> dict[str, Any]:
    """What a data file holds."""
    script = (site / "data" / f"{key}.js").read_text()
    return dict(json.loads(script[script.index("{") : script.rindex("}") + 1]))


def test_the_facts_hold_what_every_figure_may_need(atlas: Atlas, report: Report) -> None:
    facts = registered(report.output, "site")
    mistakes = sum(is_mistake(atlas, each) for each in atlas.photographs)
    assert facts["photographs"] == {"count": 3, "part": LISTED, "mistakes": mistakes}
    assert facts["first"]["name"] == "coffee"
    assert not (report.output / "data/coffee/photograph.js").exists()  # nobody would load it
    assert [each["name"] for each in facts["layers"]] == list(atlas.layer_names)
    for layer in facts["layers"]:
        assert (report.output / "sprites" / f"{layer['sprites']}-0.webp").is_file()
        numbers: dict[int, str] = {}
        for photograph in atlas.photographs:
            of_photograph = facts["first"]
            if photograph.name != "coffee":
                of_photograph = registered(report.output, f"{photograph.name}/photograph")
            for unit, index, surpassed in of_photograph["pictures"][layer["name"]]:
                assert numbers.setdefault(index, unit) == unit
                assert surpassed is False or surpassed is None or 0 <= surpassed <= 3
        assert sorted(numbers) == list(range(layer["pictures"]))


def test_the_picker_lists_photographs_in_parts(tmp_path: Path) -> None:
    atlas = large.make(tmp_path / "store", LISTED + 4, mistakes=(1, LISTED))
    generate(atlas, tmp_path / "site", large.FIGURES)
    first, rest = (registered(tmp_path / "site", f"photographs-{i}")["rows"] for i in range(2))
    assert (len(first), len(rest)) == (LISTED, 4)
    assert first[1][:2] == ["p0001", "Photograph number 1"]
    assert [row[3] for row in [*first, *rest]].count(1) == 2
    assert rest[0][3] == 1
    assert registered(tmp_path / "site", "site")["photographs"]["mistakes"] == 2


def test_what_is_loaded_first_is_the_same_with_two_thousand_photographs(tmp_path: Path) -> None:
    first = ("index.html", "data/site.js", "data/photographs-0.js", "sprites/photographs-0.webp")
    sizes = []
    for count in (LISTED + 4, 2000):
        folder = tmp_path / str(count)
        generate(large.make(folder / "store", count), folder / "site", large.FIGURES)
        sizes.append([(folder / "site" / path).stat().st_size for path in first])
    for few, many in zip(*sizes, strict=True):
        assert abs(many - few) <= 16  # digits of the count


def test_the_page_counts_a_layers_feature_visualizations_and_gives_their_side(
    atlas: Atlas, report: Report, tmp_path: Path
) -> None:
    def last_cells(site: Path) -> list[str]:
        text = (site / "index.html").read_text()
        found = re.findall(r"<td>([^<]*)</td>\s*</tr>", text[text.index("making-table") :])
        return [" ".join(html.unescape(each).split()) for each in found]

    lines = last_cells(report.output)
    for line in lines:
        assert re.fullmatch(r"\d+, made at (\d+) × \1 px", line), line
    assert len(lines) == len(atlas.network.layers)
    generate(atlas, tmp_path / "site", ["design_space"])
    assert last_cells(tmp_path / "site") == ["none"] * len(atlas.network.layers)


def test_figures_without_channels_need_no_activations(tmp_path: Path) -> None:
    made = synthetic.make(tmp_path / "store")
    atlas = replace(made, store=Store(made.store.root))  # which has read nothing yet
    for photograph in atlas.photographs:
        path = atlas.store.photograph_path(photograph.name)
        with File(path) as file:
            kept = {name: file.array(name) for name in file.names() if "activation" not in name}
            write(path, file.kind, file.fingerprint, kept, file.attributes)
    assert generate(atlas, tmp_path / "site", ["neuron_groups", "design_space"]).files


def test_only_the_figures_asked_for(atlas: Atlas, tmp_path: Path) -> None:
    generate(atlas, tmp_path / "site", ["semantic_dictionary"])
    found = contents(tmp_path / "site")
    code = found["figures.js"].decode()
    assert '"semantic_dictionary"' in code
    assert '"class_comparison"' not in code
    assert "data/coffee/class_comparison.js" not in found
    with pytest.raises(AtlasError, match='no figure "nothing"'):
        generate(atlas, tmp_path / "site", ["nothing"])


def test_hostile_names_are_escaped_in_the_page(atlas: Atlas, report: Report) -> None:
    text = (report.output / "index.html").read_text()
    for photograph in atlas.photographs:
        if "<" in photograph.title:
            assert photograph.title not in text
    assert "<img src=x" not in text
    assert "<b>cake" not in text


# ------------------------------------------------------------------------------------- the build
def test_the_same_atlas_gives_the_same_bytes(atlas: Atlas, report: Report, tmp_path: Path) -> None:
    generate(atlas, tmp_path / "site")
    assert contents(tmp_path / "site") == contents(report.output)


def test_data_files_carry_the_build(report: Report) -> None:
    data = report.output / "data"
    build = json.loads((report.output / "atlas.json").read_text())["build"]
    for path in data.rglob("*.js"):
        key = path.relative_to(data).with_suffix("").as_posix()
        assert path.read_text("utf-8").startswith(f'atlas.register("{build}","{key}",{{')


def test_a_build_depends_on_all_that_the_site_is_made_from(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    builds = {
        build_of(atlas),
        build_of(atlas, ["predictions"]),
        build_of(replace(atlas, fingerprint="another")),
    }
    (tmp_path / "base.html.j2").write_text("another template")
    monkeypatch.setattr(page, "templates_folder", lambda: tmp_path)
    builds.add(build_of(atlas))
    assert len(builds) == 4


def test_the_sources_are_the_whole_package_and_all_templates() -> None:
    package = Path(page.__file__).parents[1]
    found = sources(package, page.templates_folder())
    some = {
        "grammar/contents.py",
        "atlas.py",
        "views/saliency.py",
        "website/generate.py",
        "base.html.j2",
    }
    assert some <= set(found)
    assert {"static/lib/atlas.js", "figures/predictions.html.j2"} <= set(found)
    assert any(path.endswith(".css") for path in found)


# -------------------------------------------------------------------------------------- the code
def test_templates_are_found_beside_the_package() -> None:
    assert (page.templates_folder() / "base.html.j2").is_file()


def published_alone(folder: Path, name: str, text: str) -> str:
    """What a source becomes that is the only one of its kind."""
    for empty in ("lib", "css", "figures"):
        (folder / empty).mkdir()
    for path in ("lib/atlas.js", "lib/figure.js", "lib/cells.js", "lib/picker.js"):
        (folder / path).write_text("")
    (folder / name).write_text(text)
    published = scripts.code(folder, ())
    return published["atlas.css"] if name.endswith(".css") else published["atlas.js"]


def test_code_is_published_without_comments_and_white_space(tmp_path: Path) -> None:
    text = '/* What\n   this is. */\n{\n  // Why.\n  const a = "/* kept */"; // gone\n}\n'
    assert published_alone(tmp_path, "lib/atlas.js", text) == '{const a="/* kept */";}'


def test_styles_are_published_without_comments_and_needless_space(tmp_path: Path) -> None:
    text = "/* Why. */\na > b {\n  width: calc(1px + 2%);\n\n  & :is(.c) {\n    top: 0;\n  }\n}\n"
    published = published_alone(tmp_path, "css/0.css", text)
    assert published == "a > b{width: calc(1px + 2%);& :is(.c){top: 0;}}"


def test_no_text_in_a_style_sheet_would_lose_its_space() -> None:
    for path in (page.templates_folder() / "static" / "css").glob("*.css"):
        without_comments = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        texts = re.findall(r'"([^"\n]*)"', without_comments)
        assert not [text for text in texts if re.search(r"[{};,]", text)], path.name


def test_every_source_is_published_with_its_texts_as_they_are() -> None:
    static = page.templates_folder() / "static"
    code = scripts.code(static, chosen(["predictions"]))
    assert set(code) == {"atlas.css", "atlas.js", "figures.js", "later.css", "later.js"}
    library = [path for path in (static / "lib").glob("*.js") if path.name != "atlas.js"]
    assert library
    later = list((static / "later").glob("*.js"))
    code["figures.js"] += code["later.js"]
    for path in (*library, *later, static / "figures" / "predictions.js"):
        source = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        texts = re.findall(r'"[^"\n]*"|`[^`]*`', re.sub(r"// .*", "", source))
        assert texts, path.name
        assert all(text in code["figures.js"] for text in texts), path.name
    for path in (static / "css").glob("*.css"):
        for selector in re.findall(r"^(\.[\w-]+) \{", path.read_text(), re.MULTILINE):
            assert selector in code["atlas.css"], path.name
    assert "class_comparison" not in code["figures.js"]


def test_classes_come_before_the_figures_that_extend_them() -> None:
    code = scripts.code(page.templates_folder() / "static", chosen())["figures.js"]
    starts = [code.index(f'atlas.define("{name}"') for name in FIGURES]
    assert code.index("atlas.Figure=class") < min(starts)
