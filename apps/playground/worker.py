"""The compute process: reads packets on its standard input, writes packets on its standard output."""

from __future__ import annotations

import json
import os

from apps.playground import pipe


def main() -> None:
    reader = pipe.Reader(0)
    while True:
        try:
            packets = reader.read()
        except EOFError:
            return
        for header, _ in packets:
            if header["do"] == "enter":
                welcome = {"type": "welcome", "session": header["session"], "resumed": False, "limits": {}}
                packet = {"session": header["session"], "frame": False}
                os.write(1, pipe.pack(packet, json.dumps(welcome).encode()))


if __name__ == "__main__":
    main()
