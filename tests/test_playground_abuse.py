"""Abuse of the playground's server: strangers, floods, nonsense, crowds, pages that read nothing or die.

Each time it is told apart what happens to the one who does it, and that another page goes on undisturbed.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playground_server import SMALL, Page, Server, busy, load, resident, wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("state"))
    yield server
    assert server.end() == "\ninterrupted\n", "nothing went wrong that the terminal would tell"


@pytest.fixture
def other(server: Server) -> Iterator[Page]:
    """A page that behaves; afterwards it must still train, and be answered soon."""
    with Page(server) as page:
        page.enter()
        page.run()
        yield page
        page.say("ack", frame=0)
        begun = time.monotonic()
        page.say("by_hand", id=1, point=[1, 1, 1])
        page.await_type("by_hand")
        assert time.monotonic() - begun < 3
        before = page.await_type("frame")
        assert page.await_type("frame")["updates"] > before["updates"]


# Strangers ----------------------------------------------------------------------------------------


FOREIGN = [
    "http://evil.example", "http://{host}.evil.example", "https://{host}", "http://127.0.0.1:1", "null", None,
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_origins_are_turned_away(server: Server, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as caught:
        Page(server, origin=origin and origin.format(host=server.host))
    assert caught.value.response.status_code == 403


def test_a_name_that_points_here_is_not_served(server: Server) -> None:
    for host in (
        "evil.example",
        f"evil.example:{server.port}",
        "127.0.0.1",
        "",
        f"{server.host}.evil.example",
    ):
        with raw_socket(server, f"http://{host}", host) as opened:
            assert opened.recv(65536).split(b" ", 2)[1] == b"403"
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert raw.recv(65536).split(b" ", 2)[1] == b"421"
    name = f"localhost:{server.port}"
    with raw_socket(server, f"http://{name}", name) as opened:
        assert opened.recv(65536).split(b" ", 2)[1] == b"101"


def raw_socket(server: Server, origin: str, host: str) -> socket.socket:
    """A websocket that is asked for, by hand: who reads it, and whether, is for the test to say."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", server.port))
    raw.sendall(
        f"GET /socket HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    return raw


def masked(message: dict[str, Any]) -> bytes:
    """A message as a client's frame, with a mask of zeros."""
    text = json.dumps(message).encode()
    return b"\x81\xff" + len(text).to_bytes(8, "big") + bytes(4) + text


@pytest.mark.parametrize(
    "first",
    [
        {"type": "hello", "token": "", "session": None, "settings": {}},
        {"type": "hello", "token": "x" * 43, "session": None, "settings": {}},
        {"type": "hello", "session": None, "settings": {}},
        {"type": "hello", "token": 7, "session": None, "settings": {}},
        {"type": "run", "running": True},
        {"type": "nonsense"},
        [],
        "no JSON",
        b"\0\1",
    ],
)
def test_without_the_token_nothing_is_said(server: Server, first: Any) -> None:
    with Page(server) as page:
        page.socket.send(first if isinstance(first, str | bytes) else json.dumps(first))
        assert page.await_close() == 4001


def test_whoever_does_not_say_hello_is_shown_out(server: Server, other: Page) -> None:
    with Page(server) as page:
        begun = time.monotonic()
        other.say("run", running=False)
        assert page.await_close(timeout=15) == 4001
        assert 4 < time.monotonic() - begun < 10
        other.run()


# Floods and nonsense ------------------------------------------------------------------------------


def test_ten_thousand_messages_end_the_page_that_sends_them(server: Server, other: Page) -> None:
    with Page(server) as page:
        page.enter()
        with pytest.raises(ConnectionClosed) as caught:
            for _ in range(10_000):
                page.say("view", shown=None)
            page.await_close()
        assert caught.value.rcvd and caught.value.rcvd.code == 4003


def test_acks_of_frames_that_never_came_count_as_messages(server: Server, other: Page) -> None:
    with Page(server) as page:
        page.enter()
        with pytest.raises(ConnectionClosed) as caught:
            for number in range(10_000):
                page.say("ack", frame=number)
            page.await_close()
        assert caught.value.rcvd and caught.value.rcvd.code == 4003


def test_sixty_messages_a_second_are_served(server: Server) -> None:
    with Page(server) as page:
        page.enter()
        for _ in range(55):
            page.say("settings", settings={"learningRate": 0.1})
        for _ in range(55):
            page.await_type("state")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ('{"type": "csv", "text": "' + "1" * 2**20 + '"}', 4004),
        ("x" * 2**18 + "x", 4004),
        (b'{"type": "reset"}', 4004),
        (b"", 4004),
        ("no JSON", 4004),
        ("[" * 100_000, 4004),
        ("7", 4004),
    ],
)
def test_what_is_too_large_or_no_json_ends_the_page(
    server: Server, other: Page, data: Any, code: int
) -> None:
    with Page(server) as page:
        page.enter()
        with pytest.raises(ConnectionClosed) as caught:
            page.socket.send(data)
            while True:
                page.hear()
        assert caught.value.rcvd and caught.value.rcvd.code == code


def test_what_is_larger_than_anything_is_not_even_read(server: Server, other: Page) -> None:
    before = resident(server.process.pid)
    with Page(server) as page:
        page.enter()
        with pytest.raises(ConnectionClosed):
            page.socket.send("1" * 2**26)
    assert resident(server.process.pid) - before < 2**25


NONSENSE = {
    "NaN": ('{"type": "weight", "layer": 0, "to": 0, "from": 0, "value": NaN}', "message_number"),
    "infinite": ('{"type": "settings", "settings": {"learningRate": 1e999}}', "message_number"),
    "digits": ('{"type": "settings", "settings": {"noise": ' + "9" * 5000 + "}}", "message_number"),
    "huge": ('{"type": "bias", "layer": 0, "neuron": 0, "value": 1e11}', "weight_value"),
    "rate": ('{"type": "settings", "settings": {"learningRate": 1e300}}', "setting_value"),
    "network": ('{"type": "settings", "settings": {"networkShape": [1000000]}}', "setting_value"),
    "points": ('{"type": "points", "points": [[0, 1e30, 1]]}', "points_number"),
    "many": ('{"type": "points", "points": ' + json.dumps([[0, 0, 1]] * 5001) + "}", "points_many"),
    "deep": ('{"type": "points", "points": [' + "[" * 500 + "]" * 500 + "]}", "points_shape"),
    "type": ('{"type": "__class__"}', "message_type"),
    "hello": ('{"type": "hello", "token": "", "session": null, "settings": {}}', "message_type"),
    "key": ('{"type": "reset", "more": 1}', "message_key"),
    "csv": ('{"type": "csv", "text": "0,0,1\\n0,nan,1"}', "csv_finite"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_gets_an_error_and_changes_nothing(server: Server, name: str) -> None:
    text, code = NONSENSE[name]
    with Page(server) as page:
        before = page.enter()
        page.socket.send(text)
        error = page.await_type("error")
        assert error["code"] == code and error["message"] and len(error["message"]) < 400
        page.say("settings", settings={})
        assert page.await_type("state") == before


# Crowds -------------------------------------------------------------------------------------------


def test_eight_are_served_and_the_ninth_is_told(server: Server) -> None:
    pages = []
    try:
        for _ in range(8):
            pages.append(Page(server))
            pages[-1].enter()
        with Page(server) as ninth:
            ninth.say("hello", token=server.token, session=None, settings={})
            assert ninth.await_close() == 4002
        pages.pop().close()
        wait_for(lambda: joined(server))
    finally:
        for page in pages:
            page.close()


def joined(server: Server) -> bool:
    with Page(server) as page:
        try:
            return page.enter()["type"] == "state"
        except ConnectionClosed:
            return False


def test_a_crowd_that_says_nothing_is_bounded_and_does_not_stay(server: Server) -> None:
    crowd = [raw_socket(server, server.origin, server.host) for _ in range(40)]
    try:
        for raw in crowd:
            assert raw.recv(1)
        with Page(server) as page:
            assert page.await_close() == 4002
    finally:
        for raw in crowd:
            raw.close()
    wait_for(lambda: joined(server))


def test_four_train_and_a_fifth_starts_when_one_stops(server: Server) -> None:
    pages = [Page(server) for _ in range(5)]
    try:
        for page in pages:
            page.draws = False  # a frame in flight lets one train for a second, and then rest
            page.enter()
        for page in pages[:4]:
            page.say("run", running=True)
        pages[4].say("run", running=True)
        assert pages[4].await_type("event")["code"] == "waiting"
        pages[0].say("run", running=False)
        assert pages[4].await_type("event")["code"] == "training"
        pages[4].draws = True
        pages[4].say("view", gradients=True)
        pages[4].say("ack", frame=1)
        assert pages[4].await_that(lambda message: message.get("updates", 0) > 0)["running"]
    finally:
        for page in pages:
            page.close()


def test_many_who_come_and_go_are_not_all_kept(server: Server, other: Page) -> None:
    sessions = []
    for _ in range(12):
        with Page(server) as page:
            page.enter()
            sessions.append(page.session)
    with Page(server) as page:
        page.enter(session=sessions[0])
        assert not page.welcome["resumed"], "eight are kept"
    with Page(server) as page:
        page.enter(session=sessions[-1])
        assert page.welcome["resumed"]


# Pages that stop reading, or end ------------------------------------------------------------------


def test_a_page_that_draws_nothing_rests_after_a_second(server: Server) -> None:
    with Page(server) as page:
        page.enter()
        page.draws = False
        page.say("run", running=True)
        worker = server.worker
        wait_for(lambda: load(worker, 0.1) > 0.3)
        begun = time.monotonic()
        wait_for(lambda: load(worker, 0.1) == 0)
        assert time.monotonic() - begun < 2
        page.draws = True
        page.say("ack", frame=1)
        page.say("ack", frame=2)
        assert page.run()["running"], "and goes on as soon as it draws"


def test_a_page_that_reads_nothing_holds_nobody_up_and_is_shown_out(server: Server, other: Page) -> None:
    before = resident(server.process.pid)
    points = [[i / 7, -i / 7, 1] for i in range(1, 5001)]
    settings = {**SMALL, "dataset": "own"}
    hello = {"type": "hello", "token": server.token, "session": None, "settings": settings, "points": points}
    with raw_socket(server, server.origin, server.host) as raw:
        raw.settimeout(10)
        raw.sendall(masked(hello) + masked({"type": "run", "running": True}))
        try:
            for rate in range(1, 300):  # states of 200 KB each
                raw.sendall(masked({"type": "settings", "settings": {"learningRate": rate / 1000}}))
                other.await_type("frame", timeout=3)
        except ConnectionError:
            pass
        else:
            raise AssertionError("it was never shown out")
    assert resident(server.process.pid) - before < 64e6


CLIENT = """
import sys; sys.path[:0] = {path!r}
from playground_server import Page
class Server: origin, host, token = {origin!r}, {host!r}, {token!r}
page = Page(Server)
page.enter({{"dataset": "spiral", "networkShape": [8, 8]}})
page.run()
print("runs", flush=True)
while True:
    page.hear()
"""


def test_a_killed_page_frees_its_core_within_two_seconds(server: Server) -> None:
    code = CLIENT.format(path=sys.path, origin=server.origin, host=server.host, token=server.token)
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert client.stdout and client.stdout.readline() == "runs\n"
    worker = server.worker
    assert wait_for(lambda: load(worker, 0.2) > 0.2)
    client.send_signal(signal.SIGKILL)
    client.wait()
    begun, used = time.monotonic(), busy(worker)
    wait_for(lambda: load(worker, 0.1) == 0, timeout=2)
    assert time.monotonic() - begun < 2 and busy(worker) - used < 0.5
    client.stdout.close()
