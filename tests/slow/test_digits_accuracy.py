"""How well the digits app learns: whole trainings, each run as its user runs it.

    make slow        about ten minutes on two cores; prints each run's last line

Accuracies are those of the last epoch, on the test images, which nothing was chosen by.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]

RUNS = [
    # dataset, model, seeds, least mean accuracy in percent
    ("optdigits", "cnn", range(5), 99.2),  # 1-nearest neighbour: 98.00
    ("mnist", "dnn", range(3), 98.4),
    ("mnist", "cnn", range(3), 99.25),
    ("mnist", "quick", range(10), 99.0),  # one epoch
]


def accuracy(dataset: str, model: str, seed: int, folder: Path) -> float:
    """The accuracy that `train` prints in its last line, in percent."""
    flags = ["--dataset", dataset, "--model", model, "--seed", str(seed), "--output", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "apps.digits", "train", *flags], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    *_, seconds, last = done.stdout.splitlines()
    print(f"{last}, {seconds}", flush=True)
    assert last.startswith("test accuracy ") and last.endswith(f"{model}, seed {seed})")
    return float(last.split()[2].rstrip("%"))


@pytest.mark.parametrize("dataset, model, seeds, least", RUNS, ids=lambda x: x if isinstance(x, str) else "")
def test_accuracy(tmp_path, dataset, model, seeds, least):
    if dataset != "optdigits" and not os.environ.get("AUTOGRAD_DATA"):
        pytest.skip("set AUTOGRAD_DATA to the folder of MNIST's files")
    found = [accuracy(dataset, model, seed, tmp_path / str(seed)) for seed in seeds]
    mean = sum(found) / len(found)
    print(f"{dataset} {model}: mean of {len(found)} seeds {mean:.2f}%", flush=True)
    assert mean >= least
