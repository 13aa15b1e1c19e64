"""The sinks: a test for one, and what they were told."""

from __future__ import annotations

import argparse

from wgmon_tui.cli.arguments import Subparsers, directory_options, parse_count


def add_commands(subparsers: Subparsers) -> None:
    """`alert test` and `alert log`."""
    parser = subparsers.add_parser("alert", help="test the sinks that are told; list what they were told")
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    test_parser = kinds.add_parser(
        "test",
        parents=[directory_options()],
        help="send a sink a test",
        description="Send a sink a test, by the writer where one runs. Exit code: 0 it has arrived, 1 it has "
        "not, 64 bad usage or configuration.",
    )
    test_parser.add_argument("sink", metavar="SINK", help="its name in config.toml")
    test_parser.set_defaults(run=alert_test)
    log_parser = kinds.add_parser(
        "log", parents=[directory_options()], help="what was told to whom, the latest first"
    )
    log_parser.add_argument("--json", action="store_true", help="one JSON object a delivery, a line each")
    log_parser.add_argument(
        "--count", type=parse_count, default=100, metavar="N", help="the last N (default 100)"
    )
    log_parser.set_defaults(run=alert_log)


def alert_test(arguments: argparse.Namespace) -> int:
    """Send a sink a test."""
    from wgmon_tui.cli import alert_run

    return alert_run.send_test(arguments.config, arguments.state, arguments.sink)


def alert_log(arguments: argparse.Namespace) -> int:
    """List what was told to whom."""
    from wgmon_tui.cli import alert_run

    return alert_run.print_log(arguments.state, arguments.count, arguments.json)


# What they share
