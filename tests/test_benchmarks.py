"""The measuring protocol: what it keeps, what it calls void, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, cycle, repeat
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import cases, probe, processes, protocol, results, running, sides, table, worker
from benchmarks.processes import Block, Crew, Side
from benchmarks.protocol import Plan

PLAN = Plan(seconds=0.01, alone=2, rounds=3, waits=2, pause=0.0)
MACHINE = {"cpu": "X", "architecture": "x86_64", "cores": 2}


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
    return protocol.judge(before, protocol.in_turn(sides, PLAN.rounds, PLAN, passes))


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
        assert crew["numpy"].alive
        crew["numpy"].process.kill()
        crew["numpy"].process.wait()
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


def a_run(*ratios: float, **facts: object) -> results.Run:
    """A run whose rows, the first of gemm, beside NumPy on one thread, have these ratios (0: void)."""
    run = results.Run.begin(MACHINE, {"ours": {"library": "kernelgrad"}}, PLAN)
    run.limits = {"1": {"float32": 100.0, "float64": 50.0, "triad": 10.0, "copy": 9.0, "read": 11.0}}
    case = cases.load(cases.package("gemm"))
    for row, ratio in zip(case.rows, ratios, strict=False):
        result = judged(1e-3, 1e-3 * (ratio or 1), 1e-3 * (ratio or 1), then=bool(ratio))
        run.records.append(results.Record.of(case, row, 1, "numpy", result))
    for name, value in facts.items():
        setattr(run, name, value)
    return run


def test_file_of_a_run(tmp_path: Path) -> None:
    run = a_run(2.0, 0.0)
    file = tmp_path / "new" / "speed.json"
    results.write(file, run)
    assert results.read(file) == run
    content = json.loads(file.read_text())
    assert {"format", "complete", "date", "commit", "machine", "limits", "libraries", "plan", "rows"} <= set(
        content
    )
    row, void = content["rows"]
    assert (row["case"], row["threads"], row["peer"], row["flops"]) == ("gemm", 1, "numpy", 2 * 16**3)
    assert row["result"]["ratio"] == {"median": 2.0, "low": 2.0, "high": 2.0}
    assert len(row["result"]["blocks"]["ours"]) == PLAN.rounds and row["result"]["void"] == ""
    assert void["result"]["void"] and void["result"]["ratio"] is None
    assert [path.name for path in file.parent.iterdir()] == ["speed.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no result of this suite"),
        ('{"format": 0}', "format 0, want 1"),
        ('{"format": 1, "rows": [{"case": "gemm"}]}', "is a broken result"),
    ],
)
def test_broken_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text(text)
    with pytest.raises(results.Unusable, match=message):
        results.read(file)
    with pytest.raises(results.Unusable, match="can't be read: No such file"):
        results.read(tmp_path / "none.json")


def test_unwritable_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(results.Unusable, match="can't be written"):
        results.write(tmp_path / "file" / "speed.json", a_run())


def test_lines_of_the_table() -> None:
    run = a_run(2.0, 0.0)
    run.limits["1"]["float32"] = 0.01  # of 16^3 in 1 ms, at 0.0082 GF/s, that is 82 %
    first, second = (table.line(record, run) for record in run.records)
    assert "1,000.0" in first and "2,000.0" in first and "2.00" in first and "82%" in first
    assert "VOID" in second and "VOID" not in first


def test_limit_of_a_row_is_the_later_of_arithmetic_and_memory() -> None:
    run = a_run(1.0, machine=MACHINE | {"cache": 500})
    row = replace(run.records[0], flops=1e9, bytes=1e9)
    assert table.least_time(row, run) == pytest.approx(1e9 / 11e9)  # memory, at 11 GB/s
    assert table.least_time(replace(row, bytes=999.0), run) == pytest.approx(1e9 / 100e9)  # held in cache
    assert table.least_time(replace(row, sizes={"dtype": "float64"}, bytes=None), run) == pytest.approx(0.02)
    assert table.least_time(replace(row, threads=2), run) is None  # that was not measured


def test_table_of_the_cases() -> None:
    run = a_run(2.0, 8.0, 0.0)
    (group,) = table.groups(run.records)
    assert (group.name, group.rows, group.void) == ("gemm float32", 2, 1)
    assert group.mean == pytest.approx(4.0) and group.worst == run.records[0]
    text = table.by_case(run.records)
    assert "4.00" in text and " 2.00 16 x 16 x 16" in text
    assert table.groups([]) == []


class FakeBar:
    """What a run says to the progress bar."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        self.lines.append(text)

    def update(self, count: int = 1) -> None: ...

    def reset(self, total: int) -> None: ...

    def set_description(self, text: str) -> None: ...

    def set_postfix_str(self, text: str) -> None: ...

    def __enter__(self) -> FakeBar:
        return self

    def __exit__(self, *error: object) -> None: ...


class FakeCrew:
    def __init__(self, *arguments: object) -> None: ...

    def __enter__(self) -> FakeCrew:
        return self

    def __exit__(self, *error: object) -> None: ...


class Runs:
    """Runs of `python -m benchmarks` whose measurements are those of `ratio(label)` (0: void)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
        self.file, self.measured = file, []
        self.ratio: Callable[[str], float] = lambda label: 2.0

        def measure(
            crew: object, package: str, row: cases.Row, peers: tuple[str, ...], *rest: object
        ) -> dict[str, protocol.Result]:
            self.measured.append(row.label)
            ratio = self.ratio(row.label)
            result = judged(1e-6, 1e-6 * (ratio or 9), 1e-6 * (ratio or 1))
            return dict.fromkeys(peers, result)

        monkeypatch.setattr(protocol, "measure", measure)
        monkeypatch.setattr(running, "libraries", lambda names, plan: {name: {} for name in names})
        monkeypatch.setattr(running, "measure_limits", lambda *arguments: None)
        monkeypatch.setattr(running, "Crew", FakeCrew)
        monkeypatch.setattr(running, "Probe", lambda cores: lambda: True)
        monkeypatch.setattr(running, "tqdm", lambda **options: FakeBar())
        FakeProbe = type("FakeProbe", (), {"passes": lambda self: True})
        monkeypatch.setattr(running, "Probe", lambda cores: FakeProbe())

    def __call__(self, *arguments: str) -> int:
        self.measured.clear()
        fixed = ["run", "--quick", "--case", "gemm", "--peer", "numpy", "--threads", "1", "--json"]
        return program.main([*fixed, str(self.file), *arguments])

    @property
    def rows(self) -> dict[str, results.Record]:
        return {record.row: record for record in results.read(self.file).records}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runs:
    return Runs(monkeypatch, tmp_path / "speed.json")


def test_a_run_writes_its_file_and_prints_its_tables(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs() == 0
    assert results.read(runs.file).complete
    assert list(runs.rows) == runs.measured and len(runs.measured) == 5
    out = capsys.readouterr().out
    assert "gemm float32" in out and "gemm float64" in out and str(runs.file) in out


def test_a_row_that_fails_does_not_end_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = protocol.measure

    def failing(crew: object, package: str, row: cases.Row, *rest: object) -> dict[str, protocol.Result]:
        if row.sizes["m"] == 512:
            return {"numpy": protocol.failed(protocol.Wrong("the results differ by 0.5"))}
        return measure(crew, package, row, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(protocol, "measure", failing)
    assert runs() == 1
    assert {label for label, row in runs.rows.items() if row.result.void == "the results differ by 0.5"} == {
        "512 x 512 x 512", "float64 512 x 512 x 512"
    }  # fmt: skip


def test_void_rows_are_measured_again(runs: Runs) -> None:
    ratios = iter([0.0, *[2.0] * 9])
    runs.ratio = lambda label: next(ratios)
    assert runs() == 0
    assert runs.measured[-1] == runs.measured[0] and len(runs.measured) == 6
    assert all(record.counts for record in runs.rows.values()) and len(runs.rows) == 5


def test_an_interrupted_run_goes_on(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(label: str) -> float:
        if label == "512 x 512 x 512":
            raise KeyboardInterrupt
        return 2.0

    runs.ratio = interrupted
    assert runs() == 130
    kept = list(runs.rows)
    assert len(kept) == 2 and not results.read(runs.file).complete
    runs.ratio = lambda label: 3.0
    assert runs() == 0
    assert "going on with the 2 rows" in capsys.readouterr().out
    assert len(runs.measured) == 3 and results.read(runs.file).complete
    assert {r.result.ratio.median for r in runs.rows.values() if r.result.ratio} == {2.0, 3.0}
    assert runs() == 0 and len(runs.measured) == 5  # it was complete: a new run begins


@pytest.mark.parametrize("option", [["--fresh"], ["--rounds", "2"], ["--wait", "default"]])
def test_other_runs_do_not_go_on(runs: Runs, option: list[str]) -> None:
    runs.ratio = lambda label: (_ for _ in ()).throw(KeyboardInterrupt) if "512" in label else 2.0
    assert runs("--wait", "passive") == 130
    runs.ratio = lambda label: 2.0
    assert runs("--wait", "passive", *option) == 0 and len(runs.measured) == 5


def test_rows_that_do_not_exist_are_refused(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs("--row", "17 x 17") == 2
    assert "no row of gemm has '17 x 17' in its label" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        runs("--case", "gem")
    assert "invalid choice: 'gem' (choose from" in capsys.readouterr().err


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
