"""Commands `doctor` (check this machine) and `inspect` (read a server's own view)."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, ascii_option, colour_option, directory_options
from wgmon_tui.cli.loading import (
    check_dashboard_settings,
    load_fleet,
    open_timestamp_ledger,
    print_owners,
    require_directory,
    select_servers,
)
from wgmon_tui.cli.progress import progress_line
from wgmon_tui.config.models import ConfigurationError, write_error
from wgmon_tui.text import format_local_time

if TYPE_CHECKING:
    from wgmon_tui.checks.prober_verdict import ProberVerdict
    from wgmon_tui.doctor.models import ExaminedItem

_RECENT_S = 300.0
"""Maximum age of a verdict. An older one says little about handshakes of the last three minutes."""


def add_commands(subparsers: Subparsers) -> None:
    """Add `doctor` and `inspect`."""
    doctor_parser = subparsers.add_parser(
        "doctor",
        parents=[directory_options(), ascii_option(), colour_option()],
        help="check the setup of this machine",
        description="Check the setup of this machine: files, routes, firewall, clock, permissions, limits, "
        "terminal and vantages. Exit code: 0 nothing to do, 1 something to look at, 2 something to fix.",
    )
    doctor_parser.add_argument("--json", action="store_true", help="one JSON object per item, one per line")
    doctor_parser.add_argument(
        "--trust-clock",
        action="store_true",
        help="the clock of this machine is right, although it is far ahead of every time known here: "
        "send checks with it",
    )
    doctor_parser.set_defaults(run=run_doctor)

    inspect_parser = subparsers.add_parser(
        "inspect",
        parents=[directory_options(), ascii_option(), colour_option()],
        help="ask a server how it sees this client",
        description="Ask a server how it sees this client, and compare that with servers.toml and the last "
        "verdict. Exit code: 0 they agree, 2 they differ, 3 the server's view is unavailable.",
    )
    inspect_parser.add_argument(
        "name",
        metavar="NAME",
        help="a server with `inspect` in servers.toml, or a peer of an interface on this machine",
    )
    inspect_parser.set_defaults(run=inspect)


def run_doctor(arguments: argparse.Namespace) -> int:
    """Check the setup of this machine."""
    from wgmon_tui.cli.doctor_output import format_item
    from wgmon_tui.cli.output_format import text_format
    from wgmon_tui.doctor.models import exit_code, json_line
    from wgmon_tui.doctor.run import examine

    if arguments.trust_clock:
        return _trust_clock(arguments.state)
    require_directory(arguments.config)
    items = []
    shown_as = text_format(arguments)
    with progress_line("doctor") as progress:
        examined = examine(arguments.config, arguments.state, arguments.terminal, progress.show)
        for item in chain(examined, _examine_dashboard_settings(arguments.config)):
            items.append(item)
            print(json_line(item) if arguments.json else format_item(item, shown_as), flush=True)
    return exit_code(items)


def _examine_dashboard_settings(config_dir: Path) -> Iterator[ExaminedItem]:
    """An item for each setting of config.toml that the dashboard refuses."""
    from wgmon_tui.config.config_toml import NAME, read_config
    from wgmon_tui.doctor.models import ExaminedItem, ItemStatus

    try:
        config = read_config(config_dir, runs_commands=False)
    except ConfigurationError:
        return  # its errors are items already
    try:
        check_dashboard_settings(config_dir, config)
    except ConfigurationError as error:
        for line in error.lines:
            yield ExaminedItem(NAME, ItemStatus.FIX, line)


def _trust_clock(state: Path) -> int:
    """Record that the operator trusts the clock. A running wgmon-tui on this state directory notices it."""
    with open_timestamp_ledger(state) as timestamps:
        try:
            timestamps.trust_clock()
        except OSError as error:
            raise write_error(f"{timestamps.directory}: {error.strerror}", error) from None
    print(f"the clock of this machine is trusted: {format_local_time(time.time(), zone=True)}")
    return 0


def inspect(arguments: argparse.Namespace) -> int:
    """Ask a server how it sees this client."""
    from wgmon_tui.cli.doctor_output import format_finding
    from wgmon_tui.cli.output_format import text_format
    from wgmon_tui.doctor.server import inspect_server

    print_owners(arguments.config, arguments.state)
    require_directory(arguments.config)
    require_directory(arguments.state)
    fleet, keyring = load_fleet(arguments.config)
    [server] = select_servers(fleet, [arguments.name])
    found = _last_verdict(server.name, arguments.state)
    with progress_line("inspect") as progress:
        progress.show(f"asking {server.name}")
        findings, code = inspect_server(server, fleet, keyring, arguments.config, found)
    for finding in findings:
        print(format_finding(finding, text_format(arguments)))
    return code


def _last_verdict(name: str, state: Path) -> ProberVerdict | None:
    """Return the verdict of the last round, if a process checked this server within `_RECENT_S`."""
    from wgmon_tui.checks.prober_verdict import make_prober_verdict
    from wgmon_tui.store.database import StoreUnavailableError
    from wgmon_tui.store.history import History
    from wgmon_tui.store.store_version import STORE

    now = time.time()
    try:
        with History(state / STORE) as history:
            checks = history.checks(name, now - _RECENT_S, now) if (state / STORE).exists() else []
    except (StoreUnavailableError, OSError):
        return None
    last = next((check for check in reversed(checks) if check.is_deciding), None)
    return make_prober_verdict(last.verdict, last.at) if last else None
