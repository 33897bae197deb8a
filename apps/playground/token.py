"""The secret that a page must know: a random token, kept in a file that only its owner can read.

It is kept so that an open page goes on after a restart of the server. It is never logged.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import stat
from pathlib import Path

__all__ = ["load_token", "same_token", "state_folder"]

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits as secrets.token_urlsafe writes them


def state_folder() -> Path:
    """$XDG_STATE_HOME/kernelgrad, or ~/.local/state/kernelgrad. RuntimeError where there is no home."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "kernelgrad"


def load_token(folder: Path | None = None) -> str:
    """The token of this user, from the file "playground-token" in `folder` (default: `state_folder()`).

    A file that is missing, broken, a link, or open to others is replaced: by the first of two processes that
    start at once, the other takes up its token. Where the folder can't be written
    the token is a new one at each call, which is as safe, but forgotten with the process.
    """
    try:
        path = (folder or state_folder()) / "playground-token"
        token = read_private(path)
        if token is None:
            token = secrets.token_urlsafe(32)
            write_private(path, token)
            token = read_private(path) or token
        return token
    except (OSError, RuntimeError):
        return secrets.token_urlsafe(32)


def same_token(given: str, token: str) -> bool:
    """Whether they are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def read_private(path: Path) -> str | None:
    """The token in the file; None unless the file is ours alone and holds nothing but a token."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return None
        if hasattr(os, "getuid") and (facts.st_uid != os.getuid() or facts.st_mode & 0o077):
            return None
        text = file.read(100).decode("ascii", "replace")
    return text if TOKEN.fullmatch(text) else None


def write_private(path: Path, token: str) -> None:
    """Write a new file of mode 0600 beside it and put it in place in one step, unless there is a good one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(token)
        try:
            os.link(new, path)
        except OSError:  # there is one already, or the disk knows no links
            if read_private(path) is None:
                os.replace(new, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(new)
