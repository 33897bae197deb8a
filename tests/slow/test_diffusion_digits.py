"""What the example of diffusion on digits promises, run as its reader runs it: digits near to real ones, and
nearer by the average of the weights than by those of the last step.

make slow        takes about a minute on one core; prints the table
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_the_average_draws_better_than_the_last_weights(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "docs.examples.diffusion_digits", "--objective", "v", "--seeds", "1",
         "--silent", "--threads", "1", "--out", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    print(done.stdout, flush=True)
    rows = re.findall(r"^v +(last weights|average) +([\d.]+) .* ([\d.]+)%$", done.stdout, re.MULTILINE)
    found = {name: (float(frechet), float(asked)) for name, frechet, asked in rows}
    assert found["average"][0] < 0.6  # 0.44, 0.37 and 0.46 with three seeds; the floor is 0.49
    assert found["average"][0] < 0.8 * found["last weights"][0]
    assert found["average"][1] > 96
