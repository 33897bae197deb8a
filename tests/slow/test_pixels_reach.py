"""How well a GRU reads MNIST pixel by pixel after two epochs, run as its user runs it.

make slow        two minutes on two idle cores; prints the table

Bai, Kolter and Koltun (2018) report 96.2% for a GRU of this kind.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_a_gru_reads_what_a_window_has_not_seen(tmp_path):
    if not os.environ.get("AUTOGRAD_DATA"):
        pytest.skip("set AUTOGRAD_DATA to the folder of MNIST's files")
    flags = ["--net", "GRU", "window", "--steps", "1200", "--silent", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "docs.examples.sequential_mnist", *flags],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    print(done.stdout, flush=True)
    found = {
        net: float(share) for net, share in re.findall(r"^(\w[\w ]*?) +[\d,]+ +([\d.]+)%", done.stdout, re.M)
    }
    assert found["GRU"] >= 96.2
    assert found["window of 196"] < 65 and found["window of 392"] < 91
