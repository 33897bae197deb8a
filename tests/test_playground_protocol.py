"""The playground's protocol: what is a message and what is refused, frames byte by byte, the token's file."""

from __future__ import annotations

import json
import os
import secrets
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.playground import pipe, protocol, token
from apps.playground.errors import Refused
from apps.playground.history import History
from apps.playground.pace import Pace

GOOD = {
    "hello": {"token": "t", "session": None, "settings": {}, "points": None},
    "settings": {"settings": {"noise": 5}},
    "points": {"points": [[0, 1, -1]]},
    "csv": {"text": "0,1,-1\n"},
    "run": {"running": True},
    "step": {"unit": "batch", "times": 1},
    "reset": {},
    "weight": {"layer": 0, "to": 1, "from": 0, "value": -0.5},
    "bias": {"layer": 0, "neuron": 1, "value": 2},
    "view": {"shown": [0, 1], "gradients": True, "visible": True, "speed": 0.5,
             "stop": {"loss": 0.05, "epoch": None}},
    "by_hand": {"id": 7, "point": [0.5, -1, 1]},
    "export": {"what": "python"},
    "ack": {"frame": 3},
}  # fmt: skip


def refusal(text: str) -> str:
    with pytest.raises(Refused) as caught:
        protocol.parse(text)
    return caught.value.code


@pytest.mark.parametrize("kind", GOOD)
def test_each_type_of_message_passes_and_no_other_key_does(kind: str) -> None:
    message = {"type": kind, **GOOD[kind]}
    assert protocol.parse(json.dumps(message)) == message
    assert refusal(json.dumps({**message, "extra": 1})) == "message_key"
    for key in GOOD[kind]:
        assert refusal(json.dumps({**message, key: [[1], "a"] if key != "points" else 1})) == "message_key"
        if kind != "view" and (kind, key) != ("hello", "points"):
            assert refusal(json.dumps({k: v for k, v in message.items() if k != key})) == "message_key"
    assert set(GOOD) == set(protocol.RULES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "message_json"),
        ("{", "message_json"),
        ("[]", "message_json"),
        ("3", "message_json"),
        ("[" * 100_000, "message_json"),
        ('{"type": "run", "running": ' + "[" * 100_000, "message_json"),
        ("x" * (256 * 1024 + 1), "message_large"),
        ('{"type": "csv", "text": "' + "é" * (128 * 1024) + '"}', "message_large"),
        ('{"type": "weight", "layer": 0, "to": 0, "from": 0, "value": NaN}', "message_number"),
        ('{"type": "weight", "layer": 0, "to": 0, "from": 0, "value": -Infinity}', "message_number"),
        ('{"type": "weight", "layer": 0, "to": 0, "from": 0, "value": 1e999}', "message_number"),
        ('{"type": "weight", "layer": 0, "to": 0, "from": 0, "value": ' + "9" * 5000 + "}", "message_number"),
        ('{"type": "weight", "layer": 0, "to": 0, "from": 0, "value": 1e300}', "message_key"),
        ('{"type": "weight", "layer": -1, "to": 0, "from": 0, "value": 1}', "message_key"),
        ('{"type": "weight", "layer": true, "to": 0, "from": 0, "value": 1}', "message_key"),
        ('{"type": "step", "unit": "batch", "times": 1001}', "message_key"),
        ('{"type": "step", "unit": "batch", "times": 0}', "message_key"),
        ('{"type": "step", "unit": "year", "times": 1}', "message_key"),
        ('{"type": "view", "stop": {"hour": 3}}', "message_key"),
        ('{"type": "view", "speed": -1}', "message_key"),
        ('{"type": "hello", "token": "", "session": "../../etc", "settings": {}}', "message_key"),
        ('{"type": "exec"}', "message_type"),
        ('{"type": ["run"]}', "message_type"),
        ("{}", "message_type"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(text: str, code: str) -> None:
    assert refusal(text) == code


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(sorted(GOOD)), st.dictionaries(st.sampled_from(["loss", "value"]), anything), st.data()
)
def test_random_values_pass_or_are_refused(kind: str, more: dict[str, Any], data: st.DataObject) -> None:
    values = {key: data.draw(st.just(value) | anything) for key, value in GOOD[kind].items()}
    try:
        message = protocol.parse(json.dumps({"type": kind, **values, **more}))
    except Refused as refused:
        assert refused.code in str(protocol.error(refused)) and str(refused)
    else:
        assert set(message) <= {"type", *GOOD[kind]}


@given(st.text() | st.binary().map(lambda b: b.decode("utf-8", "surrogateescape")))
def test_random_texts_are_refused(text: str) -> None:
    assert refusal(text).startswith("message_")


def test_a_frame_is_aligned_and_reads_back() -> None:
    blocks = {
        "field": np.arange(10_000, dtype=np.uint8).reshape(1, 100, 100),
        "thumbnails": np.full((3, 30, 30), 7, np.uint8),
        "weights": np.array([1.5, -2.0, 1e-300]),
        "odd": np.array([9, 8, 7], np.uint8),
    }
    data = protocol.encode_frame({"frame": 1, "name": "é"}, blocks)
    (size,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + size])
    assert size % 4 == 0 and header["frame"] == 1 and header["name"] == "é"
    at = 4 + size
    for name, kind, shape in header["blocks"]:
        count = int(np.prod(shape))
        assert at % 4 == 0
        found = np.frombuffer(data, "u1" if kind == "u8" else "<f4", count, at).reshape(shape)
        np.testing.assert_array_equal(found, blocks[name].astype(found.dtype))
        at += -(-count * found.itemsize // 4) * 4
    assert at == len(data) and [b[0] for b in header["blocks"]] == list(blocks)
    with pytest.raises(ValueError):
        protocol.encode_frame({"train_loss": float("nan")}, {})


@given(st.lists(st.tuples(st.dictionaries(st.text(), st.integers()), st.binary()), max_size=4), st.data())
def test_packets_come_out_of_a_pipe_as_they_went_in(packets: list[Any], data: st.DataObject) -> None:
    stream = b"".join(pipe.pack(*packet) for packet in packets)
    cut = data.draw(st.integers(0, len(stream)))
    read, write = os.pipe()
    try:
        reader = pipe.Reader(read)
        found = []
        for part in (stream[:cut], stream[cut:]):
            if part:
                os.write(write, part)
                found += reader.read()
        os.close(write)
        assert found == packets
        with pytest.raises(EOFError):
            reader.read()
    finally:
        os.close(read)


def test_history_is_bounded_and_keeps_the_first_and_the_last() -> None:
    history = History()
    told = []
    for epoch in range(100_001):
        if history.wants(epoch):
            history.add((epoch, float(epoch), None))
            if epoch % 7 == 0:
                told += history.news()
        assert len(history.rows) < 2000
    rows = history.all((100_000, 1.0, None))
    epochs = [row[0] for row in rows]
    assert epochs[0] == 0 and epochs[-1] == 100_000 and len(rows) > 900
    assert len(set(np.diff(epochs[:-1]))) == 1, "thinned evenly"
    assert len(told) < 20_000 and history.news() == []


def test_the_pace_is_kept_by_the_clock_and_pauses_are_not_made_up_for() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    pace.set(10)
    done = 0
    for _ in range(2000):  # 20 seconds
        now += 0.01
        while pace.due() <= now:
            pace.take()
            done += 1
    assert abs(done - 200) <= 1
    now += 60
    for _ in range(2):  # the next, and one for a tenth of a second
        assert pace.due() <= now
        pace.take()
    assert pace.due() == pytest.approx(now + 0.1)
    pace.set(0)
    assert pace.due() < 0


# The token ----------------------------------------------------------------------------------------


def test_the_token_stays_and_is_only_ours(tmp_path: Path) -> None:
    first = token.load_token(tmp_path / "state")
    file = tmp_path / "state" / "playground-token"
    assert token.load_token(tmp_path / "state") == first == file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600 and len(first) == 43
    assert token.same_token(first, first)
    assert not any(token.same_token(wrong, first) for wrong in ("", first[:-1], first + "x", "é\ud800"))
    assert [path.name for path in file.parent.iterdir()] == ["playground-token"]


@pytest.mark.parametrize("harm", ["open", "cut", "binary", "link", "folder"])
def test_a_token_that_is_broken_or_open_to_others_is_replaced(tmp_path: Path, harm: str) -> None:
    first = token.load_token(tmp_path)
    file = tmp_path / "playground-token"
    if harm == "open":
        file.chmod(0o644)
    elif harm == "cut":
        file.write_text(first[:10])
    elif harm == "binary":
        file.write_bytes(bytes(range(256)))
    elif harm == "link":
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.unlink()
        file.mkdir()
    second = token.load_token(tmp_path)
    assert second != first and len(second) == 43
    if harm != "folder":
        assert file.read_text() == second and file.stat().st_mode & 0o777 == 0o600 and not file.is_symlink()


def test_of_two_that_start_at_once_the_first_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, first = secrets.token_urlsafe, []

    def late(size: int) -> str:
        monkeypatch.undo()
        first.append(token.load_token(tmp_path))
        return draw(size)

    monkeypatch.setattr(secrets, "token_urlsafe", late)
    assert [token.load_token(tmp_path), token.load_token(tmp_path)] == 2 * first
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_folder_to_write_there_is_a_token_for_each_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tokens = {token.load_token(tmp_path / "file") for _ in range(3)}
    assert len(tokens) == 3


def test_the_state_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert token.state_folder() == tmp_path / "kernelgrad"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert token.state_folder() == tmp_path / ".local/state/kernelgrad"
