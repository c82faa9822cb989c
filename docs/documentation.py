"""What the documentation's site has beside the files in docs/: hooks of MkDocs.

`commands.md` is written from the command line's own help and `keys.md` from the configuration's
models, each time the site is built; README.md, CONTRIBUTING.md and CHANGELOG.md come from above
this folder, and so do the configurations and the examples that pages link to.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipeline.cli import cli  # noqa: E402
from pipeline.config import Settings, Table  # noqa: E402

ABOVE = {
    "index.md": "README.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not in docs/."""
    for name, source in ABOVE.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "commands.md", content="\n".join(commands())))
    files.append(File.generated(config, "keys.md", content="\n".join(keys())))
    for path in sorted((ROOT / "configs").rglob("*.*")):
        if path.suffix == ".pyc":
            continue
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links of files that stand elsewhere lead to the same pages here."""
    if page.file.src_uri in ABOVE:
        return re.sub(r"\]\(docs/", "](", markdown)
    return re.sub(r"\]\(\.\./", "](", markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Remove the page for missing pages: its links begin at the root of a host."""
    (Path(config.site_dir) / "404.html").unlink(missing_ok=True)


def commands() -> Iterator[str]:
    """Yield the page of all commands, from their help."""
    yield "# Commands\n"
    for name, command in sorted(cli.commands.items()):
        context = click.Context(command, info_name=f"building-blocks {name}", max_content_width=90)
        yield f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"
    yield "Exit status: 0 done, 1 failed with a message, 2 wrong usage, 130 and 143 interrupted.\n"


def keys() -> Iterator[str]:
    """Yield the page of all keys of a configuration, from its models."""
    yield "# Keys and defaults\n"
    yield "[configuration.md](configuration.md) says what each is for.\n"
    for name, info in Settings.model_fields.items():
        table = _table(info.annotation)
        if table is None:
            yield f"`{name}`: {_kind(info.annotation)}, {_default(info)}\n"
            continue
        yield f"## [{name}]\n\n| key | type | default |\n|---|---|---|"
        for key, each in table.model_fields.items():
            yield f"| `{key}` | {_kind(each.annotation)} | {_default(each)} |"
        yield ""


def _table(annotation: Any) -> type[Table] | None:
    is_table = isinstance(annotation, type) and issubclass(annotation, Table)
    return annotation if is_table else None


def _kind(annotation: Any) -> str:
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if annotation in names:
        return names[annotation]
    text = re.sub(r"\b(typing|pipeline\.\w+)\.", "", str(annotation))
    text = re.sub(r"Annotated\[(\w+), .*?\)\]", r"\1", text)
    if "Literal" in text and not text.startswith("dict"):
        return " or ".join(f'`"{each}"`' for each in get_args(annotation) if isinstance(each, str))
    return f"`{text}`".replace("|", "or").replace("NoneType", "None")


def _default(info: Any) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    return "none" if value is None else f"`{value!r}`"
