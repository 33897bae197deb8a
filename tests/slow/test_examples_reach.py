"""What the examples promise, each run as its reader runs it: recurrent nets succeed where windows fail.

make slow        these take about three minutes on two cores; prints each table
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def table(example: str, folder: Path, *flags: str) -> dict[str, dict[str, float]]:
    """The table that an example prints: of each row the numbers, by the names in the head."""
    done = subprocess.run(
        [sys.executable, "-m", f"docs.examples.{example}", "--silent", "--out", str(folder), *flags],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    print(done.stdout, flush=True)
    lines = [line for line in done.stdout.splitlines() if "  " in line]
    head, *rows = (line.split("  ") for line in lines)
    names = [cell.strip() for cell in head if cell.strip()]
    found = {}
    for row in rows:
        first, *cells = (cell.strip() for cell in row if cell.strip())
        found[first] = {
            name: float(cell.split()[0].rstrip("%").replace(",", ""))
            for name, cell in zip(names[1:], cells, strict=False)
        }
    return found


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_parity(tmp_path, seed):
    found = table("parity", tmp_path, "--seed", seed)
    assert found["RNN"]["500"] >= 99 and found["RNN"]["50"] >= 99
    assert abs(found["window"]["500"] - 50) < 6  # four deviations of a thousand coins


def test_adding_and_how_far_gradients_reach(tmp_path):
    found = table("adding", tmp_path)
    assert max(found["LSTM"]["squared error"], found["GRU"]["squared error"]) <= 1e-3
    assert 0.15 < found["window"]["squared error"] < 0.19
    found = table("gradient_flow", tmp_path, "--resume")  # the LSTM and the GRU are those of adding
    assert found["RNN, trained"]["squared error"] > 0.1 and found["RNN, trained"]["t = 0"] < 1e-6
    for net in ("LSTM", "GRU"):
        assert found[f"{net}, untrained"]["t = 0"] < 1e-6 < 1e-2 < found[f"{net}, trained"]["t = 0"]
        assert found[f"{net}, trained"]["squared error"] <= 1e-3


def test_mackey_glass(tmp_path):
    found = table("mackey_glass", tmp_path)
    for net in ("GRU", "LSTM", "window of 20"):
        assert found[net]["84 steps"] < 0.1, net


def test_forecasts(tmp_path):
    found = table("forecasts", tmp_path)
    for net in ("GRU", "window"):
        assert found[f"airline, {net}"]["all ahead"] < found["airline, season ago"]["all ahead"]
        assert found[f"sunspots, {net}"]["1 step"] < found["sunspots, season ago"]["1 step"]


def test_a_gan_with_low_slopes_finds_all_of_the_grid_where_a_plain_one_does_not(tmp_path):
    flags = "--data grid --trials 1 --threads 1 --seed 2".split()  # the third of ten
    found = table("gaussians_gan", tmp_path, *flags, "--net", "GAN", "GAN, low slopes")
    assert found["GAN"]["modes"] < 23 and found["GAN, low slopes"]["modes"] == 25
    assert found["GAN, low slopes"]["high quality"] > 90
