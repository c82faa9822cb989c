"""`python -m tests.zoo [NAME …] [--layers]`: build the zoo, and write docs/zoo.md.

What was tried before with the same code is not tried again (`build/zoo` has the results), so an
interrupted run goes on where it stopped. With names, those architectures are tried whatever is
known of them, and nothing is written. With `--layers`, networks are only probed, which takes
seconds each, and nothing is kept.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import AtlasError
from pipeline.survey import Options
from tests.zoo.architectures import ARCHITECTURES, Architecture
from tests.zoo.results import CHECKOUT, Result, keep, kept
from tests.zoo.tiny import build_tiny, chosen_layers, configuration

PAGE = CHECKOUT / "docs" / "zoo.md"
_HEAD = """# The zoo

Tiny atlases of {count} architectures with random weights: one photograph, all figures, few steps of
everything. `make zoo` builds them and writes this page; `make test` builds those marked with a dot.
{good} of {count} gave an atlas.

The layers are those that the tool chose by itself. Everything that decides passes through each of
them; where a class token or registers are set apart from the positions (layout `NTC+1`), they are
counted in for that, and the page of such an atlas says that they go around. How layers are chosen,
and what the layouts are, is in [networks.md](networks.md).

| | architecture | input | atlas | layers, with C × H × W and layout |
|---|---|---|---|---|
"""


def main(arguments: Sequence[str]) -> int:
    """Try architectures, and report; return how many have no sound atlas."""
    names = {each for each in arguments if not each.startswith("--")}
    only_layers = "--layers" in arguments
    chosen = [each for each in ARCHITECTURES if not names or each.name in names]
    results = []
    for architecture in chosen:
        known = None if names or only_layers else kept(architecture)
        result = known or _tried(architecture, only_layers)
        if known is None and not only_layers:
            keep(result)
        print(_line(result), flush=True)
        results.append(result)
    bad = [result for result in results if not result.good]
    print(f"{len(results) - len(bad)} of {len(results)} are fine")
    if not arguments:
        PAGE.write_text(page(results))
    return len(bad)


def _tried(architecture: Architecture, only_layers: bool) -> Result:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            if not only_layers:
                return build_tiny(architecture, folder)
            path = configuration(architecture, folder)
            layers = chosen_layers(path, Options(root=folder / "build"))
            return Result(architecture, layers, None, 0, 0.0)
        except AtlasError as error:
            return Result(architecture, (), str(error), 0, 0.0)
        except Exception as error:  # a bug; the others are tried all the same
            traceback.print_exc()
            return Result(architecture, (), f"{type(error).__name__}: {error}", 0, 0.0)


def _line(result: Result) -> str:
    return " ".join([str(result.architecture), *_facts(result), f"{result.seconds:.0f} s"])


def _facts(result: Result) -> Iterator[str]:
    yield "fine:" if result.good else f"not fine: {result.error or 'layers'};"
    for layer in result.layers:
        sides = "×".join(map(str, layer.shape))
        doubt = "" if layer.is_cut and layer.counts else " no cut"
        yield f"{layer.name} {sides} {layer.layout}{doubt};"


def page(results: Sequence[Result]) -> str:
    """The page docs/zoo.md."""
    rows = []
    for result in results:
        architecture = result.architecture
        layers = ", ".join(
            f"`{each.name}` {' × '.join(map(str, each.shape))} {each.layout}"
            for each in result.layers
        )
        outcome = "yes" if result.good else f"no: {result.error or 'a layer is no cut'}"
        mark, side = "•" if architecture.quick else "", architecture.side
        rows.append(f"| {mark} | {architecture} | {side} × {side} | {outcome} | {layers} |")
    good = sum(result.good for result in results)
    return _HEAD.format(count=len(results), good=good) + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
