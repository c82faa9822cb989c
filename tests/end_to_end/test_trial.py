"""`check`'s trial: what would fail in a build fails there, and what a build takes is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline import build, trial
from pipeline.config import read
from pipeline.errors import AtlasError
from pipeline.progress import Reporter
from tests.end_to_end.conftest import Workplace
from tests.files import contents

DEAD = """
from torch import nn
from tests.unit.networks import Plain, network

class Dead(nn.Module):
    def forward(self, x):
        return x * 0

def build():
    module = Plain()
    module.late.append(Dead())
    return network(module)
"""

PICKY = """
from torch import nn
from tests.unit.networks import Plain, network

class Picky(nn.Module):
    def forward(self, x):
        if len(x) > 1:
            raise ValueError("one photograph at a time")
        return x

def build():
    module = Plain()
    module.stem.append(Picky())
    return network(module)
"""


def tried(work: Workplace) -> None:
    config, reporter = read(work.config), Reporter(0)
    trial.try_out(build.check(config, work.options(), reporter), reporter)


def test_a_trial_tells_what_a_build_takes_and_leaves_nothing(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(tmp_path)
    tried(workplace)
    said = " ".join(capsys.readouterr().err.split())
    pattern = r"takes about .+ here, [\d.]+ GB of memory, at most (\d+) MB in .+ and ([\d.]+) MB"
    found = re.search(pattern, said)
    assert found is not None, said
    after = {name for name in contents(tmp_path) if "__pycache__" not in name}
    assert after == {name for name in before if "__pycache__" not in name}
    workplace.build()
    site = sum(path.stat().st_size for path in workplace.site.rglob("*") if path.is_file()) / 1e6
    assert float(found[2]) == pytest.approx(site, rel=1.2)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (DEAD, 'one photograph, tried out: .*layer "late".* is zero everywhere.*; choose another'),
        (PICKY, "one photograph, tried out: (.|\n)*one photograph at a time"),
    ],
)
def test_what_would_fail_in_a_build_fails_in_the_trial(
    workplace: Workplace, code: str, message: str
) -> None:
    (workplace.folder / "my_models.py").write_text(code)
    with pytest.raises(AtlasError, match=message):
        tried(workplace)
