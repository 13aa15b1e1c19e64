"""Command `export`: write the stored history for other programs."""

from __future__ import annotations

import argparse
import os
import time
from datetime import datetime
from pathlib import Path

from wgmon_tui.cli.arguments import Subparsers, add_choice, directory_options, output_file, shard_option
from wgmon_tui.cli.loading import (
    load_fleet,
    open_timestamp_ledger,
    print_owners,
    require_directory,
    select_servers,
)


def add_commands(subparsers: Subparsers) -> None:
    """Add `export`."""
    parser = subparsers.add_parser(
        "export",
        parents=[directory_options(), shard_option(suppressed=True)],
        help="export the history for other programs",
        description="Export the stored history as JSON (one object per line), as CSV, its incidents as "
        "Markdown reports, or its packets as a pcapng file for Wireshark. `targets` exports servers.toml "
        "for the file-based service discovery of Prometheus.",
    )
    add_choice(parser, "kind", ("checks", "incidents", "exchange", "targets"), about="what to export")
    parser.add_argument(
        "names", nargs="*", default=[], metavar="NAME", help="only these servers (default: all)"
    )  # without a default, argparse names it among what is required
    forms = ("json", "csv", "pcapng", "markdown")
    parser.add_argument("--format", choices=forms, default="json", dest="form",
                        help="pcapng only for exchange, markdown only for incidents "
                        "(default json)")  # fmt: skip
    parser.add_argument(
        "--incident", metavar="ID", help="only the incident with this id; json and csv list the ids"
    )
    parser.add_argument("--vantage", metavar="NAME", help="only this vantage; this machine is called `local`")
    parser.add_argument(
        "--since", type=_parse_time, metavar="24h|DATE", help="only records from this time on"
    )
    parser.add_argument("--until", type=_parse_time, metavar="24h|DATE", help="only records before this time")
    parser.add_argument(
        "--output",
        type=output_file,
        metavar="FILE",
        help="write to this file, readable only by you (targets: by everyone); -: to standard output",
    )
    parser.add_argument(
        "--with-keys",
        action="store_true",
        help="check NAME now and write that exchange with its private key, so that Wireshark can decrypt it",
    )
    parser.add_argument(
        "--yes-show-keys", action="store_true", help="for scripts: --with-keys without confirmation"
    )
    parser.set_defaults(run=export)


def export(arguments: argparse.Namespace) -> int:
    """Export the stored history; or one new exchange with the keys that decrypt it."""
    print_owners(arguments.config, arguments.state)
    if arguments.output:
        _require_own_place(arguments.output, arguments.config, arguments.state)
    if arguments.kind == "targets":
        require_directory(arguments.config)
        from wgmon_tui.output.prometheus_sd import export_targets

        return export_targets(arguments)
    from wgmon_tui.cli import export_run

    export_run.check_arguments(arguments)
    if arguments.with_keys:
        require_directory(arguments.config)
        fleet, keyring = load_fleet(arguments.config, arguments.state)
        [server] = select_servers(fleet, arguments.names)
        with open_timestamp_ledger(arguments.state) as timestamps:
            return export_run.export_with_keys(server, fleet, keyring, timestamps, arguments)
    require_directory(arguments.state)
    return export_run.export_history(arguments)


def _require_own_place(output: Path, *directories: Path) -> None:
    """Let root leave no file in the directories of a service. Raises ConfigurationError."""
    from wgmon_tui.config.ownership import require_own

    place = Path(os.path.realpath(output.absolute().parent))
    if any(place.is_relative_to(os.path.realpath(directory)) for directory in directories):
        require_own(place)


def _parse_time(text: str) -> float:
    """Parse an age ("24h") or an ISO 8601 date into Unix time. A date without a zone is local time."""
    from wgmon_tui.config.value_parsers import InvalidValueError, parse_duration
    from wgmon_tui.text import quoted

    try:
        return time.time() - parse_duration(text)
    except InvalidValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"expected an age, for example 24h, or a date, for example 2026-11-22T10:15; got {quoted(text)}"
        ) from None
