"""Draw the playground's pictures: `python docs/playground_pictures.py` writes docs/pictures/playground*.png.

It opens the page in Chromium at an address, trains to an epoch, and takes a screenshot. Needs the extra
[browser] and a Chromium (`CHROMIUM` names another than the system's).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
SPIRAL = "dataset=spiral&networkShape=8,8&sinX=true&sinY=true&lang=en"


def trained(page: Any) -> None:
    """At epoch 150, with a curve to look at."""
    page.click("#transport .button--primary")
    while page.locator("#progress .epoch").inner_text() != "150":
        page.wait_for_timeout(100)
    page.click("#notice button")
    page.mouse.move(600, 790)
    page.wait_for_timeout(500)


def by_hand(page: Any) -> None:
    """One point of the spiral, at the gradients of the output's weights."""
    page.click("#drawer >> text=Backprop by hand")
    page.wait_for_timeout(500)
    box = page.locator("#heatmap canvas").first.bounding_box()
    page.mouse.click(box["x"] + 0.62 * box["width"], box["y"] + 0.45 * box["height"])
    page.click("#drawer >> text=Backward output")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(800)


PICTURES = {
    "playground": (SPIRAL + "&theme=light&stopEpoch=150", trained),
    "playground_by_hand": ("networkShape=3,2&lang=en&theme=light", by_hand),
}


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as state, sync_playwright() as driver:
        command = [sys.executable, "-m", "apps.playground", "--no-browser", "--port", "0"]
        server = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "XDG_STATE_HOME": state}
        )
        try:
            assert server.stdout
            address = server.stdout.readline().strip()
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            for name, (settings, prepare) in PICTURES.items():
                page = browser.new_page(viewport={"width": 1366, "height": 820})
                page.add_init_script("localStorage.setItem('kernelgrad.visited', 'yes')")
                page.goto(f"{address}&{settings}")
                page.wait_for_selector("body[data-drawn]")
                prepare(page)
                page.screenshot(path=FOLDER / f"{name}.png")
                page.close()
            browser.close()
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()
