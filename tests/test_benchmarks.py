"""The measuring protocol: what it keeps, what it calls void, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import cases, probe, protocol, report, sides, worker
from benchmarks.protocol import Block, Plan

PLAN = Plan(seconds=0.01, alone=2, rounds=3, waits=2, pause=0.0)


@dataclass
class Fake:
    """A side whose blocks take the times it is given; keeps a diary of who ran."""

    name: str
    times: Iterator[float]
    diary: list[str]

    def block(self, seconds: float) -> Block:
        self.diary.append(self.name)
        taken = next(self.times)
        return Block(taken, taken, taken, calls=1)


def judged(ours: float, peer: float, alone: float, *first_probes: bool, then: bool = True) -> protocol.Result:
    """A row whose peer takes `alone` by itself; the probes answer `first_probes`, and `then` ever after."""
    probes = chain(first_probes, repeat(then))

    def passes() -> bool:
        return next(probes)

    before = protocol.in_turn([Fake("peer", repeat(alone), [])], PLAN.alone, PLAN, passes)
    sides = [Fake("peer", repeat(peer), []), Fake("ours", repeat(ours), [])]
    return protocol.judge(before, protocol.in_turn(sides, PLAN.rounds, PLAN, passes), PLAN)


def test_blocks_run_in_turn() -> None:
    diary: list[str] = []
    runners = [Fake("peer", repeat(1.0), diary), Fake("ours", repeat(1.0), diary)]
    protocol.in_turn(runners, 3, PLAN, lambda: True)
    assert diary == ["peer", "ours"] * 3


def test_ratio_is_that_of_the_sides() -> None:
    result = judged(ours=1e-3, peer=2e-3, alone=2e-3)
    assert result.ratio is not None and result.ratio.median == 2.0
    assert result.void == ""
    assert result.blocks == (1e-3,) * PLAN.rounds


def test_ratio_is_taken_round_by_round() -> None:
    """A machine that drifts slows both sides of a round alike, and the ratio does not see it."""
    drift = [1.0, 5.0, 2.0]
    runners = [Fake("peer", iter([3 * d for d in drift]), []), Fake("ours", iter(drift), [])]
    turns = protocol.in_turn(runners, 3, PLAN, lambda: True)
    alone = protocol.in_turn([Fake("peer", repeat(6.0), [])], 2, PLAN, lambda: True)
    ratio = protocol.judge(alone, turns, PLAN).ratio
    assert ratio is not None and (ratio.low, ratio.median, ratio.high) == (3.0, 3.0, 3.0)


@pytest.mark.parametrize(("slowed", "void"), [(1.14, False), (1.16, True)])
def test_row_is_void_where_the_peer_is_disturbed(slowed: float, void: bool) -> None:
    assert bool(judged(ours=1.0, peer=slowed, alone=1.0).void) is void


def test_round_without_all_cores_is_run_again() -> None:
    # Alone, three probes pass. Then the probe after our second block fails, and that round is dropped.
    result = judged(1.0, 1.0, 1.0, *[True] * 7, False)
    assert (result.kept, result.tried, result.void) == (PLAN.rounds, PLAN.rounds + 1, "")


def test_row_is_void_where_the_cores_never_come() -> None:
    result = judged(1.0, 1.0, 1.0, then=False)
    assert result.void == "the cores were there in only 0 of 15 rounds"
    assert result.ratio is None and result.blocks == ()
    assert result.tried == PLAN.tries * PLAN.rounds


def test_first_fifth_of_a_block_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(worker, "perf_counter", lambda: clock[0])

    def run() -> None:
        clock[0] += 0.05 if clock[0] < 0.19 else 0.01  # slow at first, as cold code is

    block = worker.run_block(run, 1.0, 1)
    assert block["median"] == block["high"] == pytest.approx(0.01)
    assert block["calls"] == pytest.approx(80, abs=1)


def test_a_long_run_fills_a_block_with_five() -> None:
    runs: list[int] = []
    worker.run_block(lambda: runs.append(1), 0.0, 1)
    assert len(runs) == worker.FEWEST


def test_results_must_agree() -> None:
    a = np.ones((2, 2), np.float32)
    assert protocol.difference([a + 1e-6], [a], 1e-5) == pytest.approx(1e-6, rel=0.1)
    for wrong in (a + 1e-3, a * np.nan, a[0]):
        with pytest.raises(protocol.Wrong, match="shape|differ"):
            protocol.difference([wrong], [a], 1e-5)


@pytest.mark.parametrize(("together", "passes"), [(1000.0, False), (1700.0, False), (1900.0, True)])
def test_probe_wants_what_the_cores_do_alone(
    together: float, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "burst", lambda cores, seconds: 1000.0 if len(cores) == 1 else together)
    two = probe.Probe([0, 1])
    assert two() == together / 1000
    assert two.passes() is passes


def test_probe_measures_a_core() -> None:
    core = probe.Probe(probe.cores()[-1:], seconds=0.003)
    shares = [core() for _ in range(20)]  # a core that others use may do nothing in one burst
    assert 0.1 < max(shares) <= 1.0


FAKE_CASE = """
from benchmarks.cases import Case, Row
CASE = Case("fake", (Row("spin", {"wrong": False}, ("numpy",)),), lambda sizes, rng: {"x": rng.random(3)})
"""
FAKE_SIDE = """
from time import perf_counter
def make(inputs, wrong):
    def run():
        end = perf_counter() + MICROSECONDS * 1e-6
        while perf_counter() < end:
            pass
        return inputs["x"] + (wrong and WRONG)
    return run
"""


@pytest.fixture
def fake_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A case whose peer takes three times as long as our side. (Any two installed libraries lend names.)"""
    folder = tmp_path / "fake_case"
    folder.mkdir()
    (folder / "__init__.py").write_text(FAKE_CASE)
    for side, microseconds, wrong in (("numpy", 300, 0), ("cffi", 100, 1)):
        text = FAKE_SIDE.replace("MICROSECONDS", str(microseconds)).replace("WRONG", str(wrong))
        (folder / f"side_{side}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "fake_case"


def test_two_processes(fake_package: str) -> None:
    """From end to end: two worker processes, inputs from the seed, results compared, times as expected."""
    row = cases.load(fake_package).rows[0]
    plan = replace(PLAN, tries=5)
    result = protocol.measure(fake_package, row, "numpy", 1, plan, ours="cffi")
    if not result.void:  # other programs may hold every core while the tests run
        assert result.ratio is not None and 2 < result.ratio.median < 4.5
        assert result.peer is not None and result.peer.median > 2.9e-4
    wrong = replace(row, sizes={"wrong": True})
    with pytest.raises(protocol.Wrong, match="differ"):
        protocol.measure(fake_package, wrong, "numpy", 1, plan, ours="cffi")


def test_worker_states_its_failure() -> None:
    with protocol.Side("numpy", 1) as side, pytest.raises(protocol.Failed, match="No module named 'no_such"):
        side.load("no_such_case", {})


def test_numpy_backend_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOGRAD_BACKEND", "numpy")
    assert program.main(["run", "--case", "tiny", "--peer", "micrograd"]) == 2
    assert "the NumPy backend is active" in capsys.readouterr().err


def test_json_file(tmp_path: Path) -> None:
    case = cases.load(cases.package("gemm"))
    record = report.Record.of(case, case.rows[0], 1, "pytorch", judged(1e-6, 2e-6, 2e-6))
    libraries = {"ours": {"library": "kernelgrad", "backend": "c"}}
    file = tmp_path / "new" / "speed.json"
    report.write(file, report.document(sides.machine(), libraries, PLAN, [record]))
    content = json.loads(file.read_text())
    assert set(content) == {"machine", "libraries", "plan", "rows"}
    assert {"cpu", "isa", "cores", "python"} <= set(content["machine"])
    (row,) = content["rows"]
    assert (row["case"], row["threads"], row["peer"], row["flops"]) == ("gemm", 1, "pytorch", 2 * 16**3)
    assert row["result"]["ratio"] == {"median": 2.0, "low": 2.0, "high": 2.0}
    assert row["result"]["void"] == ""
    assert [path.name for path in file.parent.iterdir()] == ["speed.json"]
    assert "2.00" in record.line() and "VOID" not in record.line()


@pytest.mark.parametrize("name", cases.NAMES)
def test_every_row_has_its_sides(name: str) -> None:
    """Each named side has its file, inputs come the same every time, and labels tell rows apart."""
    case = cases.load(cases.package(name))
    folder = Path(cases.__file__).parent / name
    for row in case.rows:
        for side in (*row.peers, sides.OURS):
            assert side in sides.SIDES
            assert (folder / f"side_{side}.py").exists(), f"{name}: no side_{side}.py"
    assert len({row.label for row in case.rows}) == len(case.rows)
    assert any(row.quick for row in case.rows)
    first, second = case.draw(case.rows[0].sizes), case.draw(case.rows[0].sizes)
    assert all(np.array_equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("text", ["0", "1,x", "", "1000"])
def test_absurd_thread_counts_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        program.main(["run", "--threads", text])
    assert exit_.value.code == 2
    assert "want counts from 1 to" in capsys.readouterr().err


def test_every_side_gets_one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tunes a library is not inherited; counts, binding and allocation are the same for all."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    env = sides.environment(2, "kept")
    assert "OPENBLAS_CORETYPE" not in env
    assert env["OMP_WAIT_POLICY"] == "passive"
    assert {env[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL", "AUTOGRAD")} == {"2"}
    assert env["MALLOC_MMAP_MAX_"] == "0" and "MALLOC_MMAP_MAX_" not in sides.environment(2, "default")


def test_a_row_that_fails_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(package: str, row: cases.Row, *rest: object) -> protocol.Result:
        if row.sizes["m"] == 512:
            raise protocol.Wrong("the results differ by 0.5 of the largest value")
        return judged(1e-6, 2e-6, 2e-6)

    monkeypatch.setattr(protocol, "measure", measure)
    monkeypatch.setattr(program, "libraries", lambda names: {name: {} for name in names})
    file = tmp_path / "speed.json"
    arguments = ["run", "--quick", "--case", "gemm", "--peer", "numpy", "--threads", "1", "--json", str(file)]
    assert program.main(arguments) == 1
    rows = json.loads(file.read_text())["rows"]
    for row in rows:
        wrong = row["sizes"]["m"] == 512
        assert row["result"]["void"] == ("the results differ by 0.5 of the largest value" if wrong else "")
    assert len({row["result"]["void"] for row in rows}) == 2
    assert "VOID: the results differ" in capsys.readouterr().out


def test_pytest_benchmark_holds_our_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock shows the measured blocks, whatever the process itself takes."""
    from benchmarks import test_pairs as pairs

    class Fixture:
        group = ""
        extra_info: dict[str, object] = {}

        def pedantic(self, target: Callable[[], None], rounds: int) -> None:
            self.rounds = []
            for _ in range(rounds):
                start = pairs.CLOCK()
                target()
                self.rounds.append(pairs.CLOCK() - start)

    measured = replace(judged(1.0, 3.0, 3.0), blocks=(1.0, 2.0, 4.0))
    monkeypatch.setattr(protocol, "measure", lambda *arguments: measured)
    case, fixture = cases.load(cases.package("gemm")), Fixture()
    pairs.test_pair(fixture, case, case.rows[0], "numpy", 1)
    assert fixture.rounds == [1.0, 2.0, 4.0]
    assert fixture.extra_info["ratio"] == {"median": 3.0, "low": 3.0, "high": 3.0}
    assert fixture.extra_info["against"] == "numpy" and fixture.extra_info["void"] == ""
