"""python -m benchmarks run        our side beside the peers; tables, and a file of all that was measured
python -m benchmarks alone      one side by itself: what this machine gives that library
python -m benchmarks report     a page and pictures of what was measured; the README's table with --readme
python -m benchmarks targets    what this house wants to reach, and what a result says of it
python -m benchmarks programs   what becomes of training steps as programs: limits, memory, capture
python -m benchmarks playground the playground beside plain JavaScript, and its frames
python -m benchmarks words      word vectors beside gensim: words/s, memory, scores
python -m benchmarks compare    two results, or two commits: what grew faster, what slower

A ratio above 1 means that ours is faster. A row marked VOID does not count; it says why. Close other
programs first: what they take, the probe sees, and the run grows longer.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import cases, probe, protocol, results, sides
from benchmarks.processes import Failed


def thread_counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",") if part.isdigit()]
    available = len(probe.cores())
    if not counts or len(counts) != len(text.split(",")) or not all(1 <= c <= available for c in counts):
        raise argparse.ArgumentTypeError(f"want counts from 1 to {available}, as in 1,2; got {text!r}")
    return sorted(set(counts))


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"want a number >= 1, got {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="our side beside the peers", description=RUNNING)
    add_choice_of_rows(run)
    run.add_argument("--peer", nargs="+", choices=sides.SIDES[1:], help="only these peers")
    run.add_argument("--json", type=Path, metavar="FILE", help="the file (benchmarks/results/...)")
    run.add_argument("--fresh", action="store_true", help="don't go on with an interrupted run")
    alone = commands.add_parser("alone", help="one side by itself")
    add_choice_of_rows(alone)
    alone.add_argument("side", choices=sides.SIDES)
    report = commands.add_parser("report", help="a page and pictures of what was measured")
    text = "results; the newest is shown, the others are its history (the newest of benchmarks/results)"
    report.add_argument("files", nargs="*", type=Path, metavar="FILE", help=text)
    report.add_argument("--output", type=Path, default=results.FOLDER / "report", metavar="DIR", help="where")
    report.add_argument(
        "--readme", action="store_true", help="rewrite the README's table and picture instead"
    )
    targets = commands.add_parser("targets", help="what a result says of what this house wants to reach")
    targets.add_argument("files", nargs="*", type=Path, metavar="FILE", help="the newest of these, or of all")
    programs = commands.add_parser("programs", help="training steps as programs: limits, memory, capture")
    programs.add_argument("--row", default="", metavar="TEXT", help="only rows whose label has this text")
    programs.add_argument("--threads", type=positive, default=1, help="1, the default, or more")
    playground = commands.add_parser("playground", help="the playground beside plain JavaScript")
    playground.add_argument("--rounds", type=positive, default=5, help="blocks of each side in turn (5)")
    playground.add_argument("--seconds", type=positive_seconds, default=0.4, help="of a block (0.4)")
    words = commands.add_parser("words", help="word vectors beside gensim", description=WORDS)
    words.add_argument(
        "--words", type=all_or_positive, default=3_000_000, help="of the text, or all (3000000)"
    )
    words.add_argument("--epochs", type=positive, default=5, help="how often they are read (5)")
    words.add_argument("--seeds", type=positive, default=1, help="trainings of each model and side (1)")
    words.add_argument(
        "--threads", type=positive, default=min(2, len(probe.cores())), help="of a training (2)"
    )
    words.add_argument("--model", nargs="+", choices=WORD_MODELS, default=WORD_MODELS, help="which (all)")
    words.add_argument(
        "--classify",
        action="store_true",
        help="classify reviews (nsmc/ of --data) instead, beside scikit-learn",
    )
    words.add_argument("--text", type=Path, metavar="FILE", help="what is read (enwiki/ of --data)")
    words.add_argument("--data", type=Path, metavar="DIR", help="has enwiki/, wordeval/ ($AUTOGRAD_DATA)")
    words.add_argument("--json", type=Path, metavar="FILE", help="the file (benchmarks/results/words/...)")
    words.add_argument("--fresh", action="store_true", help="don't go on with an interrupted run")
    compare = commands.add_parser("compare", help="two results, or two commits", description=COMPARING)
    compare.add_argument("before", metavar="A", help="a file or a commit")
    compare.add_argument("after", metavar="B", help="another")
    compare.add_argument("--anyway", action="store_true", help="files of different machines or settings too")
    compare.add_argument("--least", type=share, default=0.03, help="the least change called one (0.03)")
    add_choice_of_rows(compare)
    return parser


RUNNING = "Our side beside the peers. An interrupted run (Ctrl-C) goes on when the same command comes again."
COMPARING = (
    "Two files of results, or two commits ('.' is the checkout as it is): those are built beside this one, "
    "and measured in turn. Exit status 1 where a row grew slower."
)


WORD_MODELS = ("cbow", "skipgram", "fasttext", "glove")
WORDS = (
    "Word vectors of ours and of gensim, trained in turns on the same lines. An interrupted run (Ctrl-C) "
    "goes on when the same command comes again. wordeval/ of the data folder judges them, if it is there."
)


def all_or_positive(text: str) -> int | None:
    return None if text == "all" else positive(text)


def share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"want a share from 0 to 1, as 0.03; got {text!r}")
    return number


def positive_seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 60:
        raise argparse.ArgumentTypeError(f"want seconds, above 0 and up to 60; got {text!r}")
    return number


def add_choice_of_rows(command: argparse.ArgumentParser) -> None:
    """Which rows, and how they are measured."""
    default = "1,2" if len(probe.cores()) > 1 else "1"
    command.add_argument("--case", nargs="+", choices=cases.NAMES, default=cases.NAMES, help="which cases")
    command.add_argument("--row", default="", metavar="TEXT", help="only rows whose label has this text")
    command.add_argument("--quick", action="store_true", help="a few rows, fewer rounds")
    command.add_argument("--rounds", type=positive, help="blocks of each side (5; 3 when quick)")
    command.add_argument("--threads", type=thread_counts, default=default, help="as in 1,2 (the default)")
    command.add_argument(
        "--heap", choices=sides.HEAPS, default="kept", help="allocation, for all sides alike (kept)"
    )
    command.add_argument(
        "--wait", choices=sides.WAITS, default=protocol.Plan.wait, help="how idle threads of the peers wait"
    )


def plan_of(options: argparse.Namespace) -> protocol.Plan:
    plan = protocol.QUICK if options.quick else protocol.Plan()
    plan = replace(plan, heap=options.heap, wait=options.wait)
    if options.rounds is None:
        return plan
    return replace(plan, rounds=options.rounds, alone=min(plan.alone, options.rounds))


def run(options: argparse.Namespace) -> int:
    """Exit status 1 where a side failed or two disagreed; the rows after that are still measured."""
    from benchmarks import running, table

    wanted = running.tasks(options.case, options.row, options.quick, options.threads, options.peer)
    if not wanted:
        return nothing(options)
    plan = plan_of(options)
    run, wanted = running.begin(wanted, plan)
    file = options.json or results.FOLDER / f"{name_of(options)}.json"
    before = None if options.fresh else running.resumed(run, file)
    if before is None:
        results.keep(file)
    run = before or run
    results.write(file, run)  # should that be impossible, better now than after an hour
    print(facts(run))
    if run.records:
        print(f"going on with the {len(run.records)} rows of {file}")
    print(table.HEADER)
    status = running.whole(run, wanted, plan, file)
    print(f"\nlimits: {run.limits}\n\n{table.by_case(run.records)}\n\nall of it: {file}")
    return status


def nothing(options: argparse.Namespace) -> int:
    labels = [row.label for name in options.case for row in cases.load(cases.package(name)).rows]
    print(
        f"benchmarks: no row of {', '.join(options.case)} has {options.row!r} in its label and one of the "
        f"sides asked for; there are, for instance: {', '.join(labels[:5])}",
        file=sys.stderr,
    )
    return 2


def name_of(options: argparse.Namespace) -> str:
    """The name of a run's file: a commit has one quick run, one full one, and the last of a part of it."""
    part = options.row or options.peer or tuple(options.case) != cases.NAMES
    kind = "part" if part else "quick" if options.quick else "full"
    return f"{kind}-{results.commit()[0] or 'unknown'}"


def facts(run: results.Run) -> str:
    lines = [", ".join(f"{key} {value}" for key, value in run.machine.items())]
    for side, known in run.libraries.items():
        lines.append(f"{side}: {', '.join(f'{key} {value}' for key, value in known.items())}")
    return "\n".join(lines)


def alone(options: argparse.Namespace) -> int:
    from benchmarks import running

    plan = plan_of(options)
    peers = None if options.side == sides.OURS else [options.side]
    wanted = running.tasks(options.case, options.row, options.quick, options.threads, peers)
    if not wanted:
        return nothing(options)
    for task in wanted:
        taken = protocol.summary(running.alone(options.side, task, plan).times())
        spread = (
            f"{taken.median * 1e6:11,.1f} us ({taken.low * 1e6:,.1f} - {taken.high * 1e6:,.1f})"
            if taken
            else "the cores never came"
        )
        print(f"{task.case.name:11} {task.row.label:42} {task.threads:3} {spread}", flush=True)
    return 0


def report(options: argparse.Namespace) -> int:
    try:
        from benchmarks.report import readme, write
    except ImportError as error:
        raise results.Unusable(f"a report needs matplotlib ({error}): pip install matplotlib") from None

    files = options.files or results.newest()
    runs = [results.read(file) for file in files]
    if options.readme:
        newest = max(runs, key=lambda run: run.date)
        written = readme.write(newest)
        print(readme.table(newest))
    else:
        written = write.write(runs, options.output)
    print(f"from {', '.join(map(str, files))}: {len(written)} files, {written[-1]} the last")
    return 0


def targets(options: argparse.Namespace) -> int:
    """Exit status 1 where one is missed, or has no row that counts."""
    from benchmarks import targets

    run = max(map(results.read, options.files or results.newest()), key=lambda run: run.date)
    text, reached = targets.report(run)
    print(text)
    return int(not reached)


def compare(options: argparse.Namespace) -> int:
    from benchmarks import compare

    files = [Path(name) for name in (options.before, options.after)]
    if any(file.suffix == ".json" or file.is_file() for file in files):
        verdicts = compare.of_files(*map(results.read, files), options.least, options.anyway)
        picked = [v for v in verdicts if v.case in options.case and options.row in v.row]
        verdicts = [v for v in picked if v.threads in options.threads]
        if not verdicts:
            raise results.Unusable("no row that both results have is of these cases, labels and threads")
    else:
        from benchmarks import commits, running

        plan = replace(plan_of(options), rounds=options.rounds or commits.ROUNDS, alone=1)
        wanted = running.tasks(options.case, options.row, options.quick, options.threads, None)
        if not wanted:
            return nothing(options)
        verdicts = commits.compared(options.before, options.after, wanted, plan, options.least)
    print("\n".join(verdict.line() for verdict in verdicts))
    print(f"\n{options.before} / {options.after}: above 1, {options.after} is faster")
    print(compare.summary(verdicts))
    return compare.status(verdicts)


def programs(options: argparse.Namespace) -> int:
    from benchmarks import programs

    programs.report(options.row, options.threads)
    return 0


def playground(options: argparse.Namespace) -> int:
    from benchmarks.playground import frames, measure

    rows = measure.report(protocol.Plan(seconds=options.seconds, rounds=options.rounds))
    frames.report(5 * options.seconds)
    print(measure.judged(rows))
    return 0


def words(options: argparse.Namespace) -> int:
    from benchmarks.words import run

    return run.words(options)


COMMANDS = {
    "playground": playground,
    "programs": programs,
    "words": words,
    "run": run,
    "alone": alone,
    "report": report,
    "targets": targets,
    "compare": compare,
}


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except (sides.Refused, results.Unusable, protocol.Wrong, Failed) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("benchmarks: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
