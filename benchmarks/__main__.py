"""`python -m benchmarks [NAME …]`: run the benchmarks, print a table, write `build/benchmarks.json`."""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import json
import os
import pkgutil
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import benchmarks
from pipeline.errors import AtlasError

OUTPUT = Path("build/benchmarks.json")
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "h5py", "timm")


def machine() -> dict[str, Any]:
    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = names[0] if names else processor
    return {"processor": processor, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in PACKAGES}}


def table(rows: list[dict[str, Any]]) -> str:
    def cell(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)

    words = {True: "holds", False: "FAILS", None: ""}
    cells = [("benchmark", "value", "unit", "bound", "")]
    cells += [(row["name"], cell(row["value"]), row["unit"], cell(row["bound"]), words[row["holds"]]) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells)


def main() -> int:
    known = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(known)}")
    chosen = parser.parse_args().names or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    rows: list[dict[str, Any]] = []
    failed = False
    for name in chosen:
        began = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            rows += importlib.import_module(f"benchmarks.{name}").rows()
        except AtlasError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
        except Exception:  # one broken benchmark must not hide the others' figures
            traceback.print_exc()
            failed = True
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    # A plain list of rows; machine, versions and date come first, as a row of their own kind.
    about = {"name": "machine", "value": machine(), "unit": "", "bound": None, "holds": None, "versions": versions(), "date": now}
    OUTPUT.write_text(json.dumps([about, *rows], indent=1) + "\n")
    print(table(rows))
    print(f"\n{OUTPUT} written")
    return 1 if failed or any(row["holds"] is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
