"""A server and headless Chromium for the tests of the playground's page; what they saw is kept as pictures.

Every page fails its test on an error in its console, an exception, or a request that leaves the machine.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from person import Person

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# The page's sockets, so that a test can close one as a failing network does.
KEEP_SOCKETS = """window.sockets = []; window.WebSocket = class extends WebSocket {
  constructor(...given) { super(...given); window.sockets.push(this); }
};"""
SIZE = {"width": 1280, "height": 800}

if CHROMIUM is None:
    collect_ignore_glob = ["test_*.py"] if os.environ.get("PLAYGROUND_BROWSER") != "require" else []


class Server:
    """`python -m apps.playground`, with a state folder of its own, that can be killed and started again."""

    def __init__(self, state: Path, port: int = 0) -> None:
        self.state = state
        self.start(port)

    def start(self, port: int = 0) -> None:
        command = [sys.executable, "-m", "apps.playground", "--no-browser", "--port", str(port)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.state)},
        )  # fmt: skip
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        found = urlsplit(self.address)
        assert found.port and found.fragment.startswith("token="), f"no address but {self.address!r}"
        self.port, self.origin = found.port, f"http://{found.netloc}"

    def url(self, fragment: str = "") -> str:
        """The address with settings of the page: url("dataset=xor&lang=ko")."""
        return f"{self.address}&{fragment}" if fragment else self.address

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()
        return code


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Any]:
    servers: list[Server] = []

    def make(port: int = 0) -> Server:
        servers.append(Server(tmp_path, port))
        return servers[-1]

    yield make
    for server in servers:
        server.stop(signal.SIGKILL if server.process.poll() is None else signal.SIGINT)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("state"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, server: Server) -> Iterator[Any]:
    """open_page("dataset=xor", ...): a person before a new page at these settings, connected and drawn
    (unless `ready=False`). Other options are those of a browser context (locale, color_scheme, viewport ...);
    `first=True` shows the guided first run, which is dismissed otherwise; `at` is another server, `address`
    the whole of another address."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def make(
        fragment: str = "",
        *,
        first: bool = False,
        ready: bool = True,
        at: Server = server,
        address: str = "",
        **options: Any,
    ) -> Person:
        context = browser.new_context(
            **{"viewport": SIZE, "locale": "en-US", "accept_downloads": True, **options}
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("request", lambda r: None if is_local(r.url) else wrong.append(f"left the machine: {r.url}"))
        page.add_init_script(KEEP_SOCKETS)
        if not first:
            page.add_init_script("localStorage.setItem('kernelgrad.visited', 'yes')")
        person = Person(page)
        page.goto(address or at.url(fragment))
        if ready:
            person.wait_until_drawn()
        return person

    make.wrong = wrong  # type: ignore[attr-defined]  # tests that break the server on purpose empty it
    yield make
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


def is_local(url: str) -> bool:
    return bool(re.match(r"(https?|ws)://(127\.0\.0\.1|localhost)[:/]|data:|blob:", url))


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Any:
    """keep(person, "name"): a screenshot beside those of the other tests."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def shot(person: Person, name: str, **options: Any) -> Path:
        path = SCREENSHOTS / f"{name}.png"
        person.page.screenshot(path=path, animations="disabled", **options)
        assert path.stat().st_size > 5_000, f"{path} shows nothing"
        return path

    return shot


@pytest.fixture
def note() -> Any:
    """note("name", "what was measured"): a text beside the screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return lambda name, text: (SCREENSHOTS / f"{name}.txt").write_text(text + "\n")
