"""Two commits measured in turn: each is checked out beside this one and built, and takes the part of a side.

The rows, and the programs that run them, are those of this checkout on both sides. Where code and arrays
happen to lie in memory differs from process to process and moves some rows by 5 %, for as long as the process
lives. So a ratio is the median of few rounds, and each comes from a new pair of processes, of which one time
the one begins and the next time the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tqdm import tqdm

from benchmarks import cases, compare, protocol, results
from benchmarks.compare import Verdict
from benchmarks.probe import Probe, cores
from benchmarks.processes import ROOT, Crew
from benchmarks.results import Key, Record
from benchmarks.running import Task, crews
from benchmarks.table import ratio_of

HERE = "."  # the name of this checkout as it is, with what is not committed yet
BEFORE, AFTER = "before", "after"
STARTS = 6  # pairs of processes: the least from which an interval is sure (compare.py)
ROUNDS = 2


@contextmanager
def checkout(name: str) -> Iterator[list[Path]]:
    """The paths to import a commit from: this checkout's benchmarks, then the commit's folder, built."""
    if name == HERE:
        yield [ROOT]
        return
    commit = resolved(name)
    with tempfile.TemporaryDirectory(prefix="kernelgrad-") as folder:
        shown, tree = Path(folder, "shown"), Path(folder, "tree")
        shown.mkdir()
        (shown / "benchmarks").symlink_to(ROOT / "benchmarks")
        git("worktree", "add", "--detach", str(tree), commit)
        try:
            build(name, tree)
            yield [shown, tree]
        finally:
            git("worktree", "remove", "--force", str(tree))


def resolved(name: str) -> str:
    try:
        return git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except subprocess.CalledProcessError:
        raise results.Unusable(
            f"{name!r} is neither a file of results nor a commit here ({HERE!r} is the checkout as it is)"
        ) from None
    except OSError as error:
        raise results.Unusable(f"git can't be run: {error}") from None


def git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def build(name: str, tree: Path) -> None:
    print(f"building {name}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tree,
        env=os.environ | {"KERNELGRAD_BUILD": "require"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise results.Unusable(f"the kernels of {name} can't be built: {last}")


def compared(
    before: str, after: str, wanted: Sequence[Task], plan: protocol.Plan, least: float
) -> list[Verdict]:
    """A verdict on every task."""
    ratios: dict[Key, list[float]] = {}
    last: dict[Key, Record] = {}
    with ExitStack() as stack:
        paths = {BEFORE: stack.enter_context(checkout(before)), AFTER: stack.enter_context(checkout(after))}
        bar = stack.enter_context(tqdm(total=STARTS * len(wanted), unit="row", leave=False, disable=None))
        for start in range(STARTS):
            for threads, part in crews(wanted):
                for record, ratio in measured(part, threads, paths, plan, swapped=bool(start % 2)):
                    last[record.key] = record
                    if ratio is not None:
                        ratios.setdefault(record.key, []).append(ratio)
                    bar.update()
    return [
        compare.judged(record, ratios.get(key, []), least, record.result.void) for key, record in last.items()
    ]


def measured(
    part: Sequence[Task],
    threads: int,
    paths: Mapping[str, Sequence[Path]],
    plan: protocol.Plan,
    swapped: bool,
) -> Iterator[tuple[Record, float | None]]:
    """Rows of one case, by one pair of processes, and time before / time after of those that count."""
    probe = Probe(cores()[-threads:])
    first, then = (AFTER, BEFORE) if swapped else (BEFORE, AFTER)
    with Crew([first, then], threads, plan.options, paths) as crew:
        for task in part:
            package = cases.package(task.case.name)
            found = protocol.measure(crew, package, task.row, [first], plan, probe.passes, ours=then)
            record = Record.of(task.case, task.row, threads, BEFORE, found[first])
            ratio = ratio_of(record) if record.counts else None  # of the first / the other
            yield record, 1 / ratio if ratio and swapped else ratio
