"""Refused: what a visitor asked for and can't have, with a code that the page translates."""

from __future__ import annotations

from typing import Any

__all__ = ["SENTENCES", "Refused"]

# A sentence for each code; {names} are filled from the details.
SENTENCES = {
    "setting_unknown": "There is no setting {key}.",
    "setting_value": "{key} can't be {value}: it is {allowed}.",
    "features_none": "At least one feature must stay switched on.",
    "loss_needs": "The loss {loss} can't learn {data}: it needs the loss {needs}.",
    "points_none": "There are no points to learn from.",
    "points_many": "These are {count} points; {most} is the most.",
    "points_shape": "Points are triples x, y, label; {value} is none.",
    "points_number": "Point {index} has {value} as its {name}: it must be a number from -1000000 to 1000000.",
    "points_label": "Point {index} has the label {value}: {allowed}.",
    "csv_large": "The file has {bytes} bytes; {most} is the most.",
    "csv_number": "Line {line}: {text} is no number.",
    "csv_columns": "Line {line} must have 3 columns (x, y, label), not {count}: {text}",
    "csv_finite": "Line {line}: {text} is not a number from -1000000 to 1000000.",
    "csv_many": "Line {line} is one point too many: {most} is the most.",
    "csv_label": "Line {line} has the label {text}: {allowed}.",
    "csv_none": "The file has no points.",
    "message_large": "A message has at most {most} bytes.",
    "message_json": "A message is a JSON object in text.",
    "message_number": "A message can't hold the number {text}.",
    "message_many": "Messages come faster than they can be answered; one was left out.",
    "message_type": "There is no message {type} here.",
    "message_key": "The message {type} can't have such a {key}.",
    "batch_large": "A batch of {batch} is more than the {points} points for training: nothing is learnt.",
    "failed": "Something went wrong in the server: {what}. Its terminal says more.",
    "diverged": "The network's numbers are no longer finite: reset it, and lower the learning rate.",
    "weight_place": "The network has no such weight or bias: {place}.",
    "neuron_place": "The network has no such neuron: {place}.",
    "weight_value": "A weight can't be {value}: it is a number from -{most} to {most}.",
}
LONGEST = 100  # characters of a text in the details: what was given may be of any length


class Refused(ValueError):
    """What was asked for is refused: `code`, a key of SENTENCES; `details`, whole numbers and short texts.

    str() is the English sentence. A detail the sentence names must be given (KeyError: a mistake of ours).

    >>> refused = Refused("setting_value", key="noise", value=70, allowed="a whole number from 0 to 50")
    >>> refused.code, refused.details["key"]
    ('setting_value', 'noise')
    >>> print(refused)
    noise can't be 70: it is a whole number from 0 to 50.
    """

    def __init__(self, code: str, **details: Any) -> None:
        self.code = code
        self.details = {name: plain(value) for name, value in details.items()}
        super().__init__(SENTENCES[code].format(**self.details))


def plain(value: Any) -> int | str:
    """An integer as it is, anything else as a short text: what JSON and a page can show."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return value
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits; lists in lists in lists
        text = type(value).__name__
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
