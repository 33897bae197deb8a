"""Verdicts on two results, and on two commits."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import MACHINE, a_run, judged

from benchmarks import __main__ as program
from benchmarks import cases, commits, compare, processes, protocol, results, running
from benchmarks.processes import ROOT, Crew


def record_of(ratio: float = 1.0) -> results.Record:
    return a_run(ratio).records[0]


def noisy(middle: float, noise: float, count: int, seed: int) -> list[float]:
    return (middle * np.exp(noise * np.random.default_rng(seed).standard_normal(count))).tolist()


@pytest.mark.parametrize(
    ("count", "place"), [(5, 0), (6, 0), (8, 0), (9, 1), (12, 2), (15, 3), (20, 5)]
)  # the tables of Hollander and Wolfe for the sign test, at 95 %
def test_interval_is_that_of_the_order_statistics(count: int, place: int) -> None:
    values = [float(i) for i in range(count)]
    assert compare.interval(values[::-1]) == (place, count - 1 - place)


def test_interval_holds_the_median_as_often_as_it_says() -> None:
    """Also where the noise is heavy on one side, as that of a machine is."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        low, high = compare.interval(rng.exponential(1.0, 9).tolist())
        held += low <= np.log(2) <= high
    assert held >= 950


@pytest.mark.parametrize(
    ("ratio", "noise", "word"),
    [
        (1.10, 0.01, "faster"),
        (0.90, 0.01, "slower"),
        (1.00, 0.01, "no difference seen"),
        (1.00, 0.30, "no difference seen"),
        (1.02, 0.001, "no difference seen"),  # sure, but too little
        (1.10, 0.50, "no difference seen"),  # much, but unsure
    ],
)
def test_verdict(ratio: float, noise: float, word: str) -> None:
    found = compare.judged(record_of(), noisy(ratio, noise, 9, seed=1), compare.LEAST)
    assert found.word == word and found.low <= found.ratio <= found.high


def test_nothing_is_said_from_few_ratios() -> None:
    found = compare.judged(record_of(), [2.0] * 4, compare.LEAST, "the cores were away")
    assert (found.word, found.reason) == ("void", "the cores were away")
    assert "the cores were away" in found.line()


def test_verdicts_read_well() -> None:
    faster = compare.judged(record_of(), [1.05, 1.08, 1.08, 1.09, 1.11], compare.LEAST)
    slower = compare.judged(record_of(), [0.5] * 9, compare.LEAST)
    assert "faster              1.08x (1.05..1.11)" in faster.line()
    text = compare.summary([faster, slower])
    assert "1 faster, 1 slower, 0 no difference seen, 0 void" in text
    assert "gemm small" in text and f"{(1.08 * 0.5) ** 0.5:.2f}x" in text
    assert text.count("slower  ") == 1  # listed once more at the end
    assert (compare.status([faster]), compare.status([faster, slower])) == (0, 1)


# Files -------------------------------------------------------------------------------------------


def words(before: results.Run, after: results.Run) -> list[str]:
    return [verdict.word for verdict in compare.of_files(before, after, compare.LEAST)]


def test_files_are_compared_row_by_row() -> None:
    before, after = a_run(1.0, 1.0, 1.0, 0.0), a_run(1.2, 0.8, 1.01, 1.0)
    assert words(before, after) == ["faster", "slower", "no difference seen", "void"]
    assert words(before, before)[:3] == ["no difference seen"] * 3


def test_a_faster_machine_is_no_faster_code() -> None:
    """Twice as fast as before, and the peer too: the peer's time is the measure."""
    before, after = a_run(1.5), a_run()
    case = cases.load(cases.package("gemm"))
    after.records = [results.Record.of(case, case.rows[0], 1, "numpy", judged(0.5e-3, 0.75e-3, 0.75e-3))]
    assert words(before, after) == ["no difference seen"]


def test_another_machine_is_refused() -> None:
    other = a_run(1.0, machine=MACHINE | {"cpu": "Y"})
    with pytest.raises(results.Unusable, match=r"different machines \(X, 2 cores; Y, 2 cores\)"):
        compare.of_files(a_run(1.0), other, compare.LEAST)
    assert len(compare.of_files(a_run(1.0), other, compare.LEAST, anyway=True)) == 1


def test_other_settings_are_refused() -> None:
    """Threads of the peer that sleep at once make ours look faster."""
    other = a_run(2.0)
    other.plan = {**other.plan, "wait": "passive"}
    with pytest.raises(results.Unusable, match="heap kept, wait default; heap kept, wait passive"):
        compare.of_files(a_run(1.0), other, compare.LEAST)
    assert len(compare.of_files(a_run(1.0), other, compare.LEAST, anyway=True)) == 1


def test_another_version_of_the_peer_is_no_measure() -> None:
    other = a_run(1.0, libraries={"numpy": {"library": "numpy 9"}})
    with pytest.raises(results.Unusable, match="no row and peer in common"):
        compare.of_files(a_run(1.0), other, compare.LEAST)


def test_command_compares_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(tmp_path / name) for name in ("a.json", "b.json")]
    for name, run in zip(names, (a_run(1.0, 1.0), a_run(1.5, 0.5)), strict=True):
        results.write(Path(name), run)
    assert program.main(["compare", *names]) == 1
    out = capsys.readouterr().out
    assert "1 faster, 1 slower" in out and "16 x 16 x 16" in out
    assert program.main(["compare", *names, "--row", "16 x 16"]) == 0  # the faster one
    assert program.main(["compare", *names, "--row", "17 x 17"]) == 2
    assert "no row that both results have" in capsys.readouterr().err
    assert program.main(["compare", names[0], str(tmp_path / "c.json")]) == 2
    assert "c.json can't be read" in capsys.readouterr().err


# Commits -----------------------------------------------------------------------------------------


def test_names_that_are_nothing_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["compare", "no-such-commit", ".", "--case", "tiny", "--quick"]) == 2
    assert "'no-such-commit' is neither a file of results nor a commit" in capsys.readouterr().err


def test_a_checkout_is_built_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    if not results.commit()[0]:
        pytest.skip("no git checkout")
    built: list[Path] = []
    monkeypatch.setattr(commits, "build", lambda name, tree: built.append(tree))
    with commits.checkout("HEAD") as paths:
        shown, tree = paths
        assert built == [tree] and (tree / "autograd").is_dir()
        assert (shown / "benchmarks" / "worker.py").samefile(ROOT / "benchmarks" / "worker.py")
    assert not tree.exists()
    assert str(tree) not in subprocess.check_output(["git", "-C", ROOT, "worktree", "list"], text=True)


def test_a_side_imports_its_own_checkout(tmp_path: Path) -> None:
    """The library of the commit, measured by the programs of this checkout."""
    shown, tree = tmp_path / "shown", tmp_path / "tree"
    shown.mkdir()
    (shown / "benchmarks").symlink_to(ROOT / "benchmarks")
    (tree / "autograd").mkdir(parents=True)
    (tree / "autograd" / "__init__.py").write_text("raise ImportError('the other autograd')")
    with Crew(["before"], 1, {}, {"before": [shown, tree]}) as crew:
        side = crew.sides["before"]
        with pytest.raises(processes.Failed, match="the other autograd"):
            assert side.facts


@pytest.mark.parametrize(("speed", "word"), [(1.0, "no difference seen"), (2.0, "faster"), (0.5, "slower")])
def test_each_pair_of_processes_gives_one_ratio(
    speed: float, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has luck of its own, of 5 %, in all of its rounds; every other time the later commit begins."""
    luck = iter([1.05, 0.95, 1.04, 0.96, 1.05, 1.05])
    starts: list[list[str]] = []

    @contextmanager
    def checkout(name: str) -> Iterator[list[Path]]:
        yield [ROOT]

    class FakeCrew:
        def __init__(self, names: list[str], *arguments: object) -> None:
            starts.append(names)
            self.luck = next(luck)

        def __enter__(self) -> FakeCrew:
            return self

        def __exit__(self, *error: object) -> None: ...

    def measure(
        crew: FakeCrew, package: str, row: cases.Row, peers: list[str], *rest: object, ours: str
    ) -> dict[str, protocol.Result]:
        times = {"before": speed * 1e-3, "after": 1e-3}
        first = times[peers[0]] * crew.luck
        return {peers[0]: judged(times[ours], first, first)}

    monkeypatch.setattr(commits, "checkout", checkout)
    monkeypatch.setattr(commits, "Crew", FakeCrew)
    monkeypatch.setattr(commits, "Probe", lambda cores: type("P", (), {"passes": None})())
    monkeypatch.setattr(protocol, "measure", measure)
    wanted = running.tasks(["gemm"], "16 x 16 x 16", True, [1], None)
    (verdict,) = commits.compared("a", "b", wanted, protocol.Plan(), compare.LEAST)
    assert verdict.word == word and verdict.row == "16 x 16 x 16"
    assert verdict.ratio == pytest.approx(speed, rel=0.06)
    assert starts == [["before", "after"], ["after", "before"]] * 3
