"""The digits app's CNN as a C file: it reads every image of the test set as the engine does.

make slow        this takes half a minute; the digits that people wrote whom the network never saw
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
from apps.digits import checkpoint
from autograd import kernels
from nn.data import DataLoader, optdigits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not kernels.active, reason="no compiled kernels"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]
ROOT = Path(__file__).resolve().parents[2]


def test_the_cnn_in_c_predicts_the_same(tmp_path):
    train = [sys.executable, "-m", "apps.digits", "train", "--model", "cnn", "--output", tmp_path / "run"]
    subprocess.run(train, cwd=ROOT, check=True, capture_output=True)
    model, _ = checkpoint.load_model(tmp_path / "run")
    data = optdigits(train=False)
    images, labels = next(iter(DataLoader(data, batch_size=len(data))))
    predict = autograd.jit(lambda image: model(image))
    with autograd.no_grad():
        for _ in range(2):
            predict(images[:1])
        expected = model(images).data
    predict.program.to_c(tmp_path / "digits.c")
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-DMAIN"]
    subprocess.run(["cc", *flags, "digits.c", "-o", "digits", "-lm"], cwd=tmp_path, check=True)
    raw = np.ascontiguousarray(images.data).tobytes()
    found = subprocess.run([tmp_path / "digits"], input=raw, capture_output=True, check=True).stdout
    logits = np.frombuffer(found, np.float32).reshape(len(data), 10)
    same = int((logits.argmax(1) == expected.argmax(1)).sum())
    accuracy = (logits.argmax(1) == labels.data).mean()
    print(
        f"in C: {same} of {len(data)} as the engine, logits within {np.abs(logits - expected).max():.1e}, ",
        end="",
    )
    print(f"accuracy {accuracy:.2%}", flush=True)
    assert same == len(data)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
