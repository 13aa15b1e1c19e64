"""The argument parser of all commands."""

from __future__ import annotations

import argparse

from wgmon_tui import __version__
from wgmon_tui.cli import (
    add,
    agent,
    alert,
    completion,
    config_command,
    dashboard,
    doctor,
    expiry,
    export,
    import_keygen,
    nodes,
    probe,
    run,
    servers,
    subscriptions,
    trace,
)
from wgmon_tui.cli.arguments import colour_option, directory_options, display_options, shard_option
from wgmon_tui.cli.command_parser import CommandParser, commands_of
from wgmon_tui.config.paths import default_config_dir, default_state_dir

__all__ = ["COMMON_EXIT_CODES", "commands_of", "make_parser"]

_COMMANDS = (
    dashboard,
    add,
    servers,
    run,
    probe,
    trace,
    expiry,
    nodes,
    import_keygen,
    subscriptions,
    doctor,
    export,
    alert,
    agent,
    config_command,
    completion,
)
"""The command modules, in the order of --help."""

COMMON_EXIT_CODES = (
    "Exit codes of every command: 64 bad usage or configuration, or a named file does not exist; "
    "70 internal fault, with a report file; 74 standard output cannot be written; "
    "128 + N ended by signal N; 141 the reader of the output has exited."
)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; `run` of its result is the command's function."""
    parser = CommandParser(
        prog="wgmon-tui",
        parents=[
            directory_options(default_config_dir(), default_state_dir()),
            display_options(),
            colour_option(suppressed=False),
            shard_option(),
        ],
        description="Monitor WireGuard servers with the real handshake. "
        "Without a command, it shows the dashboard. If the output is not a terminal, it prints the table "
        "once; the exit code is then that of `wgmon-tui probe`.",
        epilog="First steps: `wgmon-tui add NAME ENDPOINT PUBLIC_KEY` adds a server, and says what to type "
        "there; `wgmon-tui add FILE.conf` does the same from a wg-quick file; `wgmon-tui demo` shows a "
        "demonstration.",
    )
    parser.add_argument(
        "--read-only",
        action="store_true",
        help="dashboard that changes nothing: it shows what another process stores",
    )
    parser.add_argument("--version", action="version", version=f"wgmon-tui {__version__}")
    parser.set_defaults(run=dashboard.dashboard, command="dashboard")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add_commands(subparsers)
    for name, each in commands_of(parser):
        each.set_defaults(command=name)
        each.epilog = f"{each.epilog} {COMMON_EXIT_CODES}" if each.epilog else COMMON_EXIT_CODES
    parser.epilog = f"{parser.epilog} {COMMON_EXIT_CODES}"
    return parser
