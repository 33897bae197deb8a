"""What a person does before the page, and what they see there: the words in which the tests are written.

Nothing here waits for a while: `until` waits for what is to become true, and fails if it does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from wire import Wire

FEATURES = ["x", "y", "xSquared", "ySquared", "xTimesY", "sinX", "sinY"]


class Person:
    """One open page. `wire` knows what the server says; all else is what the page shows."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wire = Wire(page)

    # Waiting ---------------------------------------------------------------------------------------

    def until(self, check: Callable[[], Any], seconds: float = 10.0, what: str = "") -> Any:
        """What `check` gives as soon as it is true."""
        end = time.monotonic() + seconds
        while not (found := check()):
            assert time.monotonic() < end, f"not within {seconds} s: {what or check}"
            self.page.wait_for_timeout(20)  # in which the browser's news arrive
        return found

    def wait_until_drawn(self) -> None:
        """Connected, and the present generation drawn by all views."""
        self.page.wait_for_selector("body[data-connection=open]")
        self.until(lambda: self.wire.state, what="a state")
        drawn = "body[data-drawn='{}']"
        self.until(lambda: self.sees(drawn.format(self.wire.state["generation"])), what="the network drawn")

    def wait_for_settings(self, **settings: Any) -> None:
        """The server has these settings, and the page shows what came of them."""
        have = lambda: self.settings  # noqa: E731
        self.until(
            lambda: all(have().get(k) == v for k, v in settings.items()), what=f"{settings} in {have()}"
        )
        self.wait_until_drawn()

    def another_tab(self, fragment: str) -> Person:
        """In the same browser window, at the same server."""
        other = Person(self.page.context.new_page())
        other.page.goto(self.page.url.partition("#")[0] + "#" + fragment)
        other.wait_until_drawn()
        return other

    # Seeing ----------------------------------------------------------------------------------------

    def sees(self, selector: str) -> bool:
        return bool(self.page.locator(selector).count())

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.inner_text())

    @property
    def settings(self) -> dict[str, Any]:
        """As the server has them."""
        return dict(self.wire.state["settings"])

    @property
    def address(self) -> dict[str, str]:
        """The keys and values behind the page's "#"."""
        parts = [part.partition("=") for part in self.page.url.partition("#")[2].split("&") if part]
        return {key: unquote(value) for key, _, value in parts}

    def epoch(self) -> int:
        return int(self.text("#progress .epoch").replace(",", ""))

    def losses(self) -> tuple[str, str]:
        """Of training and test, as they are written."""
        train, test = self.page.locator("#losses td.loss").all_inner_texts()
        return train, test

    def notice(self) -> str:
        """All that the page has to say at the moment."""
        return "\n".join(self.page.locator("#notice .notice:not([hidden])").all_inner_texts())

    def picture(self) -> str:
        """The output's field as it is drawn."""
        return str(self.page.evaluate("document.querySelector('.field-canvas').toDataURL()"))

    def weights(self) -> list[float]:
        return [float(value) for value in self.wire.frame["weights"]]

    def focus(self) -> str:
        """What has the focus, in words: tag, id, classes and name."""
        return str(self.page.evaluate(
            "(({tagName, id, className, ariaLabel, innerText}) =>"
            " `${tagName} #${id} .${className} ${ariaLabel ?? innerText?.slice(0, 40)}`)"
            "(document.activeElement)"
        ))  # fmt: skip

    # Doing -----------------------------------------------------------------------------------------

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, selector: str, key: str = "Tab") -> None:
        """As often as it takes until what has the focus is `selector`."""
        here = f"document.activeElement.matches({selector!r})"
        for _ in range(120):
            if self.page.evaluate(here):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{key} does not reach {selector}; it is at {self.focus()}")

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def choose(self, key: str, value: Any) -> None:
        """In a list of the strip of hyperparameters."""
        self.page.select_option(f"#control-{key}", str(value))
        self.wait_for_settings(**{key: value})

    def toggle_feature(self, name: str) -> None:
        before = self.settings[name]
        self.click(f"[data-feature={name}]")
        self.wait_for_settings(**{name: not before})

    def choose_data(self, name: str) -> None:
        self.click(f".data-set[data-value={name}]")

    def speed(self, epochs: int) -> None:
        """0: as fast as it goes."""
        self.page.select_option("#speed-select", str(epochs))

    def train(self) -> None:
        assert not self.running()
        self.click("#transport .play")
        self.until(self.running, what="training")

    def pause(self) -> None:
        if self.running():
            self.click("#transport .play")
        self.until(lambda: not self.running() and not self.wire.frame["running"], what="a pause")
        self.settle()

    def running(self) -> bool:
        return self.sees("#transport .play use[href='#icon-pause']")

    def settle(self) -> None:
        """Until the page shows the latest frame."""
        self.until(lambda: self.epoch() == self.wire.frame["epoch"], what="the latest frame drawn")
        self.two_frames()

    def two_frames(self) -> None:
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def step(self, text: str, epochs: int) -> None:
        """One step of this size, which is so many epochs: step("10 epochs", 10)."""
        goal = self.epoch() + epochs
        if self.text("#transport .step") != text:
            self.click("#transport .step-menu")
            self.page.locator(".popover").get_by_role("button", name=text, exact=True).click()
        self.click("#transport .step")
        self.until(lambda: self.epoch() == goal, what=f"epoch {goal}")
        self.settle()

    def reset(self) -> None:
        generation = self.wire.state["generation"]
        self.click("#transport button:has(use[href='#icon-reset'])")
        self.until(lambda: self.wire.state["generation"] != generation, what="a new start")
        self.wait_until_drawn()
        self.settle()

    def node(self, layer: int, index: int) -> dict[str, float]:
        """Where a neuron stands; layer -1: the features, of all seven."""
        box = self.page.locator(f"#network [data-column='{layer + 1}'][data-index='{index}']").bounding_box()
        assert box, f"no neuron {layer}, {index}"
        return dict(box)

    def on_link(self, layer: int, to: int, source: int, t: float = 0.3) -> tuple[float, float]:
        """A place on a link: a cubic curve, level at both ends, from the source to the neuron."""
        if layer == 0:
            source = [i for i, name in enumerate(FEATURES) if self.settings[name]][source]
        a, b = self.node(layer - 1, source), self.node(layer, to)
        x0, x1 = a["x"] + a["width"] + 2, b["x"] - 2
        y0, y1 = a["y"] + a["height"] / 2, b["y"] + b["height"] / 2
        return x0 + (x1 - x0) * t * (1.5 - 1.5 * t + t * t), y0 + (y1 - y0) * t * t * (3 - 2 * t)

    def point_at_link(self, layer: int, to: int, source: int) -> None:
        self.page.mouse.move(*self.on_link(layer, to, source))
        self.page.wait_for_selector(".card:not([hidden]) .card-title")

    def click_link(self, layer: int, to: int, source: int) -> None:
        self.page.mouse.click(*self.on_link(layer, to, source))
        self.page.wait_for_selector(".card .card-edit:not([hidden])")

    def click_bias(self, layer: int, neuron: int) -> None:
        self.click(f".bias[data-layer='{layer}'][data-neuron='{neuron}']")
        self.page.wait_for_selector(".card .card-edit:not([hidden])")

    def card(self) -> list[str]:
        """Value, gradient and last update of the card at the pointer."""
        return list(self.page.locator(".network-room > .card dd").all_inner_texts())

    def on_plane(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of [-6, 6] x [-6, 6] is in the output's picture."""
        box = self.page.locator("#heatmap .plane").bounding_box()
        assert box
        return box["x"] + (x + 6) / 12 * box["width"], box["y"] + (6 - y) / 12 * box["height"]
