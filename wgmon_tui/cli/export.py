"""What the store keeps, for other programs."""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from pathlib import Path

from wgmon_tui.cli.arguments import Subparsers, directory_options, shard_option
from wgmon_tui.cli.loading import load_fleet, open_timestamp_ledger, select_servers


def add_commands(subparsers: Subparsers) -> None:
    """`export`."""
    parser = subparsers.add_parser(
        "export",
        parents=[directory_options(), shard_option(suppressed=True)],
        help="write the history for other programs",
        description="Write what the store keeps: JSON (an object a line), CSV, or the packets as a pcapng "
        "file that Wireshark opens. `targets` is what stands in servers.toml, for Prometheus' file-based "
        "service discovery.",
    )
    parser.add_argument("kind", choices=("checks", "incidents", "exchange", "targets"))
    parser.add_argument("names", nargs="*", metavar="NAME", help="of these servers (default: all)")
    parser.add_argument("--format", choices=("json", "csv", "pcapng"), default="json", dest="form",
                        help="pcapng is for exchange alone (default json)")  # fmt: skip
    parser.add_argument("--vantage", metavar="NAME", help="only what was seen from there; here is local")
    parser.add_argument("--since", type=_parse_time, metavar="24h|DATE", help="not what was before")
    parser.add_argument("--until", type=_parse_time, metavar="24h|DATE", help="not what came after")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="a file that only you can read; targets are no secret"
    )
    parser.add_argument(
        "--with-keys",
        action="store_true",
        help="check NAME now, and write that exchange with our private key, so that Wireshark decrypts it",
    )
    parser.add_argument("--yes-show-keys", action="store_true", help="for scripts: --with-keys does not ask")
    parser.set_defaults(run=export)


def export(arguments: argparse.Namespace) -> int:
    """Write what the store keeps; or one exchange made now, and the keys that open it."""
    if arguments.kind == "targets":
        from wgmon_tui.output.prometheus_sd import export_targets

        return export_targets(arguments)
    from wgmon_tui.cli import export_run

    export_run.check_arguments(arguments)
    if arguments.with_keys:
        fleet, keyring = load_fleet(arguments.config)
        [server] = select_servers(fleet, arguments.names)
        with open_timestamp_ledger(arguments.state) as timestamps:
            return export_run.export_with_keys(server, fleet, keyring, timestamps, arguments)
    return export_run.export_history(arguments)


def _parse_time(text: str) -> float:
    """Unix time, from how long ago it was or from an ISO 8601 date: of this machine's zone unless it says."""
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
            f"expected how long ago, such as 24h, or a date such as 2026-11-22T10:15, got {quoted(text)}"
        ) from None
