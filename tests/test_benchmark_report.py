"""What is drawn and written of a run: pictures, the page, the README's block."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from benchmark_runs import a_run, judged  # noqa: E402 (matplotlib comes first)

from benchmarks import __main__ as program  # noqa: E402
from benchmarks import cases, results  # noqa: E402
from benchmarks.report import history, page, ratios, readme, roofline, scaling, style, write  # noqa: E402


@pytest.fixture
def run() -> results.Run:
    """Products and functions, on one and two threads, beside two peers; one row void."""
    run = a_run(complete=True, commit="c0ffee0000")
    run.limits["2"] = {name: 2 * value for name, value in run.limits["1"].items()}
    for name, count in (("gemm", 22), ("elementwise", 9)):
        case = cases.load(cases.package(name))
        for i, row in enumerate(case.rows[:count]):
            for threads in (1, 2):
                for peer, ratio in (("pytorch", 2.0), ("numpy", 0.5)):
                    seconds = 1e-3 / threads
                    result = judged(seconds, ratio * seconds, ratio * seconds * (0.5 if i == 3 else 1))
                    run.records.append(results.Record.of(case, row, threads, peer, result))
    return run


class Reader(HTMLParser):
    """Checks that what opens closes, and gathers the text and what the page would load."""

    SINGLE = {"meta", "!doctype"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.loads += [v or "" for name, v in attributes if name in ("src", "href") and tag != "use"]
        if tag not in self.SINGLE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_page_stands_alone(run: results.Run, tmp_path: Path) -> None:
    written = write.write([run], tmp_path / "report")
    assert all(path.exists() for path in written)
    assert {"overview.png", "roofline.png", "products.png", "sizes.png", "threads.png", "index.html"} <= {
        path.name for path in written
    }
    assert "case-elementwise-forward.png" in {path.name for path in written}
    assert written[0].read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "report" / "index.html").read_text()
    reader = Reader()
    reader.feed(text)
    assert set(reader.open) <= {"html", "body"} and reader.loads == []
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", text)
    words = " ".join(reader.text)
    for wanted in ("gemm float32", "2.00x", "c0ffee0000", "16 x 16 x 16", "float32 100.0 GFLOP/s"):
        assert wanted in words
    assert "void" in words and "2.00x as long as alone" in words


def test_page_follows_the_theme(run: results.Run) -> None:
    """All colours of a picture are variables, and both themes define every variable."""
    picture = style.svg(ratios.case(run, "gemm", "float32"))
    assert set(re.findall(r"#[0-9a-f]{6}", picture)) <= {"#000000"}  # matplotlib's default for what has none
    sheet = page.stylesheet()
    for name in re.findall(r"var\(--(\w+)\)", picture + sheet):
        assert sheet.count(f"--{name}:") == (1 if name == "type" else 2)
    assert len({light for light, _ in style.THEMES.values()}) == len(style.THEMES)


def test_labels_are_escaped(run: results.Run) -> None:
    run.records = [replace(run.records[4], row="<b>&")]
    text = page.page(run, [], {("gemm", "float32"): ratios.case(run, "gemm", "float32")})
    assert "&lt;b&gt;&amp;" in text and "<b>" not in text


def test_bars_stand_at_their_ratios(run: results.Run) -> None:
    figure = ratios.case(run, "gemm", "float32")
    one, two = figure.axes
    assert one.get_title(loc="left") == "one thread" and two.get_title(loc="left") == "two threads"
    ends = sorted({round(bar.get_x() + bar.get_width(), 6) for bar in one.patches})
    assert ends == [0.5, 2.0] and one.get_xscale() == "log"
    grey = [bar for bar in one.patches if style.COLOR["void"] == hexadecimal(bar.get_facecolor())]
    assert len(grey) == 2  # the fourth row, beside both peers
    labels = [label.get_text() for label in one.get_yticklabels()]
    assert labels[0] == "64 x 64 x 64" and len(labels) == 10


def hexadecimal(color: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color[:3])


def test_roofs_are_the_measured_ones(run: results.Run) -> None:
    figure = roofline.figure(run)
    assert figure is not None
    roof = figure.axes[0].lines[0]
    assert max(roof.get_ydata()) == 100.0  # float32
    assert roof.get_ydata()[0] == pytest.approx(11.0 * roof.get_xdata()[0])  # the fastest of memory
    run.limits = {}
    assert roofline.figure(run) is None


def test_two_threads_are_compared_with_one(run: results.Run) -> None:
    pairs = scaling.two_threads([r for r in run.records if r.peer == "pytorch"])
    assert {(ours, peer) for _, ours, peer in pairs} == {(2.0, 2.0)}
    assert len([name for name, _, _ in pairs if name == "gemm float32"]) == 9  # without the void row
    assert scaling.threads(a_run(2.0)) is None


def test_legends_are_no_wider_than_their_pictures(run: results.Run) -> None:
    run.records = [r for r in run.records if r.case == "gemm" or r.sizes["function"] == "mul"]  # one panel
    run.records = [r for r in run.records if r.threads == 1]
    for figure in (scaling.sizes(run), scaling.products(run), ratios.overview(run)):
        assert figure is not None
        assert figure.legends[0].get_window_extent().width <= figure.bbox.width
        names = [text.get_text() for text in figure.legends[0].get_texts()]
        assert {"PyTorch", "NumPy"} <= set(names)


def test_history_compares_the_rows_that_all_runs_have() -> None:
    def at(date: str, *ratios: float) -> results.Run:
        run = a_run(*ratios, date=date, commit=date)
        run.records = [replace(record, peer="pytorch") for record in run.records]
        return run

    runs = [at("2", 4.0, 4.0, 0.0), at("1", 1.0, 4.0, 9.0)]
    rows = history.common_rows(runs)
    assert {row for _, row in rows} == {"16 x 16 x 16", "64 x 64 x 64"}
    assert [history.means(run, rows)["gemm"] for run in runs] == pytest.approx([4.0, 2.0])
    figure = history.figure(runs)
    assert figure is not None
    assert list(figure.axes[0].lines[1].get_ydata()) == pytest.approx([2.0, 4.0])  # by date
    assert history.figure(runs[:1]) is None


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    return tmp_path


def test_readme_is_rewritten_between_its_marks(run: results.Run, house: Path) -> None:
    readme.write(run, house)
    once = (house / "README.md").read_text()
    assert once.startswith(f"before\n{readme.BEGIN}\n![") and once.endswith(f"{readme.END}\nafter\n")
    assert "old" not in once and "| gemm float32 | 2.00 (2.00) | 2.00 (2.00) | 0.50 (0.50) |" in once
    assert (house / readme.PICTURE).exists()
    rows = (house / readme.ROWS).read_text().splitlines()
    assert len(rows) == len(run.records) + 1
    assert rows[1] == "gemm,16 x 16 x 16,1,pytorch,1e+03,2e+03,2.000,2.000,2.000,"
    readme.write(run, house)
    assert (house / "README.md").read_text() == once


def test_variants_of_a_library_are_lines_of_their_own(run: results.Run) -> None:
    run.records = [replace(record, peer=f"{record.peer}_fused") for record in run.records[4:8]] + run.records
    assert "| gemm float32, fused |" in readme.table(run)


def test_readme_without_marks_is_refused(run: results.Run, house: Path) -> None:
    (house / "README.md").write_text("nothing")
    with pytest.raises(results.Unusable, match="has not both marks"):
        readme.write(run, house)
    assert (house / "README.md").read_text() == "nothing"


def test_the_readme_has_the_marks() -> None:
    text = (Path(readme.__file__).parents[2] / "README.md").read_text()
    assert text.count(readme.BEGIN) == text.count(readme.END) == 1


def test_report_says_what_is_wrong(
    run: results.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    assert program.main(["report"]) == 2
    assert "run `make bench` first" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    results.write(tmp_path / "results" / "quick-1.json", run)
    assert program.main(["report", "--output", str(tmp_path / "file")]) == 2
    assert "file can't be written" in capsys.readouterr().err
    run.records = []
    results.write(tmp_path / "results" / "quick-1.json", run)
    assert program.main(["report"]) == 2
    assert "there is no row" in capsys.readouterr().err
