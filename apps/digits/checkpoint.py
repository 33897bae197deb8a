"""The weights of a trained network on disk: a safetensors file whose header says what network it is, and
whether it reads (a classifier) or draws (apps.digits.drawing.painters)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nn
from apps.command import UserError
from apps.digits import datasets, models
from nn.serialize import load_metadata

__all__ = ["DRAWS", "READS", "Card", "load_model", "read_header", "save_model", "unusable"]

FORMAT = "apps.digits 1"
FILE = "model.safetensors"

READS, DRAWS = "reads", "draws"  # the families
OTHERWISE = {  # what to say to who brings one of the other family
    READS: "reads images, it draws none; `train --model vae`, gan, diffusion and others make one that draws",
    DRAWS: "draws images, it reads none; look at what it draws with `sample` and `animate`",
}


@dataclass(frozen=True)
class Card:
    """What a network that reads is, and how it came to be."""

    model: str
    widths: tuple[int, ...]
    dropout: float
    dataset: str
    side: int
    classes: tuple[str, ...]
    seed: int
    epochs: int
    family: str = READS  # files from before there were others don't say


def save_model(folder: Path, model: nn.Module, card: Any) -> None:
    """Write the weights and the card, a dataclass with a `family`."""
    header = {"format": FORMAT, "card": json.dumps(asdict(card))}
    nn.save(model.state_dict(), folder / FILE, metadata=header)


def read_header(path: Path, family: str, dataset: str | None = None) -> tuple[Path, dict[str, Any]]:
    """The file of weights, itself or in a folder that `train` wrote, and the fields of its card.

    UserError, one line, for what is not such a file, is of the other family, or was trained on another
    dataset than `dataset`.
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
        fields = json.loads(header["card"])
        found, name = fields.get("family", READS), fields["model"]
        side, known = fields["side"], datasets.SIDES.get(fields["dataset"])
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise unusable(file, error) from None
    if found != family:
        raise UserError(f"{file}: this {name} {OTHERWISE.get(found, 'is of an unknown family')}")
    if side != known:
        raise UserError(f"{file}: an unknown network: {name} for {fields['dataset']}, {side}x{side}")
    if dataset is not None and dataset != fields["dataset"]:
        raise UserError(f"{file}: was trained on {fields['dataset']} ({side}x{side}), not on {dataset}")
    return file, fields


def unusable(file: Path, error: Exception) -> UserError:
    """What to raise for it: the file is named once, by the error itself or before it."""
    return UserError(str(error) if str(error).startswith(f"{file}: ") else f"{file}: {error}")


def load_model(path: Path, dataset: str | None = None) -> tuple[nn.Sequential, Card]:
    """The network that reads in a file or folder, ready for use, and its card; errors as read_header()."""
    file, fields = read_header(path, READS, dataset)
    try:
        fields["widths"], fields["classes"] = tuple(fields["widths"]), tuple(fields["classes"])
        card = Card(**fields)
        if card.model not in models.MODELS:
            raise ValueError(f"an unknown network: {card.model}")
        model = models.build(card.model, card.side, card.widths, card.dropout)
        model.load_state_dict(nn.load(file))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise unusable(file, error) from None
    model.eval()
    return model, card
