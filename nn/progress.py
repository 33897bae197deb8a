"""Progress of a long run: a bar on a terminal (with tqdm), plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["Progress"]

QUIET = 10.0  # seconds between plain lines within an epoch


class Progress:
    """What a run of `total` batches (or words) says while it goes on. Use it in a `with` block.

    show   None: yes; False: say nothing
    done   batches that an earlier run did (after a resume)
    unit   what the rates count
    """

    def __init__(self, total: int, done: int = 0, show: bool = True, unit: str = "samples") -> None:
        self.total = total
        self.first = self.done = done
        self.show = show
        self.unit = unit
        self.bar: Any = None

    def __enter__(self) -> Progress:
        self.begun = self.spoke = time.perf_counter()
        if self.show and sys.stderr.isatty():
            try:
                from tqdm import tqdm  # type: ignore[import-untyped]
            except ImportError:
                pass
            else:
                self.bar = tqdm(
                    total=self.total,
                    initial=self.done,
                    # The numbers go where the unit would: tqdm sets a comma before a postfix.
                    bar_format="{desc} {percentage:3.0f}%|{bar:20}| {unit}  left {remaining}",
                    unit="",
                    file=sys.stderr,
                    mininterval=0.2,
                )
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def left(self) -> str:
        """The time that the rest will take, as m:ss or h:mm:ss; ? while nothing is done that would tell."""
        if self.done == self.first:
            return "?"
        spent = time.perf_counter() - self.begun
        seconds = round(spent / (self.done - self.first) * (self.total - self.done))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    def batch(self, title: str, numbers: dict[str, float], rate: float, count: int = 1) -> None:
        """One more batch (`count` words) is done; `rate` is in samples (words) per second."""
        self.done += count
        if self.bar is not None:
            # Set without refresh: tqdm draws at most every `mininterval`.
            self.bar.set_description_str(title, refresh=False)
            self.bar.unit = f"{described(numbers)}  {rate:,.0f} {self.unit}/s"
            self.bar.update(count)
        elif self.show and time.perf_counter() - self.spoke > QUIET:
            self.line(title, numbers, rate)

    def line(self, title: str, numbers: dict[str, float], rate: float) -> None:
        """A line of its own: at the end of each epoch."""
        if not self.show:
            return
        self.spoke = time.perf_counter()
        text = f"{title}  {described(numbers)}  {rate:,.0f} {self.unit}/s"
        if self.done < self.total:
            text += f"  left {self.left()}"
        if self.bar is not None:
            self.bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        if self.bar is not None:
            self.bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)


def described(numbers: dict[str, float]) -> str:
    """
    >>> described({"loss": 0.5, "accuracy": 0.75})
    'loss 0.5000  accuracy 75.00%'
    """
    return "  ".join(
        f"{name} {100 * value:.2f}%" if "accuracy" in name else f"{name} {value:.4f}"
        for name, value in numbers.items()
    )
