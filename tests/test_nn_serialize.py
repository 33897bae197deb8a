"""save and load: round trips, and files that are not what they should be."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn


def test_state_dict_round_trip_is_plain_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    nn.save(model.state_dict(), tmp_path / "model.safetensors", metadata={"model": "tiny"})
    assert set(load_file(tmp_path / "model.safetensors")) == set(model.state_dict())
    twin = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    twin.load_state_dict(nn.load(tmp_path / "model.safetensors"))
    for name, value in model.state_dict().items():
        assert np.array_equal(twin.state_dict()[name].data, value.data)
    assert nn.serialize.load_metadata(tmp_path / "model.safetensors") == {"model": "tiny"}


def test_nested_values_round_trip(tmp_path: Path) -> None:
    original = {
        "state": {0: {"step": 3, "exp_avg": autograd.ones(2, 3)}, 1: {}},
        "groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1], "nesterov": False, "name": None}],
        "floats": [math.inf, -math.inf, 0.1 + 0.2],
        "text": "ä\n",
        "empty": [autograd.zeros(0, 3), autograd.tensor(2), ()],
        "state.0": {"exp_avg": autograd.zeros(1)},
        "view": autograd.arange(6).reshape(2, 3).T,
        "rng": np.array([1, 2**64 - 1], np.uint64),
    }
    nn.save(original, tmp_path / "x")
    found = nn.load(tmp_path / "x")
    assert list(found) == list(original)
    assert found["groups"] == original["groups"] and found["floats"] == original["floats"]
    assert found["text"] == original["text"] and list(found["state"]) == [0, 1]
    assert np.array_equal(found["state"][0]["exp_avg"].data, np.ones((2, 3), np.float32))
    assert found["state.0"]["exp_avg"].data.tolist() == [0.0]
    assert found["empty"][0].shape == (0, 3) and found["empty"][1].item() == 2 and found["empty"][2] == ()
    assert found["view"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["rng"].data.tolist() == [1, 2**64 - 1] and found["rng"].dtype == np.uint64


def test_nan_is_kept(tmp_path: Path) -> None:
    nn.save([math.nan], tmp_path / "x")
    assert math.isnan(nn.load(tmp_path / "x")[0])


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nn.save({"a": 1}, tmp_path / "x")
    with pytest.raises(TypeError, match="can't store a function"):
        nn.save({"a": {"b": len.__class__ and (lambda: 0)}}, tmp_path / "x")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        nn.save({"a": 2}, tmp_path / "x")
    monkeypatch.undo()
    assert nn.load(tmp_path / "x") == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_full_disk_is_an_oserror_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nn.save({"a": 1}, tmp_path / "x")
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # writes beyond fail, as on a full disk
    try:
        with pytest.raises(OSError, match="x: .*[Ee]rror"):
            nn.save({"a": autograd.zeros(1000)}, tmp_path / "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert nn.load(tmp_path / "x") == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_bad_files_are_one_line_errors(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(FileNotFoundError, match="no such file"):
        nn.load(path)
    nn.save({"a": autograd.ones(100), "b": 1}, path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:50], whole[:-1], b"\xff" * 200):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole safetensors file") as error:
            nn.load(path)
        assert "\n" not in str(error.value)
    header = len(json.dumps({}))
    path.write_bytes(whole.replace(b"kernelgrad.structure", b"kernelgrad.strXcture"))
    assert header and set(nn.load(path)) == {"a"}
