"""The documentation is executed: every Python block of README.md and docs/, in order, one namespace a file.

    ```python                   run: with >>> as a doctest, else as a program that must not fail
    ```python quote=PATH        not run: must stand in that file, word for word ("..." lines leave out)
    ```python skip=REASON       not run, and says why

Blocks in other languages are not run, but held to what they quote. Links to files must lead somewhere.
"""

from __future__ import annotations

import doctest
import importlib.util
import re
import shutil
import textwrap
from pathlib import Path

import pytest

from autograd import kernels

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(page for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")] if page.exists())
SHOWS_KERNELS = {"jit.md"}
FENCE = re.compile(r"^( *)```(\S*)[ \t]*([^\n]*)\n(.*?)^ *```[ \t]*$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


def blocks(page: Path):
    """(first line, info, text) of each Python block, and of each that quotes."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if match[2] in ("python", "py", "pycon") or match[3].startswith("quote="):
            yield text.count("\n", 0, match.start(4)), match[3].strip(), textwrap.dedent(match[4])


def run(page: Path) -> list[str]:
    """Run a page's blocks; what went wrong, as a list of reports."""
    names: dict[str, object] = {"__name__": "__main__"}
    reports: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for line, info, text in blocks(page):
        if info.startswith("skip="):
            continue
        if info.startswith("quote="):
            reports += misquoted(page, line, info.removeprefix("quote="), text)
        elif ">>>" in text:
            test = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), line)
            test.globs = names  # shared: blocks go on where the last one stopped
            runner.run(test, out=reports.append, clear_globs=False)
        else:
            exec(compile("\n" * line + text, str(page), "exec"), names)
    return reports


def misquoted(page: Path, line: int, source: str, text: str) -> list[str]:
    def plain(code: str) -> str:
        return "\n".join(row.strip() for row in code.splitlines() if row.strip())

    whole, start = plain((ROOT / source).read_text(encoding="utf-8")), 0
    for part in re.split(r"^ *\.\.\. *$", text, flags=re.MULTILINE):
        start = whole.find(plain(part), start)
        if start < 0:
            return [f"{page.name}:{line}: {source} does not say\n{part}"]
    return []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as the package itself: 0/0 is NaN, not a warning
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_runs(page, tmp_path, monkeypatch):
    if page.name in SHOWS_KERNELS and not kernels.active:
        pytest.skip("no compiled kernels")
    monkeypatch.chdir(tmp_path)  # what an example saves is no part of the checkout
    reports = run(page)
    assert not reports, "\n".join(reports)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_to_files_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def load(script):
    spec = importlib.util.spec_from_file_location(script, ROOT / "docs" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_drawn_by_the_script():
    module = load("make_pictures")
    assert set(module.PICTURES) == {path.stem for path in module.FOLDER.glob("*.svg")}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "docs" / "pictures").glob("*.svg")))
def test_pictures_are_up_to_date(name):
    module = load("make_pictures")
    drawn = module.PICTURES[name]().svg() + "\n"
    assert (module.FOLDER / f"{name}.svg").read_text(encoding="utf-8") == drawn, "run docs/make_pictures.py"


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler (cc)")
def test_the_ladder_can_be_climbed():
    module = load("gemm_ladder")
    rates = module.climb(module.CORNER)  # checks each product against NumPy
    assert [name for name, *_ in rates][: len(module.STEPS)] == list(module.STEPS)
    assert rates[-1][0] == "peak" and all(rate > 0 for _, _, rate in rates)


def test_the_runner_can_fail(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n>>> x = 1\n```\n```python\n>>> x + 1\n3\n```\n"
        "```python quote=autograd/tape.py\nno such line\n```\n"
        "```sh\nfalse\n```\n```python skip=slow\n1/0\n```\n```c quote=csrc/gemm.h\nno such line\n```\n"
    )
    reports = run(page)
    assert len(reports) == 3
    assert "Expected:\n    3" in reports[0]
    assert "autograd/tape.py does not say" in reports[1] and "csrc/gemm.h does not say" in reports[2]
    page.write_text("```python\nimport no_such_module\n```\n")
    with pytest.raises(ModuleNotFoundError):
        run(page)
