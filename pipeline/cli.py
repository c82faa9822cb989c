"""The command line: parses, calls, reports; does no work of its own.

Exit status: 0 done, 1 failed with a message, 2 wrong usage, 130 interrupted (what was finished is kept).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline import __version__
from pipeline.errors import AtlasError

DEMO = "demo.toml"


def demo_config() -> Path:
    """The configuration used where none is named: beside the package in a checkout, inside it where it is installed."""
    package = Path(__file__).resolve().parent
    places = (package.parent / "configs" / DEMO, package / "configs" / DEMO)
    return next((place for place in places if place.is_file()), places[-1])


def _shown(path: Path) -> Path:
    """A path as short as it can be said from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


CONFIG = click.argument("config", type=click.Path(path_type=Path), required=False, default=lambda: _shown(demo_config()))


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    decorators = [
        click.option("--output", type=click.Path(path_type=Path), default=Path("site"), show_default=True, help="Folder of the site."),
        click.option(
            "--store", "root", type=click.Path(path_type=Path), default=Path("build"), show_default=True, help="Folder of what is computed."
        ),
        click.option("--figures", help="Only these figures, separated by commas."),
        click.option("--skip-bad-images", is_flag=True, help="Leave out photographs that cannot be read instead of stopping."),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
        click.option("-v", "--verbose", is_flag=True, help="Say more."),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def _execution(function: Callable[..., Any]) -> Callable[..., Any]:
    decorators = [
        click.option("--device", help="auto, cpu, cuda, cuda:1 or mps; the configuration's by default."),
        click.option("--workers", type=click.IntRange(min=1), help="Processes that compute on this machine."),
        click.option("--scheduler", help="Address of a Dask scheduler whose workers compute, such as tcp://host:8786."),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def _read(config: Path) -> Any:
    from pipeline.config import read

    return read(config)


def _build_options(**given: Any) -> Any:
    from pipeline.build import Options

    figures = given.pop("figures")
    names = tuple(name.strip() for name in figures.split(",") if name.strip()) if figures is not None else None
    return Options(figures=names, **given)


def _reporter(quiet: bool, verbose: bool) -> Any:
    from pipeline.progress import Reporter

    return Reporter(-1 if quiet else int(verbose))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="building-blocks")
def cli() -> None:
    """Turn an image classifier and a folder of photographs into a web site that shows what the network sees.

    CONFIG is a TOML file; without one, the demo is meant: EfficientNet-Lite0 and three photographs, nothing to download.
    """


@cli.command()
@CONFIG
@_options
@_execution
def build(config: Path, quiet: bool, verbose: bool, **given: Any) -> None:
    """Compute what is missing and generate the site."""
    from pipeline import build as builder

    builder.build(_read(config), _build_options(**given), _reporter(quiet, verbose))


@cli.command()
@CONFIG
@_options
def site(config: Path, quiet: bool, verbose: bool, **given: Any) -> None:
    """Bake and generate the site again from what has been computed."""
    from pipeline import build as builder

    builder.regenerate(_read(config), _build_options(**given), _reporter(quiet, verbose))


@cli.command()
@CONFIG
@_options
@click.option("--device", help="auto, cpu, cuda, cuda:1 or mps; the configuration's by default.")
def check(config: Path, quiet: bool, verbose: bool, **given: Any) -> None:
    """Validate a configuration, its photographs and its network; compute nothing."""
    from pipeline import build as builder

    builder.check(_read(config), _build_options(**given), _reporter(quiet, verbose))


@cli.command()
@CONFIG
@click.option("--all", "everything", is_flag=True, help="Also list layers that cannot be shown, with the reason.")
def layers(config: Path, everything: bool) -> None:
    """List the network's layers: name, kind, shape, and whether they suit an atlas."""
    from pipeline import build as builder

    for line in builder.list_layers(_read(config), everything):
        click.echo(line)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("site"))
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
def serve(folder: Path, port: int) -> None:
    """Serve a generated site on this machine."""
    from pipeline.serve import serve as run

    run(folder, port, lambda address: click.echo(f"{folder} is at {address}   (Ctrl-C stops)"))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def inspect(file: Path) -> None:
    """Show what a file of the store holds: datasets with shape, type, dims and units."""
    from pipeline.store import describe

    for line in describe(file):
        click.echo(line)


def main() -> None:
    """Run the command line and exit."""
    try:
        cli.main(standalone_mode=False)
    except AtlasError as error:
        click.echo(f"Error: {error}" if "\n" not in str(error) else f"Errors:\n{_indented(str(error))}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted. What was finished is kept; the same command goes on from there.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
