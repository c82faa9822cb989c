"""The command line: parses, calls, reports; does no work of its own.

Exit status: 0 done, 1 failed with a message, 2 wrong usage, 130 interrupted by Ctrl-C and 143 by
SIGTERM (what was finished is kept). Each command imports what it needs when it runs, so that
`--help` appears at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline import __version__
from pipeline.errors import AtlasError
from pipeline.signals import KEPT, interruptible, status

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
        help="Photographs that cannot be read are no failure: exit status 0 without them.",
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
    config: Path,
    quiet: bool,
    verbose: bool,
    figures: str | None,
    restoring: bool = False,
    pretend: bool = False,
    **others: Any,
) -> tuple[Config, Options, Reporter]:
    """Turn the arguments and options of a command into what the build takes."""
    from pipeline.config import read
    from pipeline.progress import Reporter
    from pipeline.survey import Options

    names = None
    if figures is not None:
        names = tuple(name.strip() for name in figures.split(",") if name.strip())
    reporter = Reporter(-1 if quiet else int(verbose))
    options = Options(figures=names, **others)
    if restoring:
        from pipeline.upkeep import is_statement, restore

        if is_statement(config):
            return (*restore(config, options, reporter, write=not pretend), reporter)
    return read(config), options, reporter


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
@click.option(
    "--dry-run",
    "pretend",
    is_flag=True,
    help="Say what would be computed, why, and how long it would take; compute nothing.",
)
def build(pretend: bool, **given: Any) -> None:
    """Compute what is missing and generate the site.

    CONFIG may also be a site or a store: the same atlas is made from what its made.json says.
    """
    from pipeline import build as builder

    configured = _given(restoring=True, pretend=pretend, **given)
    if pretend:
        for line in builder.dry_run(*configured):
            click.echo(line)
    else:
        builder.build(*configured)


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
@click.option(
    "--trial/--no-trial",
    "trying",
    default=True,
    help="Also run one photograph through everything, and tell what a build would take.",
)
def check(trying: bool, **given: Any) -> None:
    """Validate a configuration, its photographs and its network, before hours are spent."""
    from pipeline import build as builder
    from pipeline.trial import try_out

    configured = _given(**given)
    found = builder.check(*configured)
    if trying:
        try_out(found, configured[-1])


@cli.command("init")
@click.argument("config", type=PATH, default=Path("atlas.toml"))
@click.option("--model", "source", help="torchvision:NAME, timm:NAME, FILE.py:FUNCTION, …")
@click.option("--images", multiple=True, help="A file, a folder, or a pattern; may be repeated.")
@click.option("--weights", help="A file, or a word that the source knows, such as random.")
@click.option("--classes", help="A text file with one class name a line.")
@click.option("--size", type=click.IntRange(8, 4096), help="Side of the input in pixels.")
@click.option("--mean", help="Of the preprocessing, such as 0.5,0.5,0.5.")
@click.option("--std", help="Likewise.")
@click.option("--steps", type=click.IntRange(1, 10_000), help="Of feature visualizations.")
@click.option("--title", default="What my network sees", show_default=True, help="Of the atlas.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
@click.option("--pages", is_flag=True, help="Also write a workflow that publishes on GitHub Pages.")
def begin(config: Path, force: bool, pages: bool, **given: Any) -> None:
    """Write a commented configuration, CONFIG, from a network and a folder of photographs.

    What is not given is asked for on a terminal.
    """
    from pipeline import init
    from pipeline.progress import Reporter

    given["source"] = _answer(given["source"], "--model", "Network (as in --model)")
    given["images"] = given["images"] or (_answer(None, "--images", "Folder of photographs"),)
    for key in ("mean", "std"):
        given[key] = init.numbers(given[key], key)
    init.init(config, init.Answers(**given), Reporter(), force)
    if pages:
        from pipeline.publish.workflow import write_workflow

        click.echo(f"{write_workflow(Path(), config)}: written")


def _answer(given: str | None, option: str, question: str) -> str:
    """What was given as an option, or is answered on a terminal."""
    if given:
        return given
    if not sys.stdin.isatty():
        raise click.UsageError(f"name it with {option}; there is nobody here to be asked")
    return str(click.prompt(question))


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
@CONFIG
@click.option(
    "--output", type=PATH, default=Path("site"), show_default=True, help="Folder of the site."
)
@click.option("--report", "only_report", is_flag=True, help="Look the site over; need no git.")
@click.option("--dry-run", "rehearse", is_flag=True, help="All but the commit and the push.")
@click.option("--force", is_flag=True, help="Publish over what others have put on the branch.")
@click.option(
    "--browser/--no-browser",
    "use_browser",
    default=True,
    help="Load the site in a browser first, where there is one.",
)
def publish(
    config: Path, output: Path, only_report: bool, use_browser: bool, **choices: bool
) -> None:
    """Publish a generated site on GitHub Pages: look it over, commit, push."""
    from pipeline import publish as publishing
    from pipeline.config import read

    table = read(config).settings.publish
    inspection = publishing.look_over(output, click.echo, use_browser)
    if not only_report:
        squash = table.history == "squash"
        target = publishing.Target(table.remote, table.branch, table.domain, squash)
        publishing.publish(inspection, target, click.echo, **choices)


@cli.command()
@CONFIG
@_options(*OPTIONS)
def verify(config: Path, output: Path, root: Path, **given: Any) -> None:
    """Check that everything computed and generated is as it was written, byte for byte."""
    from pipeline import upkeep
    from pipeline.store import Store
    from pipeline.survey import site_of

    configured, _, reporter = _given(config, **given)
    site = site_of(configured, output)
    upkeep.verify(Store(root / configured.name), site, str(config), reporter)


@cli.command()
@CONFIG
@_options(*OPTIONS)
@click.option(
    "--dry-run", "pretend", is_flag=True, help="Say what would be removed; remove nothing."
)
def clean(pretend: bool, **given: Any) -> None:
    """Remove what was computed and the configuration needs no more; -v lists the files."""
    from pipeline import build as builder

    builder.clean(*_given(**given), pretend)


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
    with interruptible():
        sys.exit(_status())


def _status() -> int:
    try:
        cli.main(standalone_mode=False)
    except AtlasError as error:
        click.echo(_message(error), err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo(f"\nInterrupted. {KEPT}", err=True)
        return status(error.__cause__ or error)
    except BrokenPipeError:
        return 1
    return 0


def _message(error: AtlasError) -> str:
    lines = str(error).splitlines()
    if len(lines) < 2:
        return f"Error: {error}"
    return "\n".join(["Errors:", *(f"  {line}" for line in lines)])
