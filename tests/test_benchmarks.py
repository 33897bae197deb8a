"""The measuring protocol: what it keeps, what it calls void, what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, cycle, repeat
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import PLAN, Fake, judged

from benchmarks import __main__ as program
from benchmarks import cases, probe, processes, protocol, sides, worker
from benchmarks.processes import Block, Crew, Side


def test_blocks_run_in_turn() -> None:
    diary: list[str] = []
    runners = [Fake("peer", repeat(1.0), diary), Fake("ours", repeat(1.0), diary)]
    protocol.in_turn(runners, 3, PLAN, lambda: True)
    assert diary == ["peer", "ours"] * 3


def test_ratio_is_that_of_the_sides() -> None:
    result = judged(ours=1e-3, peer=2e-3, alone=2e-3)
    assert result.ratio is not None and result.ratio.median == 2.0
    assert result.void == ""
    assert result.blocks["ours"] == [Block(1e-3, 1e-3, 1e-3, 1)] * PLAN.rounds


def test_ratio_is_taken_round_by_round() -> None:
    """A machine that drifts slows both sides of a round alike, and the ratio does not see it."""
    drift = [1.0, 5.0, 2.0]
    runners = [Fake("peer", iter([3 * d for d in drift]), []), Fake("ours", iter(drift), [])]
    turns = protocol.in_turn(runners, 3, PLAN, lambda: True)
    alone = protocol.in_turn([Fake("peer", repeat(6.0), [])], 2, PLAN, lambda: True)
    ratio = protocol.judge(alone, turns).ratio
    assert ratio is not None and (ratio.low, ratio.median, ratio.high) == (3.0, 3.0, 3.0)


@pytest.mark.parametrize(("slowed", "void"), [(1.14, False), (1.16, True)])
def test_row_is_void_where_the_peer_is_disturbed(slowed: float, void: bool) -> None:
    assert bool(judged(ours=1.0, peer=slowed, alone=1.0).void) is void


def test_block_without_all_cores_is_run_again() -> None:
    # Alone, three probes pass. Then one before the peer's first block and one after; ours loses its cores.
    diary: list[str] = []
    probes = chain([True] * 2, [False], repeat(True))
    turns = protocol.in_turn(
        [Fake("peer", repeat(1.0), diary), Fake("ours", iter([9.0, 1.0, 1.0, 1.0]), diary)],
        PLAN.rounds, PLAN, lambda: next(probes),
    )  # fmt: skip
    assert diary == ["peer", "ours", "ours"] + ["peer", "ours"] * (PLAN.rounds - 1)
    assert turns.times(1) == [1.0] * PLAN.rounds
    assert (turns.complete, turns.tried) == (True, 2 * PLAN.rounds + 1)


def test_cores_that_come_and_go_are_given_up() -> None:
    probes = cycle([True, False])
    turns = protocol.in_turn([Fake("ours", repeat(1.0), [])], 4, PLAN, lambda: next(probes))
    assert (turns.kept, turns.tried, turns.complete) == (0, 4 * PLAN.tries, False)


def test_row_is_void_where_the_cores_never_come() -> None:
    result = judged(1.0, 1.0, 1.0, then=False)
    assert result.void == "the cores were there in only 0 of 0 blocks"
    assert result.ratio is None and result.ours is None


def test_first_fifth_of_a_block_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(worker, "perf_counter", lambda: clock[0])

    def run() -> None:
        clock[0] += 0.05 if clock[0] < 0.19 else 0.01  # slow at first, as cold code is

    block = worker.run_block(run, 1.0, 1)
    assert block["median"] == block["high"] == pytest.approx(0.01)
    assert block["calls"] == pytest.approx(80, abs=1)


def test_a_long_run_is_repeated_all_the_same() -> None:
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
    """A case whose peer takes three times as long as our side. (Any three installed libraries lend names.)"""
    folder = tmp_path / "fake_case"
    folder.mkdir()
    (folder / "__init__.py").write_text(FAKE_CASE)
    for side, microseconds, wrong in (("numpy", 300, 0), ("cffi", 100, 1), ("safetensors", 100, 0)):
        text = FAKE_SIDE.replace("MICROSECONDS", str(microseconds)).replace("WRONG", str(wrong))
        (folder / f"side_{side}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "fake_case"


def test_three_processes(fake_package: str) -> None:
    """From end to end: inputs from the seed, results compared, times that are those of the runs."""
    row, plan = cases.load(fake_package).rows[0], replace(PLAN, tries=9)
    passes = lambda: True  # noqa: E731 (other programs may hold the cores while the tests run)
    wrong = replace(row, sizes={"wrong": True})
    with Crew(["numpy", "cffi", "safetensors"], 1, plan.options) as crew:
        found = protocol.measure(crew, fake_package, row, ["numpy", "safetensors"], plan, passes, "cffi")
        assert list(found) == ["numpy", "safetensors"]
        for peer, seconds in (("numpy", 2.9e-4), ("safetensors", 0.9e-4)):  # a busy machine only adds to them
            result = found[peer]
            assert result.ours is not None and result.peer is not None and result.ratio is not None
            assert result.ours.low > 0.9e-4 and result.peer.low > seconds
            assert all(len(result.blocks[side]) == plan.rounds for side in ("ours", "peer"))
        found = protocol.measure(crew, fake_package, wrong, ["numpy", "safetensors"], plan, passes, "cffi")
        assert all("differ" in result.void and result.ours is None for result in found.values())


def test_a_side_that_dies_is_started_again(fake_package: str) -> None:
    row = cases.load(fake_package).rows[0]
    with Crew(["numpy", "cffi"], 1, PLAN.options) as crew:
        side = crew["numpy"]
        assert side.alive
        side.process.kill()
        side.process.wait()  # crew["numpy"] may be another by now
        found = protocol.measure(crew, fake_package, row, ["numpy"], PLAN, lambda: True, "cffi")
        assert found["numpy"].ratio is not None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to see a process's state in")
def test_only_the_side_that_works_is_awake() -> None:
    def state(side: Side) -> str:
        return Path(f"/proc/{side.process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    with Crew(["numpy", "cffi"], 1, PLAN.options) as crew:
        assert state(crew["numpy"]) == state(crew["cffi"]) == "T"  # stopped
        crew["numpy"].thaw()
        assert state(crew["numpy"]) != "T"


def test_a_side_that_fails_says_how() -> None:
    with Side("numpy", 1) as side, pytest.raises(processes.Failed, match="No module named 'no_such"):
        side.load("no_such_case", {})
    with Crew(["numpy", "cffi"], 1, PLAN.options) as crew:
        row = cases.Row("row", {}, ("numpy",))
        wrong = cases.package("gemm")  # it has no side_cffi.py, and these sizes are none
        found = protocol.measure(crew, wrong, row, ["numpy"], PLAN, lambda: True, "cffi")
    assert "the numpy side failed (load)" in found["numpy"].void and "KeyError" in found["numpy"].void


def test_numpy_backend_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOGRAD_BACKEND", "numpy")
    assert program.main(["run", "--case", "tiny", "--peer", "micrograd"]) == 2
    assert "the NumPy backend is active" in capsys.readouterr().err


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


def test_a_thread_count_is_taken_once() -> None:
    assert program.parser().parse_args(["run", "--threads", "1,1"]).threads == [1]


def test_every_side_gets_one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tunes a library is not inherited; counts, binding and allocation are the same for all."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    env = sides.environment(2, "kept", "passive")
    assert "OPENBLAS_CORETYPE" not in env
    assert env["OMP_WAIT_POLICY"] == "passive"
    assert {env[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL", "AUTOGRAD")} == {"2"}
    assert env["MALLOC_MMAP_MAX_"] == "0"
    env = sides.environment(2, "default", "default")
    assert "MALLOC_MMAP_MAX_" not in env and "OMP_WAIT_POLICY" not in env


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

    blocks = {"ours": [Block(taken, taken, taken, 1) for taken in (1.0, 2.0, 4.0)]}
    measured = replace(judged(1.0, 3.0, 3.0), blocks=blocks)
    monkeypatch.setattr(pairs, "measured", lambda *arguments: measured)
    case, fixture = cases.load(cases.package("gemm")), Fixture()
    pairs.test_pair(fixture, case, case.rows[0], "numpy", 1)
    assert fixture.rounds == [1.0, 2.0, 4.0]
    assert fixture.extra_info["ratio"] == {"median": 3.0, "low": 3.0, "high": 3.0}
    assert fixture.extra_info["against"] == "numpy" and fixture.extra_info["void"] == ""
