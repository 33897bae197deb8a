"""Runs of the benchmarks, their files and their tables: what is kept, what is refused, what goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_runs import MACHINE, PLAN, a_run, judged

from autograd import kernels
from benchmarks import __main__ as program
from benchmarks import cases, protocol, results, running, table


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
    run = a_run(1.0, 2.0, 8.0, 0.0)
    small, group = table.groups(run.records)
    assert (small.name, group.name, group.rows, group.void) == ("gemm small", "gemm float32", 2, 1)
    assert group.mean == pytest.approx(4.0) and group.worst == run.records[1]
    text = table.by_case(run.records)
    assert "4.00" in text and " 2.00 64 x 64 x 64" in text
    assert table.groups([]) == []


def test_the_fastest_eager_peer_has_a_line_of_its_own() -> None:
    run = a_run(1.0, 2.0, 8.0)
    eager = [replace(record, peer="pytorch") for record in a_run(1.0, 4.0, 2.0).records]
    jitted = [replace(record, peer="jax") for record in a_run(0.1, 0.1, 0.1).records]
    found = {(group.name, group.peer): group for group in table.with_fastest(run.records + eager + jitted)}
    assert found["gemm float32", table.FASTEST].mean == pytest.approx(2.0)  # of 2 and 2
    assert len(found) == 2 * 4
    assert [group.peer for group in table.with_fastest(run.records)] == ["numpy", "numpy"]


def test_a_library_that_is_not_there_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    if not kernels.active:
        pytest.skip("no compiled kernels")
    assert set(running.libraries({"ours", "no_such_library", "numpy"}, PLAN)) == {"ours", "numpy"}
    assert "left out: no_such_library can't be imported here" in capsys.readouterr().err


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


def test_a_complete_run_is_kept_beside_the_next(runs: Runs) -> None:
    assert runs() == 0
    runs.ratio = lambda label: (_ for _ in ()).throw(KeyboardInterrupt)
    for option in ([], ["--fresh"]):  # the second writes over an interrupted one without rows
        assert runs(*option) == 130 and not runs.rows
        assert len(results.read(runs.file.with_name("speed.json.before")).records) == 5


@pytest.mark.parametrize("option", [["--fresh"], ["--rounds", "2"], ["--wait", "default"]])
def test_other_runs_do_not_go_on(runs: Runs, option: list[str]) -> None:
    runs.ratio = lambda label: (_ for _ in ()).throw(KeyboardInterrupt) if "512" in label else 2.0
    assert runs("--wait", "passive") == 130
    runs.ratio, rows = lambda label: 2.0, len(runs.rows)
    assert runs("--wait", "passive", *option) == 0 and len(runs.measured) == 5
    assert rows and len(results.read(runs.file.with_name("speed.json.interrupted")).records) == rows


def test_rows_that_do_not_exist_are_refused(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs("--row", "17 x 17") == 2
    assert "no row of gemm has '17 x 17' in its label" in capsys.readouterr().err
    assert program.main(["alone", "numpy", "--case", "conv", "gemm", "--row", "(64,1,28"]) == 2
    assert "no row of conv, gemm has '(64,1,28' in its label" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        runs("--case", "gem")
    assert "invalid choice: 'gem' (choose from" in capsys.readouterr().err
