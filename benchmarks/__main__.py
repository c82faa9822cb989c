"""`python -m benchmarks [NAME …]`: run benchmarks, print a table, write `build/benchmarks.json`."""

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
from benchmarks._rows import table
from pipeline.errors import AtlasError

OUTPUT = Path("build/benchmarks.json")
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "h5py", "timm")


def machine() -> dict[str, Any]:
    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    system = f"{platform.system()} {platform.machine()}"
    return {"processor": processor, "cores": os.cpu_count(), "system": system}


def versions() -> dict[str, str]:
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **packages}


def known() -> list[str]:
    modules = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    return sorted(name for name in modules if not name.startswith("_"))


def chosen() -> list[str]:
    """The benchmarks that the command line names, or all."""
    listed = ", ".join(known())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {listed}")
    names = parser.parse_args().names or known()
    unknown = [name for name in names if name not in known()]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; known are {listed}")
    return names


def run(name: str) -> list[dict[str, Any]] | None:
    """The rows of one benchmark, or None where it failed: the others are still run."""
    began = time.monotonic()
    print(f"{name} …", file=sys.stderr, flush=True)
    try:
        return importlib.import_module(f"benchmarks.{name}").rows()
    except AtlasError as error:
        print(f"{name}: {error}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    finally:
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return None


def save(rows: list[dict[str, Any]]) -> None:
    """Write a plain list of rows; machine, versions and date come first, as a row of their own."""
    about = {
        "name": "machine",
        "value": machine(),
        "unit": "",
        "bound": None,
        "holds": None,
        "versions": versions(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([about, *rows], indent=1) + "\n")


def main() -> int:
    results = [run(name) for name in chosen()]
    rows = [row for result in results for row in result or ()]
    save(rows)
    print(table(rows))
    print(f"\n{OUTPUT} written")
    failed = None in results or any(row["holds"] is False for row in rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
