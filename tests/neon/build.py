"""Cross-compiles the kernels and tests/neon/driver.c for aarch64, with setup.py's own jobs and flags.

Needs Debian's gcc-aarch64-linux-gnu and libc6-dev-arm64-cross (another compiler: CC_AARCH64).
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import setup  # noqa: E402

CC = os.environ.get("CC_AARCH64", "aarch64-linux-gnu-gcc")
FOLDER = ROOT / "build" / "neon"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    extra = os.environ.get("KERNELGRAD_CFLAGS", "").split()
    jobs = [
        *setup.compile_jobs(setup.ISA_FLAGS["aarch64"]),
        (Path(__file__).with_name("driver.c"), "driver", []),
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(
            pool.map(
                lambda job: setup.compile_object(
                    CC, job[0], FOLDER / f"{job[1]}.o", [*setup.FLAGS, *extra, *job[2]]
                ),
                jobs,
            )
        )
    setup.run([CC, "-static", "-pthread", *map(str, objects), "-lm", "-o", str(FOLDER / "driver")])


if __name__ == "__main__":
    main()
