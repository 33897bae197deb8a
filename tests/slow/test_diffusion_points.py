"""That diffusion finds all of 25 narrow clouds, and draws them as well as the data are.

make slow        about a minute on one core; prints the table
"""

from __future__ import annotations

import re

import pytest

from docs.examples import diffusion_points

pytestmark = pytest.mark.slow


def test_all_clouds_are_drawn_as_wide_as_they_are(tmp_path, capsys):
    flags = ["--seeds", "1", "--rates", "falling", "--silent", "--threads", "1", "--out", str(tmp_path)]
    assert diffusion_points.main(flags) == 0
    printed = capsys.readouterr().out
    print(printed)
    row = r"^rate falling, average +DDPM +(\d+)/25 +([\d.]+) +[\d.]+ +([\d.]+)$"
    found = re.search(row, printed, re.MULTILINE)
    assert found is not None, printed
    modes, quality, width = int(found[1]), float(found[2]), float(found[3])
    assert modes == 25 and quality >= 98 and 0.8 < width < 1.1
