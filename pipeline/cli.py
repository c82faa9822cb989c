"""The command line: parses, calls, reports; does no work of its own.

Exit status: 0 done, 1 failed with a message, 2 wrong usage, 130 interrupted (what was finished is
kept). Each command imports what it needs when it runs, so that `--help` appears at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline import __version__
from pipeline.errors import AtlasError

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.progress import Reporter
    from pipeline.survey import Options

DEMO = "demo.toml"

Command = TypeVar("Command", bound=Callable[..., Any])


def demo_config() -> Path:
    """Return the configuration used where none is named.

    In a checkout it is beside the package, where the package is installed, inside it.
    """
    package = Path(__file__).resolve().parent
    paths = (package.parent / "configs" / DEMO, package / "configs" / DEMO)
    return next((path for path in paths if path.is_file()), paths[-1])


def _relative(path: Path) -> Path:
    """Return a path relative to the current folder, where it is below that."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


# ---------------------------------------------------------------------------------------- options
PATH = click.Path(path_type=Path)

CONFIG = click.argument(
    "config", type=PATH, required=False, default=lambda: _relative(demo_config())
)
DEVICE = click.option(
    "--device", help="auto, cpu, cuda, cuda:1 or mps; the configuration's by default."
)
OPTIONS = (
    click.option(
        "--output",
        type=PATH,
        default=Path("site"),
        show_default=True,
        help="Folder of the site.",
    ),
    click.option(
        "--store",
        "root",
        type=PATH,
        default=Path("build"),
        show_default=True,
        help="Folder of what is computed.",
    ),
    click.option("--figures", help="Only these figures, separated by commas."),
    click.option(
        "--skip-bad-images",
        is_flag=True,
        help="Leave out photographs that cannot be read instead of stopping.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    click.option("-v", "--verbose", is_flag=True, help="Print more."),
)
EXECUTION = (
    DEVICE,
    click.option(
        "--workers", type=click.IntRange(min=1), help="Processes that compute on this machine."
    ),
    click.option(
        "--scheduler",
        help="Address of a Dask scheduler whose workers compute, such as tcp://host:8786.",
    ),
)


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _given(
    config: Path, quiet: bool, verbose: bool, figures: str | None, **others: Any
) -> tuple[Config, Options, Reporter]:
    """Turn the arguments and options of a command into what the build takes."""
    from pipeline.config import read
    from pipeline.progress import Reporter
    from pipeline.survey import Options

    names = None
    if figures is not None:
        names = tuple(name.strip() for name in figures.split(",") if name.strip())
    reporter = Reporter(-1 if quiet else int(verbose))
    return read(config), Options(figures=names, **others), reporter


# --------------------------------------------------------------------------------------- commands
@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="building-blocks")
def cli() -> None:
    """Make a web site that shows what an image classifier sees in your photographs.

    CONFIG is a TOML file; by default it is the demo's: EfficientNet-Lite0 and three photographs,
    without a download.
    """


@cli.command()
@CONFIG
@_options(*OPTIONS, *EXECUTION)
def build(**given: Any) -> None:
    """Compute what is missing and generate the site."""
    from pipeline import build as builder

    builder.build(*_given(**given))


@cli.command()
@CONFIG
@_options(*OPTIONS)
def site(**given: Any) -> None:
    """Bake and generate the site again from what has been computed."""
    from pipeline import build as builder

    builder.regenerate(*_given(**given))


@cli.command()
@CONFIG
@_options(*OPTIONS, DEVICE)
def check(**given: Any) -> None:
    """Validate a configuration, its photographs and its network; compute nothing."""
    from pipeline import build as builder

    builder.check(*_given(**given))


@cli.command()
@CONFIG
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also list layers that cannot be shown, with the reason.",
)
def layers(config: Path, everything: bool) -> None:
    """List the network's layers: name, kind, shape, and whether they suit an atlas."""
    from pipeline import build as builder
    from pipeline.config import read

    for line in builder.list_layers(read(config), everything):
        click.echo(line)


@cli.command()
@click.argument("folder", type=PATH, default=Path("site"))
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on.",
)
def serve(folder: Path, port: int) -> None:
    """Serve a generated site on this machine."""
    from pipeline.website.serve import serve as run

    run(folder, port, lambda address: click.echo(f"{folder} is at {address}   (Ctrl-C stops)"))


@cli.command()
@click.argument("file", type=PATH)
def inspect(file: Path) -> None:
    """Show what a file of the store holds: datasets with shape, type, dims and units."""
    from pipeline.store import describe

    for line in describe(file):
        click.echo(line)


# ------------------------------------------------------------------------------------ exit status
def main() -> None:
    """Run the command line and exit."""
    try:
        cli.main(standalone_mode=False)
    except AtlasError as error:
        click.echo(_message(error), err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        kept = "What was finished is kept; the same command continues from there."
        click.echo(f"\nInterrupted. {kept}", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)


def _message(error: AtlasError) -> str:
    lines = str(error).splitlines()
    if len(lines) < 2:
        return f"Error: {error}"
    return "\n".join(["Errors:", *(f"  {line}" for line in lines)])
