"""Build a small network in the browser and watch it learn, on this repository's own engine.

The first line printed is the address, with a secret in it that lets you in: open it in a browser of this
machine. Ctrl-C stops the server.

examples:
  python -m apps.playground
  python -m apps.playground --lang ko
  python -m apps.playground --no-browser --port 8500
"""

from __future__ import annotations

import argparse
import errno
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence

from apps.command import Parser, UserError, number, run

FAVOURITE = 8421  # the port, unless it is taken


def main(arguments: Sequence[str] | None = None) -> int:
    return run(make_parser(), arguments)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m apps.playground", description=__doc__)
    parser.set_defaults(run=serve)
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS",
                        help="address to listen at (default: 127.0.0.1, this machine alone)")  # fmt: skip
    parser.add_argument("--port", type=number(int, 0, 65535), metavar="N",
                        help=f"port; 0 is any free one (default: {FAVOURITE}, or a free one)")  # fmt: skip
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    parser.add_argument("--lang", choices=("ko", "en"), help="language of the page (default: the browser's)")
    parser.add_argument("--allow-network", action="store_true",
                        help="let --host be an address that other machines can reach")  # fmt: skip
    return parser


def serve(options: argparse.Namespace) -> int:
    """Listen, print the address, and answer until Ctrl-C."""
    try:
        from apps.playground import server
    except ImportError as error:
        raise UserError(
            f'the playground needs {error.name}: run pip install "kernelgrad[playground]", or make playground'
        ) from None
    from apps.playground.door import Door
    from apps.playground.guard import allowed_hosts, is_loopback
    from apps.playground.token import load_token

    if not is_loopback(options.host) and not options.allow_network:
        raise UserError(
            f"{options.host} can be reached from other machines; add --allow-network if that is meant"
        )
    listener = listen(options.host, options.port)
    port = listener.getsockname()[1]
    token = load_token()
    host = f"[{options.host}]" if ":" in options.host else options.host
    door = Door(f"token={token}" + (f"&lang={options.lang}" if options.lang else ""))
    origin = f"http://{host}:{port}"
    if not is_loopback(options.host):
        print(
            f"warning: whoever can read the traffic to {options.host} can read the secret in the address, "
            "and whoever has the address can train here",
            file=sys.stderr,
        )

    def ready() -> None:
        print(f"{origin}/#{door.fragment}", flush=True)
        if not options.no_browser:
            threading.Thread(target=open_browser, args=[origin + door.path], daemon=True).start()

    configuration = server.configuration(token, allowed_hosts(options.host, port), door)
    server.Server(configuration, ready).run(sockets=[listener])
    return 0


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens. A port that was asked for and is taken is an error of the user."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (FAVOURITE, 0) if port is None else (port,):
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, wanted))
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE and wanted and port is None:
                continue
            what = error.strerror or str(error)
            raise UserError(f"cannot listen at {host} port {wanted}: {what}") from None
    raise AssertionError("the last port is any free one")


def open_browser(address: str) -> None:
    try:
        opened = webbrowser.open(address)
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        print("could not open a browser; open the address above", flush=True)


if __name__ == "__main__":
    sys.exit(main())
