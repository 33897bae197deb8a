"""Tabs, servers and what comes between them: each page says how it stands, and goes on from its address."""

from __future__ import annotations

import signal

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_two_tabs_at_once_are_independent(open_page, keep):
    first = open_page("dataset=xor&speed=0")
    second = first.another_tab("dataset=gauss&networkShape=2&lang=ko")
    assert first.settings["dataset"] == "xor" and second.settings["dataset"] == "gauss"
    welcomes = [person.wire.said("welcome")[0]["session"] for person in (first, second)]
    assert welcomes[0] != welcomes[1]
    first.train()
    second.train()
    first.until(
        lambda: first.wire.frame["epoch"] > 30 and second.wire.frame["epoch"] > 5, what="both training"
    )
    second.pause()
    before = first.wire.frame["epoch"]
    first.until(lambda: first.wire.frame["epoch"] > before, what="the first one going on")
    assert first.settings["dataset"] == "xor" and first.settings["networkShape"] == [4, 2]
    keep(second, "second-tab")


def test_a_hidden_page_pauses_and_goes_on_when_it_is_seen_again(open_page):
    person = open_page("speed=0")
    person.train()
    person.until(lambda: person.epoch() > 10, what="training")
    person.page.evaluate(HIDE, True)
    person.until(lambda: person.wire.asked("view")[-1].get("visible") is False, what="it told to the server")
    person.page.wait_for_timeout(300)  # what was on its way
    rests = person.wire.frame["frame"]
    person.page.wait_for_timeout(500)
    assert person.wire.frame["frame"] == rests, "frames although nobody sees them"
    person.page.evaluate(HIDE, False)
    epoch = person.wire.frame["epoch"]
    person.until(lambda: person.wire.frame["epoch"] > epoch, what="the training going on")


def test_a_server_killed_and_started_again_is_said_and_the_page_recovers(make_server, open_page, keep):
    server = make_server()
    person = open_page("dataset=xor&networkShape=3,2&seed=9&weightSeed=8", at=server)
    person.step("10 epochs", 10)
    losses, weights = person.losses(), person.weights()
    person.until(lambda: person.address.get("seed") == "9", what="its address")
    server.stop(signal.SIGKILL)
    person.until(lambda: "The server is gone" in person.notice(), what="it said")
    assert person.page.is_disabled("#transport .play")
    keep(person, "server-gone")

    make_server(server.port)
    person.until(lambda: "The server is back" in person.notice(), 20, what="it said")
    person.wait_for_settings(dataset="xor", networkShape=[3, 2], seed=9, weightSeed=8)
    person.until(lambda: person.epoch() == 0, what="a new start")
    keep(person, "server-back")
    person.step("10 epochs", 10)
    assert (person.losses(), person.weights()) == (losses, weights)
    open_page.wrong.clear()  # the browser itself complains about the sockets that failed


def test_a_page_that_trained_goes_on_training_after_a_restart(make_server, open_page):
    server = make_server()
    person = open_page(at=server)
    person.train()
    person.until(lambda: person.epoch() > 2, what="training")
    server.stop(signal.SIGINT)
    person.until(lambda: "The server is gone" in person.notice(), what="it said")
    make_server(server.port)
    person.until(lambda: person.wire.said("welcome")[1:], 20, what="a new session")
    person.until(lambda: person.running() and person.epoch() > 2, what="training again")
    open_page.wrong.clear()


def test_a_lost_connection_resumes_the_session_where_it_was(open_page):
    person = open_page("dataset=xor")
    person.step("10 epochs", 10)
    losses, weights = person.losses(), person.weights()
    person.page.context.set_offline(True)
    person.page.evaluate("window.sockets.at(-1).close()")
    person.until(lambda: "The server is gone" in person.notice(), what="it said")
    person.page.context.set_offline(False)
    person.until(lambda: "Connected again" in person.notice(), 20, what="it said")
    assert person.wire.said("welcome")[-1]["resumed"] is True
    person.settle()
    assert (person.epoch(), person.losses(), person.weights()) == (10, losses, weights)
    open_page.wrong.clear()


# Places of the server taken by pages that say hello and nothing else.
OCCUPY = """async ([count, token]) => {
  const hello = JSON.stringify({ type: "hello", token, session: null, settings: {}, points: null });
  window.taken = Array.from({ length: count }, () => new WebSocket(`ws://${location.host}/socket`));
  await Promise.all(window.taken.map((socket) => new Promise((done, failed) => {
    socket.onopen = () => socket.send(hello);
    socket.onmessage = done;
    socket.onclose = failed;
  })));
}"""


def occupy(person, server, count):
    token = server.address.partition("token=")[2].partition("&")[0]
    person.page.evaluate(OCCUPY, [count, token])


def test_a_killed_tab_frees_its_place(make_server, open_page):
    server = make_server()
    gone, other = open_page("speed=0", at=server), open_page("speed=0", at=server)
    gone.train()
    other.train()
    gone.page.close()  # while it trains
    epoch = other.wire.frame["epoch"]
    other.until(lambda: other.wire.frame["epoch"] > epoch + 20, what="the other one going on")
    occupy(other, server, 7)  # with itself all eight


def test_the_ninth_page_is_told_that_it_is_busy_and_comes_in_later(make_server, open_page, keep):
    server = make_server()
    first = open_page(at=server)
    occupy(first, server, 7)
    ninth = open_page(at=server, ready=False)
    ninth.until(lambda: "All places of the server are taken" in ninth.notice(), what="it said")
    keep(ninth, "busy")
    first.page.evaluate("window.taken[0].close()")
    ninth.page.get_by_role("button", name="Try again").click()
    ninth.wait_until_drawn()


def test_the_fifth_training_waits_for_its_turn_and_says_so(make_server, open_page, keep):
    server = make_server()
    people = [open_page(at=server) for _ in range(5)]
    for person in people:
        person.train()
    waiting = lambda: [person for person in people if "Four pages are training" in person.notice()]  # noqa: E731
    people[0].until(waiting, what="one that waits")
    assert len(waiting()) == 1
    last = waiting()[0]
    keep(last, "waiting")
    others = [person for person in people if person is not last]
    others[0].page.close()
    last.until(lambda: last.wire.frame["epoch"] > 3, what="its turn")


def test_a_page_without_its_token_says_what_to_do(open_page, server, keep):
    for address in (server.origin, f"{server.origin}/#token=wrong"):
        person = open_page(ready=False, address=address)
        person.until(lambda person=person: "missing its key" in person.notice(), what="it said")
        assert person.page.is_disabled("#transport .play")
        assert not person.wire.state
    keep(person, "refused")
