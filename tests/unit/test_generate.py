"""The site's folder: whole or untouched, ours or refused; what is written and what is reported."""

from __future__ import annotations

import html
import io
import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from pipeline import generate as generator
from pipeline import sprites
from pipeline.atlas import Atlas, Layer
from pipeline.errors import AtlasError
from pipeline.figures import FIGURES, semantic_dictionary
from pipeline.generate import generate, is_current, published, squeezed, surpassed
from pipeline.store import Picture, Store
from tests import synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return synthetic.make(tmp_path_factory.mktemp("generate") / "store")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_site_is_written_and_reported(atlas: Atlas, tmp_path: Path) -> None:
    start = time.process_time()  # the processor may be shared
    report = generate(atlas, tmp_path / "site")
    assert time.process_time() - start < 5
    found = contents(tmp_path / "site")
    assert report.files == len(found)
    assert report.bytes == sum(map(len, found.values())) == sum(report.kinds.values())
    assert {".nojekyll", "index.html", "atlas.json", "atlas.css", "data/site.js"} <= set(found)
    for name in FIGURES:
        assert report.data[name] == {each.name: len(found[f"data/{each.name}/{name}.js"]) for each in atlas.photographs}
    assert not any(part.startswith("_") for path in found for part in path.split("/"))
    assert len(report.dead) == len(report.missing) == len(atlas.network.layers)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_pictures_are_told_how_many_photographs_they_surpass(atlas: Atlas, tmp_path: Path) -> None:
    def picture(activation: float) -> Picture:
        return Picture(np.zeros((2, 2, 3), np.uint8), activation, activation, alive=True)

    means = np.array([[0.0, 1.0], [0.5, 3.0], [2.0, 5.0]], np.float32)
    pictures = {
        "channel:0": picture(1.0),
        "channel:1": picture(9.0),
        "channel:1~2": picture(1.0),
        "direction:ab": picture(4.0),
        "direction:ab~1": picture(0.5),
        "direction:cd": picture(9.0),  # of which nothing is known
    }
    vectors = {"direction:ab": np.array([1.0, 1.0], np.float32)}
    expected = {"channel:0": 2, "channel:1": 3, "channel:1~2": 0, "direction:ab": 2, "direction:ab~1": 0}
    assert surpassed(pictures, means, vectors) == expected

    generate(atlas, tmp_path / "site")
    script = (tmp_path / "site" / "data" / "site.js").read_text()
    assert script.count('"surpassed"') == len(atlas.network.layers)


def test_the_page_says_how_many_pictures_a_layer_has_and_at_what_side_they_were_made(atlas: Atlas, tmp_path: Path) -> None:
    def told(figures: list[str] | None) -> list[str]:
        generate(atlas, tmp_path / "site", figures)
        text = (tmp_path / "site" / "index.html").read_text()
        cells = re.findall(r"<td>([^<]*)</td></tr>", text[text.index("making-table") :])
        return [html.unescape(each).replace("\u00a0", " ") for each in cells]

    for line in (lines := told(None)):
        assert re.fullmatch(r"\d+, made at (\d+) × \1 px", line), line
    assert len(lines) == len(atlas.network.layers)
    assert told(["design_space"]) == ["none"] * len(atlas.network.layers)


def test_figures_without_channels_need_no_activations(tmp_path: Path) -> None:
    made = synthetic.make(tmp_path / "store")
    atlas = replace(made, store=Store(made.store.root))  # which has read nothing yet
    for photograph in atlas.photographs:
        with h5py.File(atlas.store.image_path(photograph.name), "a") as file:
            del file["activation"]
    assert generate(atlas, tmp_path / "site", ["neuron_groups", "design_space"]).files


def test_the_same_atlas_gives_the_same_bytes(atlas: Atlas, tmp_path: Path) -> None:
    generate(atlas, tmp_path / "a")
    generate(atlas, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_only_the_figures_asked_for(atlas: Atlas, tmp_path: Path) -> None:
    generate(atlas, tmp_path / "site", ["semantic_dictionary"])
    found = contents(tmp_path / "site")
    code = found["figures.js"].decode()
    assert '"semantic_dictionary"' in code
    assert '"class_comparison"' not in code
    assert "data/coffee/class_comparison.js" not in found
    with pytest.raises(AtlasError, match='no figure "nothing"'):
        generate(atlas, tmp_path / "site", ["nothing"])


def test_a_failed_run_leaves_the_previous_site_as_it_was(atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "site"
    generate(atlas, output)
    before = contents(output)

    def interrupted(*arguments: object) -> dict:
        raise KeyboardInterrupt

    monkeypatch.setattr(semantic_dictionary, "bake", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(atlas, output)
    assert contents(output) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_run_cut_off_between_the_renames_is_mended_by_the_next(atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "site"
    generate(atlas, output)
    (output / "CNAME").write_text("example.org")
    before = contents(output)
    output.rename(tmp_path / ".site.previous")
    monkeypatch.setattr(semantic_dictionary, "bake", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generate(atlas, output)
    assert contents(output) == before
    monkeypatch.undo()
    generate(atlas, output)
    assert (output / "CNAME").read_text() == "example.org"


def test_a_folder_of_someone_elses_is_left_alone(atlas: Atlas, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("years of work")
    with pytest.raises(AtlasError, match="left alone"):
        generate(atlas, tmp_path / "site")
    assert contents(tmp_path / "site") == {"thesis.tex": b"years of work"}
    with pytest.raises(AtlasError, match="is a file"):
        generate(atlas, tmp_path / "site" / "thesis.tex")


def test_what_an_owner_adds_to_a_site_survives(atlas: Atlas, tmp_path: Path) -> None:
    output = tmp_path / "site"
    generate(atlas, output)
    (output / "CNAME").write_text("example.org")
    (output / ".git" / "refs").mkdir(parents=True)
    (output / ".git" / "HEAD").write_text("ref")
    (output / "data" / "notes.txt").write_text("mine")
    (output / "data" / "coffee" / "predictions.js").write_text("changed")
    generate(atlas, output, ["predictions"])
    assert (output / "CNAME").read_text() == "example.org"
    assert (output / ".git" / "refs").is_dir()
    assert (output / "data" / "notes.txt").read_text() == "mine"
    assert "changed" not in (output / "data" / "coffee" / "predictions.js").read_text()
    assert not (output / "data" / "coffee" / "class_comparison.js").exists()


def test_a_current_site_is_recognised(atlas: Atlas, tmp_path: Path) -> None:
    output = tmp_path / "site"
    assert not is_current(atlas, output)
    generate(atlas, output)
    assert is_current(atlas, output)
    assert not is_current(atlas, output, ["predictions"])
    (output / "data" / "site.js").unlink()
    assert not is_current(atlas, output)


def test_data_files_carry_the_build(atlas: Atlas, tmp_path: Path) -> None:
    output = tmp_path / "site"
    generate(atlas, output)
    build = json.loads((output / "atlas.json").read_text())["build"]
    for path in (output / "data").rglob("*.js"):
        key = path.relative_to(output / "data").with_suffix("").as_posix()
        assert path.read_text().startswith(f'atlas.register("{build}","{key}",{{')
        assert path.read_text().isascii()


def test_hostile_names_are_escaped_in_the_page(atlas: Atlas, tmp_path: Path) -> None:
    generate(atlas, tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text()
    for photograph in atlas.photographs:
        if "<" in photograph.title:
            assert photograph.title not in text
    assert "<img src=x" not in text
    assert "<b>cake" not in text


def test_sprites_hold_the_pictures_in_order() -> None:
    colours = [(int(i * 8), 255 - int(i * 8), 128) for i in range(30)]
    pictures = [np.full((40, 40, 3), colour, np.uint8) for colour in colours]
    sheets = [np.asarray(Image.open(io.BytesIO(part))) for part in sprites.parts(pictures, 32)]
    assert [sheet.shape for sheet in sheets] == [(128, 192, 3), (32, 192, 3)]
    for i, colour in enumerate(colours):
        part, place = divmod(i, sprites.PART)
        y, x = place // sprites.COLUMNS * 32 + 16, place % sprites.COLUMNS * 32 + 16
        assert np.abs(sheets[part][y, x].astype(int) - colour).max() <= 6


def test_sprites_keep_transparency() -> None:
    opaque = np.full((8, 8, 3), 200, np.uint8)
    soft = np.dstack([opaque, np.full((8, 8), 60, np.uint8)])
    (part,) = sprites.parts([opaque, soft], 8)
    sheet = np.asarray(Image.open(io.BytesIO(part)))
    assert sheet[4, 4, 3] == 255
    assert abs(int(sheet[4, 12, 3]) - 60) <= 6


def test_layers_whose_names_look_alike_in_files_keep_their_own_sprites(tmp_path: Path) -> None:
    layers = (Layer("a/b", "one", (6, 7, 7)), Layer("a:b", "two", (6, 7, 7)))
    atlas = synthetic.make(tmp_path / "store", layers=layers)
    generate(atlas, tmp_path / "site")
    names = sorted(path.name for path in (tmp_path / "site" / "sprites").glob("*b-0.webp"))
    assert len(names) == len(set(names)) == 2


def test_templates_are_found_beside_the_package() -> None:
    assert (generator.templates_folder() / "base.html.j2").is_file()


def test_squeezed_code_is_the_source_without_comments_and_indentation() -> None:
    source = '/* What\n   this is. */\n"use strict";\n\n{\n  // Why.\n  const a = "/* kept */"; // kept too\n  /* gone */\n}\n'
    assert squeezed(source) == '"use strict";\n{\nconst a = "/* kept */"; // kept too\n}\n'


def test_published_code_is_smaller_and_keeps_texts_and_globals() -> None:
    source = '/* What this is. */\nconst SHARED = 3;\nfunction f(longName) {\n  return `a  ${longName}` + "/* b */" + SHARED;\n}\n'
    code = published(source, ".js")
    assert len(code) < len(source)
    assert "What this is" not in code
    assert "SHARED" in code
    assert "function f(" in code
    assert "/* b */" in code
    styles = published('a > b { width: calc(1px + 2%); content: "a, b: {c}"; }\n', ".css")
    assert "calc(1px + 2%)" in styles
    assert '"a, b: {c}"' in styles


def test_without_the_minifier_code_is_published_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minify", None)
    assert published("// why\n  f();\n", ".js") == "f();\n"


def turned_round(code: str) -> list[str]:
    """Lines that tdewolff-minify breaks: `const a = …, [b] = (a …)…` comes out with the pattern first, before `a` is known."""
    found = []
    for line in code.splitlines():
        pattern = re.search(r"\b(?:const|let) (.*), [\[{][^=]*[\]}] = \(((?:[^()]|\([^()]*\))*)\)", line)
        if pattern and set(re.findall(r"(\w+) =(?![=>])", pattern[1])) & set(re.findall(r"\w+", pattern[2])):
            found.append(line.strip())
    return found


def test_no_script_declares_what_the_minifier_turns_round() -> None:
    assert turned_round('const a = f(), [b, c] = (a ?? "").split(".");')
    assert not turned_round('const a = f(), [b, c] = (cell ?? "").split(".");')
    scripts = sorted((generator.templates_folder() / "static").rglob("*.js"))
    assert scripts
    assert {path.name: turned_round(path.read_text()) for path in scripts} == {path.name: [] for path in scripts}
