"""What is said between page and server: messages checked against a schema, and frames in bytes.

A message is a JSON object with a "type" and exactly the keys of that type. What settings and points may be is
for `settings` and `points` to say; here they are an object and a list.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from apps.playground.errors import Refused
from apps.playground.settings import is_number

__all__ = ["MOST_MESSAGE", "MOST_TIMES", "encode_frame", "error", "parse"]

MOST_MESSAGE = 256 * 1024  # bytes
MOST_TIMES = 1000  # batches or epochs of one step
MOST_SPEED = 1e6  # epochs a second
MOST_EPOCH = 10**9
MOST_NUMBER = 1e12  # of anything: coordinates, labels, weights have narrower limits of their own
MOST_KEYS = 40
SESSION = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits as secrets.token_urlsafe writes them

Check = Callable[[Any], bool]


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def number(least: float = -MOST_NUMBER, most: float = MOST_NUMBER) -> Check:
    return lambda value: is_number(value) and least <= value <= most


def whole(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def text(most: int) -> Check:
    return lambda value: isinstance(value, str) and len(value) <= most


def one_of(*choices: str) -> Check:
    return lambda value: isinstance(value, str) and value in choices


def list_of(check: Check, length: int) -> Check:
    return lambda value: isinstance(value, list) and len(value) == length and all(map(check, value))


def or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def is_object(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= MOST_KEYS


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_session(value: Any) -> bool:
    return isinstance(value, str) and SESSION.fullmatch(value) is not None


def is_stop(value: Any) -> bool:
    """{loss, epoch}: each a number or null, or left out."""
    rules = {"loss": or_null(number(0, MOST_NUMBER)), "epoch": or_null(whole(1, MOST_EPOCH))}
    return isinstance(value, dict) and all(key in rules and rules[key](value[key]) for key in value)


index = whole(0, 10_000)

# For each type its keys; those after "?" may be left out.
SCHEMA: dict[str, dict[str, Check]] = {
    "hello": {
        "token": text(200),
        "session": or_null(is_session),
        "settings": is_object,
        "?points": or_null(is_list),
    },
    "settings": {"settings": is_object},
    "points": {"points": is_list},
    "csv": {"text": text(MOST_MESSAGE)},
    "run": {"running": is_flag},
    "step": {"unit": one_of("batch", "epoch"), "times": whole(1, MOST_TIMES)},
    "reset": {},
    "weight": {"layer": index, "to": index, "from": index, "value": number()},
    "bias": {"layer": index, "neuron": index, "value": number()},
    "view": {
        "?shown": or_null(list_of(index, 2)),
        "?gradients": is_flag,
        "?visible": is_flag,
        "?speed": number(0, MOST_SPEED),
        "?stop": is_stop,
    },
    "by_hand": {"id": whole(0, 2**53), "point": list_of(number(), 3)},
    "export": {"what": one_of("python", "json", "csv")},
    "ack": {"frame": whole(0, 2**53)},
}
RULES = {
    kind: {key.lstrip("?"): (check, key.startswith("?")) for key, check in keys.items()}
    for kind, keys in SCHEMA.items()
}


def finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Refused("message_number", text=digits)
    return value


def integer(digits: str) -> int:
    if len(digits) > 20:
        raise Refused("message_number", text=digits)
    return int(digits)


def no_number(name: str) -> float:
    raise Refused("message_number", text=name)


def parse(text: str) -> dict[str, Any]:
    """The message in a text. Refused, and nothing else, where it is none:

    message_large   more than 256 KiB
    message_json    no JSON, or no object, or too deep
    message_number  a number that is not finite, or of more than 20 digits
    message_type    a type that there is not
    message_key     a key that is missing, unknown, or has a value it can't have
    """
    if len(text) > MOST_MESSAGE or len(text.encode("utf-8", "surrogatepass")) > MOST_MESSAGE:
        raise Refused("message_large", most=MOST_MESSAGE)
    try:
        message = json.loads(text, parse_float=finite, parse_int=integer, parse_constant=no_number)
    except (json.JSONDecodeError, RecursionError):
        raise Refused("message_json") from None
    if not isinstance(message, dict):
        raise Refused("message_json")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in RULES:
        raise Refused("message_type", type=kind)
    rules = RULES[kind]
    for key in message:
        if key != "type" and key not in rules:
            raise Refused("message_key", type=kind, key=key)
    for key, (check, optional) in rules.items():
        if not (check(message[key]) if key in message else optional):
            raise Refused("message_key", type=kind, key=key)
    return message


def error(refused: Refused) -> dict[str, Any]:
    """The reply that tells the page."""
    return {"type": "error", "code": refused.code, "details": refused.details, "message": str(refused)}


def encode_frame(header: Mapping[str, Any], blocks: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """A frame: u32 length of the header | header | blocks. Header and blocks are padded to 4 bytes, so that
    all begin at a multiple of 4. Blocks are uint8 ("u8") or become float32 ("f32"), little-endian; the header
    names them in their order. ValueError for a header with a number that is not finite."""
    parts, listed = [], []
    for name, block in blocks.items():
        kind = "u8" if block.dtype == np.uint8 else "f32"
        with np.errstate(over="ignore"):  # what float32 can't hold is infinite there
            content = np.ascontiguousarray(block, dtype="u1" if kind == "u8" else "<f4").tobytes()
        parts.append(content + bytes(-len(content) % 4))
        listed.append([name, kind, list(block.shape)])
    text = json.dumps({**header, "blocks": listed}, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return b"".join((len(text).to_bytes(4, "little"), text, *parts))
