"""What to look at when something is odd: our own side, and a server's own view."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.commands.arguments import Subparsers, places, plain
from wgmon_tui.commands.fleet_files import chosen, load
from wgmon_tui.commands.terminal import ascii_output

if TYPE_CHECKING:
    from wgmon_tui.diagnosis.our_verdict import OurVerdict

_OF_LATE_S = 300.0
"""A verdict that is older says little about handshakes of the last three minutes."""


def add(subparsers: Subparsers) -> None:
    """`doctor` and `inspect`."""
    examiner = subparsers.add_parser("doctor", parents=[places(), plain()], help="examine our own side")
    examiner.add_argument("--json", action="store_true", help="one JSON object an item, a line each")
    examiner.set_defaults(run=doctor)

    asker = subparsers.add_parser("inspect", parents=[places(), plain()], help="ask a server how it sees us")
    asker.add_argument(
        "name",
        metavar="NAME",
        help="a server that has `inspect` in servers.toml, or that an interface here has for a peer",
    )
    asker.set_defaults(run=inspect)


def doctor(arguments: argparse.Namespace) -> int:
    """Examine our own side."""
    from wgmon_tui.doctor.examine import doctor

    return doctor(arguments.config, arguments.state, arguments.ascii or ascii_output(), arguments.json)


def inspect(arguments: argparse.Namespace) -> int:
    """Ask a server how it sees us."""
    from wgmon_tui.doctor.server import inspect_server

    fleet, keyring = load(arguments.config)
    [server] = chosen(fleet, [arguments.name])
    found = _last_verdict(server.name, arguments.state)
    return inspect_server(server, fleet, keyring, arguments.config, arguments.ascii or ascii_output(), found)


def _last_verdict(name: str, state: Path) -> OurVerdict | None:
    """What the last round found, where some process checks this server and has done so of late."""
    from wgmon_tui.diagnosis.our_verdict import our_verdict
    from wgmon_tui.history.database import StoreUnavailableError
    from wgmon_tui.history.reading import History
    from wgmon_tui.history.store import STORE

    now = time.time()
    try:
        history = History(state / STORE)
        checks = history.checks(name, now - _OF_LATE_S, now) if (state / STORE).exists() else []
        history.close()
    except (StoreUnavailableError, OSError):
        return None
    last = next((check for check in reversed(checks) if check.decides), None)
    return our_verdict(last.verdict, last.at) if last else None
