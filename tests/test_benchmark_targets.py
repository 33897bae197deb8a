"""What a run says of the targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_runs import a_run

from benchmarks import __main__ as program
from benchmarks import results, targets
from benchmarks.table import fastest, ratio_of


def beside(peer: str, *ratios: float) -> list[results.Record]:
    return [replace(record, peer=peer) for record in a_run(*ratios).records]


def test_the_fastest_peer_counts() -> None:
    records = beside("pytorch", 2.0, 0.5, 3.0) + beside("numpy", 1.5, 4.0, 0.0) + beside("jax", 0.1, 0.1)
    first, second, third = fastest(records, ("pytorch", "numpy"), "fastest")
    assert (ratio_of(first), ratio_of(second), first.peer) == (1.5, 0.5, "fastest")
    assert not third.counts  # NumPy's was void, and might have been the fastest


def line_of(run: results.Run, name: str) -> str:
    (line,) = [line for line in targets.report(run)[0].splitlines() if line.startswith(name)]
    return line


def test_means_and_worst_rows_are_held_against_the_targets() -> None:
    run = a_run(1.4, 1.0, 0.95, 1.2, 0.0)  # 16^3, then three of 64^3 up, and a void one
    assert "1.04 of 1.00 " in line_of(run, "products, float32")
    assert "0.95 of 0.90 " in line_of(run, "products, float32")
    run.records[1:3] = a_run(1.4, 0.89, 0.7).records[1:3]
    text, reached = targets.report(run)
    assert "0.91 of 1.00!" in text and "0.70 of 0.90!" in text and not reached
    assert "below: 128 x 128 x 128 0.70, 64 x 64 x 64 0.89" in text


def test_a_target_whose_rows_are_all_void_is_not_reached() -> None:
    text, reached = targets.report(a_run(1.0, 0.0, 0.0))
    assert not reached and "products, float32" in text and "all void!" in text
    with pytest.raises(results.Unusable, match="no row that a target is about"):
        targets.report(a_run())


def test_a_call_is_compared_with_pytorch_alone() -> None:
    run = a_run()
    run.records = beside("pytorch", 1.4) + beside("numpy", 0.5)
    assert "1.40 of 1.30 " in line_of(run, "a call at 16^3")


def test_strong_peers_are_those_above_half_of_the_peak() -> None:
    run = a_run(1.0, 1.0)
    record = run.records[1]
    assert record.result.peer is not None and record.flops is not None
    run.limits["1"]["float32"] = 2.1 * record.flops / record.result.peer.median / 1e9
    assert not targets.strong_peer(record, run)
    run.limits["1"]["float32"] /= 1.1
    assert targets.strong_peer(record, run)
    assert not targets.strong_peer(replace(record, threads=2), run)  # that limit is not known


def test_share_of_the_peak() -> None:
    run = a_run(*[1.0] * 7)
    large = run.records[-1]
    assert large.row == targets.PEAK[0] and large.flops is not None
    for share, verdict in ((0.9, "90% of 88% "), (0.5, "50% of 88%!")):
        run.limits["1"]["float32"] = large.flops / 1e-3 / 1e9 / share
        assert verdict in targets.report(run)[0]


def test_every_target_has_rows() -> None:
    """No target is about a case, a group or a peer that is not there."""
    from benchmarks import cases

    rows = [
        (name, row.group, peer, row)
        for name in cases.NAMES
        for row in cases.load(cases.package(name)).rows
        for peer in row.peers
    ]
    run = a_run(1.0)
    for target in targets.TARGETS:
        for peer in target.peers:
            found = [
                row
                for case, group, beside, row in rows
                if case in target.cases and beside == peer and (not target.groups or group in target.groups)
            ]
            assert found, (target.name, peer)
    labels = [row.label for row in cases.load(cases.package("jit")).rows if "updates" not in row.sizes]
    assert [label for label, *_ in (*targets.COMPILED, *targets.SEQUENCES)] == labels
    small = next(target for target in targets.TARGETS if "16^3" in target.name)
    assert small.picked(run.records[0], run)


def test_compiled_steps_are_held_against_the_fastest_peer_on_one_thread() -> None:
    run, (label, _, least) = a_run(), targets.COMPILED[1]
    for threads in (1, 2):
        for peer, ratio in (("pytorch", 2 * least), ("jax", 0.9 * least)):
            run.records += [
                replace(record, case="jit", row=label, group="", threads=threads)
                for record in beside(peer, ratio)
            ]
    text = targets.report(run)[0]
    assert f"{0.9 * least:.2f} of {least:.2f}!" in text
    assert text.count("compiled, MLP 784-128-10") == 1


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "speed.json"
    for ratio, status in ((1.0, 0), (0.5, 1)):
        results.write(file, a_run(0.0, ratio))
        assert program.main(["targets", str(file)]) == status
        assert "products, float32" in capsys.readouterr().out
