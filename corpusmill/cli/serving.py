"""The command that shows a run in the browser: serve."""

import argparse
from contextlib import suppress
from typing import TYPE_CHECKING

from corpusmill.cli.shared import warn

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands

OPEN = "{0} is an address of the network: whoever reaches it can read every document of the run"


def add(commands: "Commands") -> None:
    """Add this command and its flags."""
    serve = commands.add_parser("serve", help="a finished run in the browser: its report, search, documents")
    serve.add_argument("output", help="folder of a run")
    serve.add_argument("--port", type=_port, default=8000, metavar="N", help="0 is any that is free (default 8000)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine)")
    serve.set_defaults(call=_serve)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {text!r}")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs, serve

    server = serve.Server(serve.Site(outputs.find(options.output)), options.host, options.port)
    if not serve.local(options.host):
        warn(OPEN.format(options.host))
    print(f"{server.url}  (Ctrl-C ends it)", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0
