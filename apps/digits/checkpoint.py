"""The weights of a trained network on disk: a safetensors file whose header says what network it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import nn
from apps.command import UserError
from apps.digits import datasets, models
from nn.serialize import load_metadata

__all__ = ["Card", "load_model", "save_model"]

FORMAT = "apps.digits 1"
FILE = "model.safetensors"


@dataclass(frozen=True)
class Card:
    """What a network is and how it came to be."""

    model: str
    widths: tuple[int, ...]
    dropout: float
    dataset: str
    side: int
    classes: tuple[str, ...]
    seed: int
    epochs: int


def save_model(folder: Path, model: nn.Module, card: Card) -> None:
    header = {"format": FORMAT, "card": json.dumps(asdict(card))}
    nn.save(model.state_dict(), folder / FILE, metadata=header)


def load_model(path: Path, dataset: str | None = None) -> tuple[nn.Sequential, Card]:
    """The network in a file, or in a folder that `train` wrote, ready for use, and its card.

    UserError, one line, for what is not such a file, or was trained on another dataset than `dataset`.
    """
    file = path / FILE if path.is_dir() else path
    if not file.exists():
        if path.is_dir() and (path / "unfinished").is_dir():
            raise UserError(f"{path}: this run was interrupted: finish it (train --resume --output {path})")
        raise UserError(f"{file}: no such checkpoint; `python -m apps.digits train` makes one")
    try:
        header = load_metadata(file)
        if header.get("format") != FORMAT:
            raise UserError(f"{file}: not the weights of a digits network (no {FORMAT!r} in its header)")
        card = read_card(header["card"])
        model = models.build(card.model, card.side, card.widths, card.dropout)
        state = nn.load(file)
        model.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{file}: {error}") from None
    if dataset is not None and dataset != card.dataset:
        raise UserError(f"{file}: was trained on {card.dataset} ({card.side}x{card.side}), not on {dataset}")
    model.eval()
    return model, card


def read_card(text: str) -> Card:
    fields = json.loads(text)
    fields["widths"], fields["classes"] = tuple(fields["widths"]), tuple(fields["classes"])
    card = Card(**fields)
    if card.model not in models.MODELS or datasets.SIDES.get(card.dataset) != card.side:
        raise ValueError(f"an unknown network: {card.model} for {card.dataset}, {card.side}x{card.side}")
    return card
