"""python -m benchmarks run    our side beside the peers; a table, and JSON with --json FILE
python -m benchmarks alone  one side by itself: what this machine gives that library

A ratio above 1 means that ours is faster. A row marked VOID does not count; it says why. Close other
programs first: what they take, the probe sees, and the run grows longer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import cases, probe, protocol, report, sides
from benchmarks.cases import Case, Row


def thread_counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",") if part.isdigit()]
    available = len(probe.cores())
    if not counts or len(counts) != len(text.split(",")) or not all(1 <= c <= available for c in counts):
        raise argparse.ArgumentTypeError(f"want counts from 1 to {available}, as in 1,2; got {text!r}")
    return counts


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"want a number >= 1, got {text}")
    return number


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    default = "1,2" if len(probe.cores()) > 1 else "1"
    for name, text in (("run", "our side beside the peers"), ("alone", "one side by itself")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--case", nargs="+", choices=cases.NAMES, default=cases.NAMES, help="which cases"
        )
        command.add_argument("--row", default="", metavar="TEXT", help="only rows whose label has this text")
        command.add_argument("--quick", action="store_true", help="a few rows, fewer rounds")
        command.add_argument("--rounds", type=positive, help="blocks of each side (5; 3 when quick)")
        command.add_argument(
            "--threads", type=thread_counts, default=default, help="such as 1,2 (the default)"
        )
        command.add_argument(
            "--heap", choices=sides.HEAPS, default="kept", help="allocation, for both sides alike (kept)"
        )
        if name == "run":
            command.add_argument("--peer", nargs="+", choices=sides.SIDES[1:], help="only these peers")
            command.add_argument("--json", type=Path, metavar="FILE", help="where to write what was measured")
        else:
            command.add_argument("side", choices=sides.SIDES)
    return parser


def chosen(options: argparse.Namespace) -> Iterator[tuple[Case, Row, int]]:
    for name in options.case:
        case = cases.load(cases.package(name))
        for threads in options.threads:
            if case.serial and threads != options.threads[0]:
                continue
            for row in case.rows:
                if options.row in row.label and (row.quick or not options.quick):
                    yield case, row, 1 if case.serial else threads


def libraries(names: set[str]) -> dict[str, dict[str, object]]:
    """The facts of every side that can run here. Our own must; a peer that can't is left out."""
    facts = {}
    for name in sorted(names):
        try:
            with protocol.Side(name, 1) as side:
                facts[name] = side.facts
        except sides.Refused as refused:
            if name == sides.OURS:
                raise
            print(f"left out: {refused}", file=sys.stderr)
    return facts


def run(options: argparse.Namespace, plan: protocol.Plan) -> int:
    """Exit status 1 where a side failed or the two disagreed; the rows after that are still measured."""
    wanted = [
        (case, row, threads, peer)
        for case, row, threads in chosen(options)
        for peer in row.peers
        if not options.peer or peer in options.peer
    ]
    facts = libraries({peer for *_, peer in wanted} | {sides.OURS})
    machine = sides.machine()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(
        "\n".join(f"{name}: {', '.join(f'{k} {v}' for k, v in fact.items())}" for name, fact in facts.items())
    )
    print(report.HEADER)
    records = []
    status = 0
    for case, row, threads, peer in wanted:
        if peer not in facts:
            continue
        try:
            result = protocol.measure(cases.package(case.name), row, peer, threads, plan)
        except (protocol.Failed, protocol.Wrong) as error:
            print(error, file=sys.stderr)
            result = protocol.failed(error)
            status = 1
        records.append(report.Record.of(case, row, threads, peer, result))
        print(records[-1].line(), flush=True)
        if options.json:
            report.write(options.json, report.document(machine, facts, plan, records))
    return status


def alone(options: argparse.Namespace, plan: protocol.Plan) -> int:
    for case, row, threads in chosen(options):
        if options.side == sides.OURS or options.side in row.peers:
            measured = protocol.measure_alone(cases.package(case.name), row, options.side, threads, plan)
            print(report.alone_line(case, row, threads, options.side, measured), flush=True)
    return 0


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    plan = replace(protocol.QUICK if options.quick else protocol.Plan(), heap=options.heap)
    if options.rounds is not None:
        plan = replace(plan, rounds=options.rounds, alone=min(plan.alone, options.rounds))
    try:
        return (run if options.command == "run" else alone)(options, plan)
    except sides.Refused as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
