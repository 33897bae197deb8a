"""A task for a process of its own: asked by JSON on its input, answered by a line of it.

It imports little, for what it imports counts among the memory of those that answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks import sides
from benchmarks.processes import ROOT, Failed

__all__ = ["answered"]


def answered(module: str, task: Any, who: str) -> dict[str, Any]:
    """What `module` prints of a task, a named tuple that it reads as JSON, in a process of its own.
    sides.Refused: the library isn't there; Failed: the process died."""
    env = sides.environment(task.threads, "default", "default") | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-P", "-m", module],
        input=json.dumps(task._asdict()), capture_output=True, text=True, env=env, cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"{who}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "refused" in answer:
        raise sides.Refused(answer["refused"])
    return answer
