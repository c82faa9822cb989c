"""A site's folder looked over before it is published: sizes, missing files, links, a browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import AtlasError
from pipeline.publish import headless, limits, links
from pipeline.upkeep import local_paths, read_statement
from pipeline.website.output import CREATOR, damaged_files, manifest_of
from pipeline.website.page import STATEMENT

LISTED = 3  # of each kind of problem


@dataclass(frozen=True)
class Inspection:
    """What is in a site's folder, and what is wrong with it.

    Attributes
    ----------
    folder
        The site.
    title, build
        As its manifest has them.
    sizes
        Path of a file → bytes.
    problems
        What keeps the site from being published, each with the next step.
    browser
        The browser that has loaded it; None if there is none, or none was asked for.
    local
        Keys of the configuration that hold absolute paths, which the statement publishes.
    """

    folder: Path
    title: str
    build: str
    sizes: Mapping[str, int]
    problems: tuple[str, ...]
    browser: str | None
    local: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    def lines(self) -> Iterator[str]:
        """Yield the report for a reader."""
        of_limit = f"{100 * self.bytes / limits.SITE:.1f} % of what GitHub Pages allows"
        yield f"{self.folder}: {self.title}, build {self.build}"
        yield f"  {len(self.sizes)} files, {limits.megabytes(self.bytes)} ({of_limit})"
        largest = sorted(self.sizes.items(), key=lambda each: (-each[1], each[0]))[:LISTED]
        for path, size in largest:
            yield f"  largest: {path}, {limits.megabytes(size)}"
        if published := limits.of_data(self.sizes):
            yield f"  data that notebooks open: {limits.megabytes(published)}, in store/"
        if self.local:
            keys = ", ".join(f'"{key}"' for key in self.local)
            advice = "write them as relative to the configuration, and build the site again"
            yield f"  {STATEMENT} shows absolute paths of your machine, in {keys}; {advice}"
        if self.browser is None:
            yield f"  not loaded in a browser ({headless.VARIABLE} names one)"
        elif not self.problems:
            yield f"  loaded in {Path(self.browser).name} without a complaint; no broken links"
        for problem in self.problems:
            yield f"  {problem}"


def inspect(folder: Path, use_browser: bool = True) -> Inspection:
    """Look over a site.

    Parameters
    ----------
    folder
        The site.
    use_browser
        Whether to load it in a browser, where there is one.

    Raises
    ------
    AtlasError
        When the folder is missing or is no site of ours.
    """
    manifest = _manifest(folder)
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    problems = [
        *_unfinished(manifest),
        *_some(_damaged(folder)),
        *_too_large(sizes),
        *_some(_broken(folder)),
    ]
    program = headless.browser() if use_browser else None
    if program is not None and "index.html" in sizes:
        found = headless.complaints(folder, program)
        problems += _some(f"in a browser: {message}" for message in found)
    return Inspection(
        folder=folder,
        title=str(manifest.get("title", "")),
        build=str(manifest.get("build", "")),
        sizes=sizes,
        problems=tuple(problems),
        browser=program,
        local=_local(folder),
    )


def _manifest(folder: Path) -> dict[str, Any]:
    again = '"building-blocks build CONFIG" makes one'
    if not folder.is_dir():
        raise AtlasError(f"{folder}: there is no site; {again}")
    manifest = manifest_of(folder)
    if manifest is None:
        raise AtlasError(f"{folder}: is not a site that {CREATOR} made, so it stays here; {again}")
    if (folder / ".git").exists():
        advice = "commit and push with git there, or remove the .git"
        raise AtlasError(f"{folder}: is a repository of its own; {advice}")
    return manifest


def _unfinished(manifest: Mapping[str, Any]) -> Iterator[str]:
    if to_come := manifest.get("unfinished"):
        again = '"building-blocks build CONFIG" goes on'
        yield f"is unfinished: {', '.join(map(str, to_come))} are still to come; {again}"


def _local(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(local_paths(read_statement(folder / STATEMENT)))
    except AtlasError:  # there is none, or another version's
        return ()


def _damaged(folder: Path) -> Iterator[str]:
    advice = 'build the site again ("building-blocks site CONFIG")'
    for path, _ in damaged_files(folder):
        state = "is not as it was written" if path.exists() else "is missing"
        yield f"{path.relative_to(folder).as_posix()} {state}; {advice}"


def _too_large(sizes: Mapping[str, int]) -> Iterator[str]:
    for path, size in sizes.items():
        if size > limits.FILE:
            allowed = limits.megabytes(limits.FILE)
            yield f"{path} has {limits.megabytes(size)}, and GitHub refuses more than {allowed}"
    total = sum(sizes.values())
    if total > limits.SITE:
        over = limits.megabytes(total - limits.SITE)
        yield f"the site is {over} too large for GitHub Pages ({limits.megabytes(limits.SITE)})"
        for each in limits.advice(sizes, limits.SITE):
            yield f"  to reduce it: {each}"


def _broken(folder: Path) -> Iterator[str]:
    for source, link in links.broken(folder):
        yield f"{source} links to {link}, which is not in the site"


def _some(problems: Iterable[str]) -> Iterator[str]:
    """Yield the first few, and how many more there are."""
    found = list(problems)
    yield from found[:LISTED]
    if len(found) > LISTED:
        yield f"and {len(found) - LISTED} more like it"
