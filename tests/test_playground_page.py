"""The playground's page, as far as it is no drawing: modules of JavaScript, tested in Node beside the
server's own rules. Here is what these tests are given; they stand in tests/playground/*.test.mjs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.playground import by_hand, csv_points
from apps.playground.errors import SENTENCES, Refused
from apps.playground.network import Network
from apps.playground.protocol import encode_frame
from apps.playground.settings import FEATURES, Settings

TESTS = Path(__file__).with_name("playground")
STATIC = Path(__file__).resolve().parent.parent / "apps/playground/static"
NODE = shutil.which("node")


def allowed(loss: str, classes: int) -> bool:
    settings = Settings(loss=loss, problem="classification" if classes else "regression")
    try:
        settings.refuse_loss(classes or None)
    except Refused:
        return False
    return True


CSV = [
    "x,y,label\n1,2,-1\n-3.5,1e-3,1\n",
    "\ufeff1;2;0\r\n\r\n# mine\r\n 3 ; 4 ; 2 # yours\r\n",
    '"1"\t"2"\t"1"\n.5\t-.25\t-1',
]


def by_hand_replies() -> list[dict[str, Any]]:
    """What the server answers for one point: each loss, each activation, no hidden layer, many terms."""
    cases: list[tuple[dict[str, Any], int, float]] = [
        ({"activation": "tanh", "networkShape": [4, 2]}, 2, -1.0),
        ({"activation": "relu", "problem": "regression", "networkShape": [3], "sinX": True}, 0, 2.5),
        ({"activation": "sigmoid", "loss": "bce", "networkShape": [9, 2]}, 2, 1.0),
        ({"activation": "linear", "loss": "cross_entropy", "dataset": "blobs3", "networkShape": [2]}, 3, 2.0),
        ({"networkShape": []}, 2, 1.0),
    ]
    replies = []
    for changes, classes, label in cases:
        settings = Settings.from_mapping(changes)
        found = by_hand.reply(settings, classes, Network(settings, classes), [1.5, -0.5, label])
        replies.append({**found, "id": 1})
    return replies


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    rng = np.random.default_rng(1)
    blocks = {
        "field": rng.integers(0, 256, (1, 3, 3), np.uint8),  # 9 bytes: the next begins after 3 of padding
        "weights": rng.standard_normal(5).astype(np.float32),
        "gradients": np.array([1e-30, -0.0, 3.5], np.float32),
    }
    header = {"frame": 7, "epoch": 3, "train_loss": 0.25, "test_loss": None, "history": [[3, 0.25, None]]}
    (tmp_path / "frame").write_bytes(encode_frame(header, blocks))
    listed = {
        name: {"shape": list(block.shape), "values": block.ravel().tolist()} for name, block in blocks.items()
    }
    (tmp_path / "expected").write_text(json.dumps({"header": header, "blocks": listed}))
    pairs = [(loss, n) for loss in ("squared", "bce", "cross_entropy") for n in (0, 2, 3, 5)]
    rules = {
        "defaults": Settings().to_mapping(),
        "features": FEATURES,
        "losses": [{"loss": loss, "classes": n, "allowed": allowed(loss, n)} for loss, n in pairs],
    }
    (tmp_path / "rules").write_text(json.dumps(rules))
    (tmp_path / "by_hand").write_text(json.dumps(by_hand_replies()))
    (tmp_path / "csv").write_text(json.dumps([{"text": text, "rows": csv_points.read(text)} for text in CSV]))
    paths = {name.upper(): str(tmp_path / name) for name in ("frame", "expected", "rules", "by_hand", "csv")}
    return {**os.environ, **paths, "CODES": ",".join(SENTENCES)}


@pytest.mark.skipif(NODE is None, reason="no Node.js: the page's modules are not tested")
def test_modules(environment: dict[str, str]) -> None:
    """All in one process of Node, whose report is shown where one fails."""
    files = sorted(map(str, TESTS.glob("*.test.mjs")))
    assert files
    assert NODE
    run = subprocess.run([NODE, "--test", *files], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-20000:] + run.stderr[-2000:]
    assert "# skipped 0" in run.stdout or "skipped 0" in run.stdout


def test_modules_import_what_is_there() -> None:
    """Every import of a module names a file beside it and a name that it exports: nothing builds the page, so
    nothing else would say so before a browser does."""
    missing = []
    for path in sorted((STATIC / "js").rglob("*.js")):
        for names, target in re.findall(r'^import (?:\{([^}]*)\} from )?"([^"]+)";', path.read_text(), re.M):
            other = path.parent / target
            if not other.is_file():
                missing.append(f"{path.name}: {target}")
                continue
            exported = set(
                re.findall(
                    r"^export (?:async )?(?:function\*?|const|class|let) (\w+)", other.read_text(), re.M
                )
            )
            wanted = {name.split(" as ")[0].strip() for name in names.split(",") if name.strip()}
            missing += [f"{path.name}: {name} of {target}" for name in sorted(wanted - exported)]
    assert not missing


def test_nothing_comes_from_elsewhere_or_as_markup() -> None:
    """No address of another place, no text taken for markup, no code made of text."""
    for path in sorted(STATIC.rglob("*.*")):
        text = path.read_text(encoding="utf-8")
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://(?!www\.w3\.org/)[^\s\"'`]*|@import",
            text,
        )
        assert not found, f"{path.name}: {found}"


def test_page_files_are_short() -> None:
    for path in sorted(STATIC.rglob("*.*")):
        if path.suffix in (".js", ".css", ".html"):
            assert len(path.read_text().splitlines()) <= 400, path.name
