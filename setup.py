"""Builds the C kernels (csrc/) into the extension module `_kernelgrad` with CFFI.

Every kernel file is compiled once per (ISA, real type), all of them in parallel. Without a working
compiler the install still succeeds and the library runs on its NumPy backend.

Environment:  KERNELGRAD_CFLAGS  extra compiler flags (say, "-Wall -Wextra -Werror" or sanitizers)
              KERNELGRAD_BUILD   "require" makes a failed build an error, "skip" leaves the kernels out
"""

import hashlib
import os
import platform
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "csrc"

# Files compiled once; all other .c files of csrc/ are kernels, compiled per (ISA, real type).
SHARED = ("dispatch", "parallel")

ISA_FLAGS = {
    "x86_64": {
        "generic": [],
        "avx2": ["-mavx2", "-mfma"],
        "avx512": [
            "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma",
            "-mprefer-vector-width=512",
        ],
    },
    "aarch64": {"generic": [], "neon": []},
}  # fmt: skip

# IEEE results (NaN, infinity, signed zero) are kept: no -ffast-math.
FLAGS = [
    "-std=gnu11", "-O3", "-fPIC", "-pthread",
    "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
]  # fmt: skip


def sources_hash() -> str:
    """The first 16 hex digits of the SHA-256 of csrc/, which autograd/kernels.py compares at import."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.iterdir()):
        if path.suffix in (".c", ".h", ".def"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def declarations() -> str:
    """kernels.h as CFFI reads it: no preprocessor lines, no comments."""
    text = re.sub(r"/\*.*?\*/", "", (SOURCES / "kernels.h").read_text(), flags=re.S)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def machine() -> str:
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def compile_jobs(isas: dict[str, list[str]]) -> list[tuple[Path, str, list[str]]]:
    """(source, object name, flags) of every translation unit but CFFI's."""
    jobs = [(SOURCES / f"{name}.c", name, [f'-DKG_SOURCES_HASH="{sources_hash()}"']) for name in SHARED]
    kernels = sorted(path for path in SOURCES.glob("*.c") if path.stem not in SHARED)
    for isa, isa_flags in isas.items():
        for bits in (32, 64):
            for path in kernels:
                flags = [*isa_flags, f"-DKG_ISA={isa}", f"-DKG_ISA_{isa}", f"-DKG_REAL={bits}"]
                jobs.append((path, f"{path.stem}_{isa}_f{bits}", flags))
    return jobs


class BuildKernels(build_ext):
    """build_ext that knows ISAs, compiles in parallel, and may fail without failing the install."""

    def build_extension(self, ext: Extension) -> None:
        mode = os.environ.get("KERNELGRAD_BUILD", "")
        target = Path(self.get_ext_fullpath(ext.name))
        if mode == "skip":
            target.unlink(missing_ok=True)  # one of an earlier build must not travel into the wheel
            return
        try:
            self.build_kernels(target)
        except Exception as error:
            target.unlink(missing_ok=True)
            if mode == "require":
                raise
            print(
                f"kernelgrad: the C kernels could not be built ({error}); "
                "installing without them: everything runs on the NumPy backend, more slowly",
                file=sys.stderr,
            )

    def build_kernels(self, target: Path) -> None:
        objects = Path(self.build_temp).resolve()
        objects.mkdir(parents=True, exist_ok=True)
        glue = objects / "_kernelgrad.c"
        write_cffi_glue(glue)
        cc = self.compiler.compiler_so[0]
        extra = os.environ.get("KERNELGRAD_CFLAGS", "").split()
        flags = [*FLAGS, *extra]
        python = [f"-I{path}" for path in self.compiler.include_dirs + self.include_dirs]
        jobs = [
            (source, name, [*flags, *own])
            for source, name, own in compile_jobs(ISA_FLAGS.get(machine(), {"generic": []}))
        ]
        jobs.append((glue, glue.stem, ["-O2", "-fPIC", *python]))  # not ours: without the extra flags
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outputs = [
                pool.submit(compile_object, cc, source, objects / f"{name}.o", own)
                for source, name, own in jobs
            ]
        linked = [output.result() for output in outputs]
        if target.exists() and target.stat().st_mtime > max(path.stat().st_mtime for path in linked):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        self.compiler.link_shared_object(
            [str(path) for path in linked], str(target), extra_postargs=["-pthread", *extra, "-lm"]
        )


def compile_object(cc: str, source: Path, out: Path, flags: list[str]) -> Path:
    """Compile, unless `out` is newer than all it is made from and was made by the same command."""
    command = [cc, *flags, f"-I{SOURCES}", "-c", str(source), "-o", str(out)]
    stamp = out.with_suffix(".cmd")
    inputs = [source, *(path for path in SOURCES.iterdir() if path.suffix in (".h", ".def"))]
    fresh = out.exists() and out.stat().st_mtime > max(path.stat().st_mtime for path in inputs)
    if not (fresh and stamp.exists() and stamp.read_text() == " ".join(command)):
        run(command)
        stamp.write_text(" ".join(command))
    return out


def write_cffi_glue(path: Path) -> None:
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source("_kernelgrad", '#include "kernels.h"')
    ffi.emit_c_code(str(path))


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")


if __name__ == "__main__":
    # "optional": an editable install does not stumble over a library that was not built.
    setup(
        ext_modules=[Extension("_kernelgrad", [], optional=True)],
        cmdclass={"build_ext": BuildKernels},
    )
