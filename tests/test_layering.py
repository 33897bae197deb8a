"""The floors of the house, read from its sources: each imports only what stands below it."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the ground up. A package may import those before it and itself; benchmarks and tests, all.
FLOORS = ["autograd", "nn", "apps"]

# Inside autograd, from the ground up; a row may import its own row and those before it.
ROOMS = [
    {"buffers"},
    {"tape", "dtypes", "kernels", "symbol", "fusing"},
    {"program"},
    {"accelerated"},
    {"op"},
    {"operands"},
    {"doors", "fused", "quick"},
    {"ops"},
    {"create", "function", "gradients", "random", "scalar", "tensor"},
    {"func", "check", "jit"},
    {"explain"},
    {"__init__"},
    {"doctor"},
    {"__main__"},
]

# Imports inside a function run when everything stands; those that run up, and why they must.
LATE = {
    ("autograd/doctor.py", "nn"): "the doctor examines the whole house",
}

LIMIT, LIMIT_OF_TESTS = 400, 450  # lines; tests are lists of facts
LONG = {  # file: why it is longer
    "autograd/tape.py": "the whole backward pass on one page",
    "autograd/tensor.py": "one class, a line or two for each of PyTorch's names",
}


def sources(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    files = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return sorted(path for path in files if path.suffix in suffixes and "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    """autograd/ops/shape.py -> autograd.ops.shape"""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """The modules a file imports; of `from a import b`, a.b where that is a module. Those for the type
    checker alone do not count; importlib.import_module("...") does."""
    return set(imported(ast.parse(path.read_text(encoding="utf-8")).body))


def imported(body: list[ast.stmt]):
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports here are absolute"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if is_module(module) else node.module
        elif isinstance(node, ast.Assign | ast.Expr | ast.Return):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("import_module"):
                    yield from (a.value for a in call.args if isinstance(a, ast.Constant))
        for field in ("body", "orelse", "finalbody"):
            yield from imported(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from imported(handler.body)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def floor(module: str) -> int:
    """The floor of a module of ours; -1 for others."""
    top = module.split(".")[0]
    return FLOORS.index(top) if top in FLOORS else -1


def room(module: str) -> int:
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else "__init__"
    (row,) = (i for i, names in enumerate(ROOMS) if name in names)
    return row


@pytest.mark.parametrize("package", [name for name in FLOORS if (ROOT / name).is_dir()])
def test_no_package_imports_what_stands_above_it(package):
    for path in sources(package):
        where = path.relative_to(ROOT).as_posix()
        for module in imports(path):
            if (where, module.split(".")[0]) not in LATE:
                assert floor(module) <= floor(package), f"{where} imports {module}"
                assert module.split(".")[0] not in ("benchmarks", "tests"), f"{where} imports {module}"


def test_inside_the_engine_too():
    for path in sources("autograd"):
        own = name_of(path)
        for module in imports(path):
            if floor(module) == 0 and (own.split(".")[1:2] != module.split(".")[1:2]):
                assert room(module) <= room(own), f"{own} imports {module}, which stands above it"


def test_the_rooms_are_those_that_exist():
    """A new file must say where it stands."""
    found = {name_of(path).split(".")[1] for path in sources("autograd") if name_of(path) != "autograd"}
    assert found | {"__init__"} == set().union(*ROOMS)


def test_two_files_touch_cffi():
    """kernels.py makes calls, jit/code.py lays whole programs of them out."""
    for path in sources(*FLOORS):
        foreign = {module.split(".")[0] for module in imports(path)} & {"cffi", "_kernelgrad", "ctypes"}
        assert not foreign or path == ROOT / "autograd" / "kernels.py", f"{path} imports {foreign}"
    users = [path for path in sources(*FLOORS) if re.search(r"\bkernels\.(lib|ffi)\b", path.read_text())]
    assert users == [ROOT / "autograd" / "jit" / "code.py"]


def test_state_is_written_by_assign_alone():
    """Nobody writes into `x.data` but autograd.ops.update (which takes the array out first). In explain,
    `data` is a table of its own."""
    for path in sources(*FLOORS):
        if (ROOT / "autograd" / "explain") in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets if isinstance(node, ast.Assign | ast.AugAssign) else []:
                inside = isinstance(target, ast.Subscript) or isinstance(node, ast.AugAssign)
                written = target.value if isinstance(target, ast.Subscript) else target
                assert not (inside and ast.unparse(written).endswith(".data")), f"{path}:{node.lineno}"


def test_kernels_know_no_python():
    for path in sources("csrc", suffixes=(".c", ".h", ".def")):
        assert not re.search(r'#include\s*[<"](Python|numpy)', path.read_text()), path


def test_intrinsics_stand_in_one_header():
    for path in sources("csrc", suffixes=(".c", ".h", ".def")):
        if path.name != "simd.h":
            assert not re.search(r"#include\s*<(\w*mmintrin|immintrin|arm_neon)\.h>", path.read_text()), path


def test_files_are_rooms():
    """No file of ours is longer than the limit, unless it is listed with its reason."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.c", "*.h", "*.def", "*.js", "Makefile"],
        cwd=ROOT, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    if not listed:
        pytest.skip("not a git checkout")
    lines = {name: len((ROOT / name).read_bytes().splitlines()) for name in listed if (ROOT / name).exists()}
    limits = {name: LIMIT_OF_TESTS if name.startswith("tests/") else LIMIT for name in lines}
    long = {name: count for name, count in lines.items() if count > limits[name]}
    assert not long.keys() - LONG, f"too long: {long}"


def test_the_reader_of_imports_sees_them(tmp_path):
    page = tmp_path / "page.py"
    page.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import apps\n"
        "def f():\n    try:\n        from autograd import tape, Tensor\n"
        "    except ImportError:\n        x = importlib.import_module('nn.data')\n"
    )
    assert imports(page) == {"typing", "autograd.tape", "autograd", "nn.data"}
    assert floor("apps.digits") > floor("nn.optim") > floor("autograd") > floor("numpy")
