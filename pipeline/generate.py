"""From the atlas to the site: bake every figure, write the files, put the finished folder in its place.

The site is written into a folder beside the output and exchanged with it when it is whole, so that a run that fails or
is interrupted leaves the previous site as it was. `atlas.json` in its root lists the files that are ours; whatever else
a site's owner has put there (a CNAME, a .git) is carried over.

    index.html  atlas.json  .nojekyll
    atlas.css  atlas.js  figures.js                 code, from templates/static
    data/site.js  data/<image>/<figure>.js          what the figures show; registers itself, carrying the build
    photographs/<image>.webp  sprites/*.webp        pictures
    grids/<image>/<layer>.webp                      activation grids
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from pipeline import __version__, sprites
from pipeline.atlas import Atlas, Layer
from pipeline.errors import AtlasError
from pipeline.figures import Figure, chosen, directions, grids, opening
from pipeline.figures.classes import leading
from pipeline.figures.units import channel_of
from pipeline.grammar import Activation, Atom, Substrate
from pipeline.store import Picture, fingerprint_of

MANIFEST = "atlas.json"
CREATOR = "building-blocks"


@dataclass(frozen=True)
class Report:
    """What was written.

    `data`: figure → photograph → bytes; `kinds`: bytes by what the files are (page, code, data, photographs, sprites);
    `missing`: pictures that a figure wants and the store lacks; `dead`: pictures that do not activate their unit.
    """

    output: Path
    files: int
    bytes: int
    data: dict[str, dict[str, int]]
    kinds: dict[str, int]
    missing: tuple[str, ...]
    dead: tuple[str, ...]


@dataclass
class Site:
    """A site being written into `folder`; `sizes`: path → bytes."""

    folder: Path
    build: str
    sizes: dict[str, int] = field(default_factory=dict)

    def write(self, path: str, content: str | bytes) -> None:
        """Write one file and note its size."""
        raw = content.encode() if isinstance(content, str) else content
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
        self.sizes[path] = len(raw)

    def register(self, key: str, value: Any) -> None:
        """Write a data file: a script that hands its contents, and the build they belong to, to `atlas.register`."""
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        self.write(f"data/{key}.js", f"atlas.register({json.dumps(self.build)},{json.dumps(key)},{text});\n")


def templates_folder() -> Path:
    """Where the templates are: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "templates", package.parent / "templates"):
        if folder.is_dir():
            return folder
    raise AtlasError(f"{package / 'templates'}: the templates are missing; install building-blocks again")


def generate(atlas: Atlas, output: Path, figures: Sequence[str] | None = None) -> Report:
    """Bake and write the whole site.

    Parameters
    ----------
    atlas
        What is baked; its store must hold all that the figures name.
    output
        The site's folder. It may be absent, empty, or an earlier site of ours.
    figures
        Names of figures; all by default.

    Raises
    ------
    AtlasError
        When `output` holds something that is not a site of ours, cannot be written, or the store lacks a content.
    """
    modules = chosen(figures)
    output = output.absolute()
    _recover(output)
    refuse_foreign(output)
    with _replacing(output) as folder:
        site = Site(folder, build_of(atlas, figures))
        sheets = _sheets(atlas, modules)
        _write_photographs(site, atlas)
        for sheet in sheets.values():
            sheet.write(site)
        for module in modules:
            for photograph in atlas.photographs:
                site.register(f"{photograph.name}/{module.NAME}", module.bake(atlas, photograph))
        site.register("site", _facts(atlas, sheets))
        _write_code(site, modules)
        site.write("index.html", _page(site, atlas, modules, sheets))
        site.write(".nojekyll", "")
        site.write(MANIFEST, _manifest(site, atlas))
    return _report(site, output, atlas, modules, sheets)


def build_of(atlas: Atlas, figures: Sequence[str] | None = None) -> str:
    """Return what tells this build of the site from any other: by what it is baked from, and by the code that bakes it."""
    package = Path(__file__).resolve().parent
    folders = [package / "figures", templates_folder()]
    code = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".j2", ".js", ".css")]
    code += [package / "generate.py", package / "sprites.py"]
    return fingerprint_of(atlas.fingerprint, [figure.NAME for figure in chosen(figures)], [path.read_bytes() for path in code])[:16]


def is_current(atlas: Atlas, output: Path, figures: Sequence[str] | None = None) -> bool:
    """Say whether `generate` would write what stands in `output` already: same build, every file there in its length."""
    try:
        manifest = json.loads((output / MANIFEST).read_text())
        sizes = {path: (output / path).stat().st_size for path in manifest["files"]}
        return manifest["build"] == build_of(atlas, figures) and sizes == {**manifest["files"], MANIFEST: sizes[MANIFEST]}
    except (OSError, ValueError, KeyError, TypeError):
        return False


# ---------------------------------------------------------------------------------------------------------- pictures
@dataclass(frozen=True)
class Sheet:
    """The feature visualizations of one layer, in the order in which the site packs them."""

    layer: Layer
    name: str  # of its files; numbered, because two layers' names may differ only in characters that files cannot have
    pictures: dict[str, Picture]
    missing: tuple[str, ...]
    surpassed: dict[str, int]  # picture → number of photographs that it activates its unit more than

    @property
    def dead(self) -> tuple[str, ...]:
        """Pictures that do not activate their unit."""
        return tuple(unit for unit, picture in self.pictures.items() if not picture.alive)

    @property
    def side(self) -> int:
        """Side in pixels at which the pictures were made; 0 if there are none."""
        return max((picture.pixels.shape[0] for picture in self.pictures.values()), default=0)

    def write(self, site: Site) -> None:
        """Write the parts."""
        pictures = [picture.pixels for picture in self.pictures.values()]
        for i, part in enumerate(sprites.parts(pictures, sprites.ICON)):
            site.write(self.path(i), part)

    def path(self, part: int) -> str:
        """Path of a part in the site."""
        return f"sprites/{self.name}-{part}.webp"

    def facts(self) -> dict[str, Any]:
        """Return what the browser needs to find a picture."""
        surpassed = [self.surpassed.get(unit) for unit in self.pictures]
        return {"sheet": self.name, "units": list(self.pictures), "dead": list(self.dead), "surpassed": surpassed}

    def crop(self, unit: str) -> dict[str, Any] | None:
        """Say where a picture lies in its part, for pages without JavaScript."""
        places = {name: i for i, name in enumerate(self.pictures)}
        if unit not in places:
            return None
        part, place = divmod(places[unit], sprites.PART)
        size = sprites.ICON
        rows = -(-min(sprites.PART, len(places) - part * sprites.PART) // sprites.COLUMNS)
        return {
            "path": self.path(part),
            "x": place % sprites.COLUMNS * size,
            "y": place // sprites.COLUMNS * size,
            "size": size,
            "width": sprites.COLUMNS * size,
            "height": rows * size,
            "alive": self.pictures[unit].alive,
        }


def _sheets(atlas: Atlas, figures: Sequence[Figure]) -> dict[str, Sheet]:
    """Read what the figures want of each layer; first what is seen at once, then photograph by photograph."""
    first = [opening(figure, atlas, photograph) for photograph in atlas.photographs for figure in figures]
    rest = [[figure.units(atlas, photograph) for figure in figures] for photograph in atlas.photographs]
    vectors = directions(figures, atlas)
    sheets = {}
    for i, layer in enumerate(atlas.network.layers):
        by_photograph = [set().union(*(units.get(layer.name, set()) for units in each)) for each in rest]
        units = sprites.in_order(*(each.get(layer.name, ()) for each in first), *(sorted(each, key=_by_number) for each in by_photograph))
        found = atlas.pictures(layer.name, units) if units else {}
        pictures = {unit: found[unit] for unit in units if unit in found}
        missing = tuple(unit for unit in units if unit not in found)
        means = _mean_activations(atlas, layer)
        counted = {} if means is None else surpassed(pictures, means, vectors[layer.name])
        sheets[layer.name] = Sheet(layer, f"{i + 1}-{layer.slug}", pictures, missing, counted)
    return sheets


def _mean_activations(atlas: Atlas, layer: Layer) -> np.ndarray | None:
    """Read what each photograph does to each channel of a layer: f4 `[photographs, C]`, means over positions.

    None where the figures of this atlas need no activations, so that the store may hold none.
    """
    path = Activation(Substrate(layer.name, Atom.CHANNEL)).path
    means = []
    for photograph in atlas.photographs:
        with atlas.image(photograph) as file:
            if path not in file:
                return None
            means.append(file.values(path).mean(axis=(1, 2), dtype=np.float32))
    return np.stack(means)


def surpassed(pictures: Mapping[str, Picture], means: np.ndarray, vectors: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Count for each picture the photographs that activate its channel or direction less, positions averaged.

    Parameters
    ----------
    pictures
        By unit; one that is neither a channel nor among the vectors is left out.
    means
        f4 `[photographs, C]`, of the pictures' layer.
    vectors
        The directions f4 `[C]`, by unit; the mean over positions of `⟨a, v⟩` is `⟨mean a, v⟩`, which is what the pictures were made for.
    """
    counted = {}
    for unit, picture in pictures.items():
        channel, vector = channel_of(unit), vectors.get(unit.partition("~")[0])
        if channel is not None:
            counted[unit] = int((means[:, channel] < picture.activation).sum())
        elif vector is not None:
            counted[unit] = int((means @ vector < picture.activation).sum())
    return counted


def _by_number(unit: str) -> tuple[str, int, str]:
    kind, _, number = unit.partition(":")
    return kind, int(number) if number.isdecimal() else -1, number


def _write_photographs(site: Site, atlas: Atlas) -> None:
    inputs: list[np.ndarray] = []
    for photograph in atlas.photographs:
        with atlas.image(photograph) as file:
            pixels = file.values("input")
        site.write(f"photographs/{photograph.name}.webp", sprites.encode(sprites.fitted(pixels, pixels.shape[0]), quality=88))
        inputs.append(np.asarray(sprites.fitted(pixels, sprites.THUMBNAIL)))
    for i, part in enumerate(sprites.parts(inputs, sprites.THUMBNAIL)):
        site.write(f"sprites/photographs-{i}.webp", part)
    for path, picture in grids.files(atlas):
        site.write(path, picture)


# -------------------------------------------------------------------------------------------------------------- page
def _facts(atlas: Atlas, sheets: Mapping[str, Sheet]) -> dict[str, Any]:
    return {
        "network": atlas.network.title,
        "photographs": [
            {"name": photograph.name, "title": photograph.title, "says": leading(atlas, photograph, 1)[0].name}
            for photograph in atlas.photographs
        ],
        "layers": [
            {"name": layer.name, "title": layer.title, "shape": list(layer.shape), **sheets[layer.name].facts()}
            for layer in atlas.network.layers
        ],
        "sprites": {"columns": sprites.COLUMNS, "part": sprites.PART, "icon": sprites.ICON, "thumbnail": sprites.THUMBNAIL},
    }


def identity(name: str) -> str:
    """Return the name of a figure as it stands in addresses and element ids."""
    return name.replace("_", "-")


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _code(figures: Sequence[Figure]) -> dict[str, list[str]]:
    """Return the published scripts, each with the sources that it is made of, from `templates/static`, in their order.

    A request costs a browser more than the few kilobytes that it brings, so there are as few as can be: `atlas.js` makes the object that
    all others add to, `data/site.js` tells it the facts that they read when they run, `figures.js` is the rest.
    """
    # figure.js and cells.js hold the classes that the figures extend, picker.js runs at once and uses all before it.
    first, last = "lib/atlas.js", ["lib/figure.js", "lib/cells.js", "lib/picker.js"]
    library = [f"lib/{path.name}" for path in sorted((templates_folder() / "static" / "lib").glob("*.js"))]
    rest = [name for name in library if name not in (first, *last)]
    return {"atlas.js": [first], "figures.js": [*rest, *last, *(f"figures/{figure.NAME}.js" for figure in figures)]}


def _page(site: Site, atlas: Atlas, figures: Sequence[Figure], sheets: Mapping[str, Sheet]) -> str:
    folder = templates_folder()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_number, identity=identity, thousands=lambda value: f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    )
    return environment.get_template("base.html.j2").render(
        atlas=atlas,
        build=site.build,
        scripts=["atlas.js", "data/site.js", "figures.js"],
        figures=[
            {"name": figure.NAME, "title": figure.TITLE, "id": identity(figure.NAME), "page": figure.page(atlas)} for figure in figures
        ],
        predictions=[(photograph, leading(atlas, photograph, 3)) for photograph in atlas.photographs[:24]],
        sheets=sheets,
        version=__version__,
    )


def _write_code(site: Site, figures: Sequence[Figure]) -> None:
    folder = templates_folder() / "static"
    for name, sources in {"atlas.css": ["atlas.css"], **_code(figures)}.items():
        site.write(name, ";\n".join(published((folder / source).read_text(), Path(source).suffix) for source in sources))


KINDS = {".js": "application/javascript", ".css": "text/css"}


def published(code: str, suffix: str) -> str:
    """Bring code into the form in which it is published: without what only readers of the source need.

    The package that does it well exists for most platforms, not for all; elsewhere comments and indentation go, no more.
    """
    try:
        minify = importlib.import_module("minify")
    except (ImportError, OSError):
        return squeezed(code)
    return str(minify.string(KINDS[suffix], code))


def squeezed(code: str) -> str:
    """Leave out lines that are comments, indentation and empty lines.

    Works on whole lines, so nothing within a line is touched; a text over several lines (a template literal) would lose
    its indentation.
    """
    code = re.sub(r"^[ \t]*/\*.*?\*/[ \t]*\n", "", code, flags=re.MULTILINE | re.DOTALL)
    lines = (line.strip() for line in code.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


# ------------------------------------------------------------------------------------------------------------ output
def _manifest(site: Site, atlas: Atlas) -> str:
    facts = {
        "created_by": f"{CREATOR} {__version__}",
        "title": atlas.settings.title,
        "network": atlas.network.title,
        "build": site.build,
        "files": dict(sorted(site.sizes.items())) | {MANIFEST: None},  # path → bytes
    }
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def _files_of(output: Path) -> set[str] | None:
    """Return the files of a site of ours; None if it is not one."""
    try:
        manifest = json.loads((output / MANIFEST).read_text())
        return set(manifest["files"]) if str(manifest["created_by"]).startswith(CREATOR) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def refuse_foreign(output: Path) -> None:
    """Raise an AtlasError where a site must not be written: over a file, or into a folder that is not a site of ours."""
    if output.exists() and not output.is_dir():
        raise AtlasError(f"{output}: is a file; name a folder for the site with --output")
    if output.is_dir() and any(output.iterdir()) and _files_of(output) is None:
        message = f"{output}: holds files that are no site made by {CREATOR}, so it is left alone"
        raise AtlasError(f"{message}; name another folder with --output, or empty this one")


def _previous(output: Path) -> Path:
    return output.with_name(f".{output.name}.previous")


def _recover(output: Path) -> None:
    # Between the two renames of an exchange that was cut off, the previous site stands under its other name.
    previous = _previous(output)
    if previous.is_dir() and not output.exists():
        previous.rename(output)


@contextmanager
def _replacing(output: Path) -> Iterator[Path]:
    """Give a new folder beside `output`; put it in its place if all goes well, remove it otherwise."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}-", suffix=".part", dir=output.parent))
    except OSError as error:
        raise AtlasError(f"{output.parent}: cannot write here ({error.strerror}); choose another place with --output") from error
    try:
        yield folder
        folder.chmod(0o755)
        _exchange(folder, output)
    except OSError as error:
        raise AtlasError(f"{output}: could not be written ({error}); free some space, then run the command again") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exchange(folder: Path, output: Path) -> None:
    previous = _previous(output)
    shutil.rmtree(previous, ignore_errors=True)
    if output.exists():
        ours = _files_of(output) or set()
        output.rename(previous)
        try:
            folder.rename(output)
        except BaseException:
            previous.rename(output)
            raise
        _carry_over(previous, output, ours)
        shutil.rmtree(previous)
    else:
        folder.rename(output)


def _carry_over(previous: Path, output: Path, ours: set[str]) -> None:
    """Move what is not ours from the previous site into the new one; a file of the new site is never replaced."""
    for entry in list(previous.iterdir()):
        # A folder with nothing of ours in it moves as it is: a .git is broken without its empty folders.
        mixed = entry.is_dir() and any(name.startswith(f"{entry.name}/") for name in ours)
        for path in [each for each in entry.rglob("*") if not each.is_dir()] if mixed else [entry]:
            relative = path.relative_to(previous)
            target = output / relative
            if relative.as_posix() not in ours and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)


def _kind(path: str) -> str:
    folder = path.split("/")[0]
    return "code" if path.endswith((".css", ".js")) and folder != "data" else folder if "/" in path else "page"


def _report(site: Site, output: Path, atlas: Atlas, figures: Sequence[Figure], sheets: Mapping[str, Sheet]) -> Report:
    data: dict[str, dict[str, int]] = {
        figure.NAME: {photograph.name: site.sizes[f"data/{photograph.name}/{figure.NAME}.js"] for photograph in atlas.photographs}
        for figure in figures
    }
    kinds: dict[str, int] = {}
    for path, size in site.sizes.items():
        kind = _kind(path)
        kinds[kind] = kinds.get(kind, 0) + size
    return Report(
        output=output,
        files=len(site.sizes),
        bytes=sum(site.sizes.values()),
        data=data,
        kinds=kinds,
        missing=tuple(f"{sheet.layer.name} {unit}" for sheet in sheets.values() for unit in sheet.missing),
        dead=tuple(f"{sheet.layer.name} {unit}" for sheet in sheets.values() for unit in sheet.dead),
    )
