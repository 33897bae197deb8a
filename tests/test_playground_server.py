"""The playground's server as a process: its command line, files, sockets, and how both processes end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playground_server import ROOT, Page, Server, environment, fetch, load, runs, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("state"))
    yield server
    assert server.end() == "\ninterrupted\n"


# The command line ---------------------------------------------------------------------------------


def command(state: Path, *flags: str, code: str = "") -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "apps.playground"]
    return subprocess.run(
        [sys.executable, *start, "--no-browser", *flags],
        capture_output=True, text=True, env=environment(state), cwd=ROOT, timeout=20,
    )  # fmt: skip


def started(state: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(state), cwd=ROOT, start_new_session=True,
    )  # fmt: skip


def test_the_first_line_is_the_address(tmp_path: Path) -> None:
    server = Server(tmp_path, 0, "--lang", "ko")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=[\w-]{43}&lang=ko", server.address)
    assert (tmp_path / "kernelgrad/playground-token").read_text() == server.token
    assert server.end() == "\ninterrupted\n" and server.process.returncode == 130


def test_a_port_that_is_taken_is_an_error_and_the_favourite_gives_way(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command(tmp_path, "--port", str(port))
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(rf".*error: cannot listen at 127\.0\.0\.1 port {port}: .*in use\n", done.stderr)
        code = (
            "import apps.playground.__main__ as m, sys\n"
            f"m.FAVOURITE = {port}\n"
            "print(m.listen('127.0.0.1', None).getsockname()[1])"
        )
        done = command(tmp_path, code=code)
        assert done.returncode == 0 and int(done.stdout) != port


def test_other_machines_are_let_in_only_by_a_flag(tmp_path: Path) -> None:
    done = command(tmp_path, "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2 and "--allow-network" in done.stderr and done.stdout == ""
    server = Server(tmp_path, 0, "--host", "0.0.0.0", "--allow-network")
    response = fetch(f"http://127.0.0.1:{server.port}/")
    strange = fetch(f"http://127.0.0.1:{server.port}/", Host="example.com")
    assert (response.status, strange.status) == (200, 421)
    assert "warning: whoever" in server.end() and server.token not in server.address[:20]


@pytest.mark.parametrize("missing", ["uvicorn", "starlette", "websockets"])
def test_without_the_extra_the_error_says_how_to_get_it(tmp_path: Path, missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from apps.playground.__main__ import main; sys.exit(main(['--no-browser', '--port', '0']))"
    )
    done = command(tmp_path, code=code)
    assert done.returncode == 2 and done.stdout == ""
    assert missing in done.stderr and 'pip install "kernelgrad[playground]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_browser_is_started_with_an_address_that_works_once(tmp_path: Path) -> None:
    code = (
        "import webbrowser, apps.playground.__main__ as m\n"
        "webbrowser.open = lambda address: print(address, flush=True) or True\n"
        "m.main(['--port', '0', '--lang', 'en'])"
    )
    process = started(tmp_path, "-c", code)
    assert process.stdout
    address, opened = process.stdout.readline().strip(), process.stdout.readline().strip()
    token = (tmp_path / "kernelgrad/playground-token").read_text()
    assert token in address and token not in opened
    assert fetch(opened, "HEAD").headers["location"] == "/"
    first, second = fetch(opened), fetch(opened)
    assert first.headers["location"] == f"/#token={token}&lang=en" and second.headers["location"] == "/"
    assert first.headers["cache-control"] == "no-store"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == "\ninterrupted\n"


def test_where_no_browser_opens_it_says_so_and_goes_on(tmp_path: Path) -> None:
    code = (
        "import webbrowser, apps.playground.__main__ as m\n"
        "webbrowser.open = lambda _: False\n"
        "m.main(['--port', '0'])"
    )
    process = started(tmp_path, "-c", code)
    assert process.stdout and process.stdout.readline().startswith("http://")
    assert process.stdout.readline() == "could not open a browser; open the address above\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == "\ninterrupted\n"


# Files --------------------------------------------------------------------------------------------


def test_files_come_with_safe_headers_and_are_checked_by_etag(server: Server) -> None:
    response = fetch(server.origin + "/")
    assert response.status == 200 and b"<html" in response.content
    headers = response.headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert f"connect-src 'self' ws://{server.host}" in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache" and "server" not in headers
    again = fetch(server.origin + "/", **{"If-None-Match": headers["etag"]})
    assert again.status == 304 and again.content == b""
    assert fetch(server.origin + "/", "HEAD").headers["content-length"] == headers["content-length"]
    script = fetch(server.origin + "/js/app.js")
    assert script.status == 200 and "javascript" in script.headers["content-type"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_only_get_and_head(server: Server, method: str) -> None:
    response = fetch(server.origin + "/", method)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


OUTSIDE = ["/../server.py", "/%2e%2e/server.py", "/js/..%2f..%2fserver.py", "//etc/passwd", "/js", "/%00"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_the_folder_is_served(server: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"400"), answer[:200]
    assert b"import" not in answer and b"root:" not in answer


# A page -------------------------------------------------------------------------------------------


def test_a_page_trains_looks_and_asks(server: Server) -> None:
    with Page(server) as page:
        state = page.enter()
        assert state["network"]["layers"] == [3, 2, 1] and not page.welcome["resumed"]
        assert "C kernels" in page.welcome["backend"] or "NumPy" in page.welcome["backend"]
        first = page.run()
        begun = time.monotonic()
        frames = [page.await_type("frame") for _ in range(15)]
        rate = len(frames) / (time.monotonic() - begun)
        assert rate < 40, f"{rate} frames a second"
        assert frames[-1]["updates"] > frames[0]["updates"] > first["updates"] and frames[0]["rate"] > 0
        page.say("by_hand", id=1, point=[1, 1, 1])
        assert page.await_type("by_hand")["id"] == 1
        page.say("reset")
        state = page.await_type("state")
        assert (state["epoch"], state["running"]) == (0, False)
        page.say("settings", settings={"noise": -1})
        assert page.await_type("error")["code"] == "setting_value"


def test_a_page_that_comes_back_finds_its_training_going_on(server: Server) -> None:
    with Page(server) as page:
        page.enter()
        epoch = page.run()["epoch"]
    with Page(server) as page:
        state = page.enter(session=page.session or None)
        assert not page.welcome["resumed"] and state["epoch"] == 0, "no session, no memory"
    with Page(server) as first:
        first.enter()
        epoch = first.run()["epoch"]
    assert wait_for(lambda: load(server.worker, 0.1) == 0)
    with Page(server) as page:
        state = page.enter(session=first.session)
        assert page.welcome == {**first.welcome, "resumed": True}
        assert state["running"] and state["epoch"] >= epoch
        after = page.await_that(lambda message: message.get("updates", 0) > 0 and message["type"] == "frame")
        assert page.await_type("frame")["updates"] > after["updates"]


def test_a_second_page_of_the_same_session_takes_its_place(server: Server) -> None:
    with Page(server) as old, Page(server) as new:
        old.enter()
        new.enter(session=old.session)
        assert new.session == old.session and new.welcome["resumed"]
        assert old.await_close() == 4005
        assert new.run()["running"]


def test_nobody_training_costs_nothing(server: Server) -> None:
    with Page(server) as page:
        page.enter()
        page.await_type("frame")
        assert load(server.worker, 1) <= 0.01
        assert load(server.process.pid, 0.5) <= 0.06


# The ends of processes ----------------------------------------------------------------------------


def training(server: Server, count: int = 3) -> list[Page]:
    pages = [Page(server) for _ in range(count)]
    for page in pages:
        page.enter()
        page.run()
    return pages


def test_ctrl_c_ends_both_processes_at_once_and_cleanly(tmp_path: Path) -> None:
    server = Server(tmp_path)
    pages = training(server)
    pages[0].draws = False
    worker = server.worker
    begun = time.monotonic()
    errors = server.end()
    assert time.monotonic() - begun < 4  # 0.3 where nothing else runs
    assert server.process.returncode in (0, 130) and errors == "\ninterrupted\n"
    assert not runs(worker)
    assert pages[1].await_close() == 1012


def test_a_second_ctrl_c_is_as_clean(tmp_path: Path) -> None:
    server = Server(tmp_path)
    training(server, 1)[0].draws = False
    server.process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    assert server.end() == "\ninterrupted\n" and server.process.returncode == 130


def test_ctrl_c_in_a_terminal_is_clean_while_the_compute_process_starts(tmp_path: Path) -> None:
    process = started(tmp_path, "-m", "apps.playground", "--no-browser", "--port", "0")
    assert process.stdout and process.stdout.readline().startswith("http://")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of the group
    assert process.communicate(timeout=10)[1] == "\ninterrupted\n" and process.returncode == 130


def test_the_compute_process_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path)
    training(server)
    worker = server.worker
    server.end(signal.SIGKILL)
    wait_for(lambda: not runs(worker), timeout=1)


def test_a_server_that_is_started_again_takes_up_its_pages(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with Page(server) as page:
        page.enter()
        page.run()
        server.end(signal.SIGKILL)
    again = Server(tmp_path, server.port)
    assert again.address == server.address
    with Page(again) as page:
        state = page.enter({"dataset": "spiral", "networkShape": [5]}, session=page.session)
        assert not page.welcome["resumed"] and state["settings"]["networkShape"] == [5]
    again.end()


def test_another_compute_process_takes_the_place_of_one_that_dies(tmp_path: Path) -> None:
    server = Server(tmp_path)
    (page,) = training(server, 1)
    worker = server.worker
    os.kill(worker, signal.SIGKILL)
    event: dict[str, Any] = page.await_that(lambda message: message["type"] == "event")
    assert event["code"] == "restarted" and page.await_close() == 1012
    assert server.worker != worker
    with Page(server) as page:
        page.enter(session=page.session)
        assert page.run()["running"]
    assert "the compute process ended (-9)" in server.end()
