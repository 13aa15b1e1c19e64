"""Command `alert`: test a sink, list the deliveries."""

from __future__ import annotations

import argparse

from wgmon_tui.cli.arguments import Subparsers, directory_options, parse_count
from wgmon_tui.cli.loading import print_owners, require_directory


def add_commands(subparsers: Subparsers) -> None:
    """Add `alert test` and `alert log`."""
    parser = subparsers.add_parser("alert", help="test an alert sink; list the deliveries")
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    test_parser = kinds.add_parser(
        "test",
        parents=[directory_options()],
        help="send a test message to a sink",
        description="Send a test message to a sink, through the running wgmon-tui if there is one. "
        "Exit code: 0 delivered, 1 not delivered, 64 bad usage or configuration.",
    )
    test_parser.add_argument("sink", metavar="SINK", help="name of the sink in config.toml")
    test_parser.set_defaults(run=alert_test)
    log_parser = kinds.add_parser(
        "log",
        parents=[directory_options()],
        help="list the deliveries, newest first",
        description="List the deliveries to all sinks, newest first, with their state and the reason of a "
        "failure.",
    )
    log_parser.add_argument("--json", action="store_true", help="one JSON object per delivery, one per line")
    log_parser.add_argument(
        "--count", type=parse_count, default=100, metavar="N", help="list the last N (default 100)"
    )
    log_parser.set_defaults(run=alert_log)


def alert_test(arguments: argparse.Namespace) -> int:
    """Send a test message to a sink."""
    from wgmon_tui.cli import alert_run

    print_owners(arguments.config, arguments.state)
    require_directory(arguments.config)
    require_directory(arguments.state)
    return alert_run.send_test(arguments.config, arguments.state, arguments.sink)


def alert_log(arguments: argparse.Namespace) -> int:
    """List the deliveries."""
    from wgmon_tui.cli import alert_run

    print_owners(arguments.state)
    require_directory(arguments.state)
    return alert_run.print_log(arguments.state, arguments.count, arguments.json)
