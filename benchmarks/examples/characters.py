"""PyTorch trains the character model of docs/examples/characters.py: the same layers, first weights, batches,
optimiser, schedule and time, so that what differs is how much is learned in that time.

    python -m benchmarks.examples.characters --model lstm --minutes 3 --threads 2

beside `python -m docs.examples.characters --model lstm --minutes 3`. Validation counts in both.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

import autograd
import nn
from docs.examples import characters
from docs.examples.characters import Clock, TimedCycle
from docs.examples.language import Reader
from docs.examples.text import Alphabet, split, tiny_shakespeare


class Twin(torch.nn.Module):
    """The layers of a Reader, with its weights."""

    def __init__(self, ours: Reader) -> None:
        super().__init__()
        size, embedded = ours.embedding.weight.shape
        width = ours.layer.hidden_size
        self.embedding = torch.nn.Embedding(size, embedded)
        self.layer = getattr(torch.nn, type(ours.layer).__name__)(embedded, width)
        self.dropout = torch.nn.Dropout(ours.dropout.p)
        self.head = torch.nn.Linear(width, size)
        weights = {name: torch.tensor(p.data) for name, p in ours.named_parameters()}
        self.load_state_dict(weights)

    def forward(self, x: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """x (T, N) -> logits (T, N, size), state."""
        states, state = self.layer(self.embedding(x), state)
        return self.head(self.dropout(states)), state


def detached(state: Any) -> Any:
    return tuple(x.detach() for x in state) if isinstance(state, tuple) else state.detach()


@torch.no_grad()
def surprise(model: Twin, codes: Any, lanes: int = 32, length: int = 128) -> float:
    """As Reader.surprise."""
    model.eval()
    each = (len(codes) - 1) // lanes
    x, following = (torch.from_numpy(codes[i : i + lanes * each].reshape(lanes, each).T) for i in (0, 1))
    found, state = 0.0, None
    for start in range(0, each, length):
        logits, state = model(x[start : start + length], state)
        target = following[start : start + length].reshape(-1)
        found += torch.nn.functional.cross_entropy(logits.flatten(0, 1), target, reduction="sum").item()
    model.train()
    return found / x.numel()


def train(kind: str, minutes: float, seed: int) -> tuple[float, int, float]:
    """The validation loss, the updates, and the seconds these took with validation."""
    autograd.manual_seed(seed)
    text = tiny_shakespeare()
    letters = Alphabet(text)
    codes, held_back = split(letters.encode(text))
    made = characters.recipe(kind, letters.size, quick=False)
    model = Twin(made.model)
    loader = made.model.batches(codes, made.batch, characters.EPOCH, seed + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=made.rate, betas=(0.9, 0.99))
    clock, updates, state = Clock(minutes), 0, None
    schedule = TimedCycle(nn.optim.SGD([nn.Parameter(autograd.zeros(1))], made.rate), made.rate, clock)
    while clock.part < 1:
        for x, following in loader:
            logits, state = model(torch.from_numpy(x.data), state)
            state = detached(state)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(following.data))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            (optimizer.param_groups[0]["lr"],) = schedule.get_last_lr()
            optimizer.step()
            schedule.step()
            updates += 1
            if clock.part == 1:
                break
        found = surprise(model, held_back)
        print(f"{updates} updates  {clock.seconds:.0f} s  validation loss {found:.3f}", flush=True)
    return found, updates, clock.seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=("lstm", "gru"), default="lstm")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    found, updates, seconds = train(given.model, given.minutes, given.seed)
    print(f"PyTorch {given.model}: validation loss {found:.3f} after {updates} updates in {seconds:.0f} s")


if __name__ == "__main__":
    main()
