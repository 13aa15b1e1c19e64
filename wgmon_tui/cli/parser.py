"""The argument parser of all commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NoReturn

from wgmon_tui import __version__
from wgmon_tui.cli import (
    add,
    agent,
    alert,
    dashboard,
    doctor,
    export,
    import_keygen,
    probe,
    run,
    servers,
    trace,
)
from wgmon_tui.cli.arguments import colour_option, directory_options, display_options, shard_option
from wgmon_tui.config.paths import default_config_dir, default_state_dir
from wgmon_tui.exit_codes import ExitCode

_COMMANDS = (dashboard, add, servers, run, probe, trace, import_keygen, doctor, export, alert, agent)
"""The command modules, in the order of --help."""

_COMMON_EXIT_CODES = (
    "Exit codes of every command: 64 bad usage or configuration, or a named file does not exist; "
    "70 internal fault, with a report file; 74 standard output cannot be written; "
    "128 + N ended by signal N; 141 the reader of the output has exited."
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit with 64 on a usage error: argparse's own 2 would mean "some servers are down"."""
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\nType `{self.prog} --help`.\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; `run` of its result is the command's function."""
    parser: argparse.ArgumentParser = _Parser(
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
        each.epilog = f"{each.epilog} {_COMMON_EXIT_CODES}" if each.epilog else _COMMON_EXIT_CODES
    parser.epilog = f"{parser.epilog} {_COMMON_EXIT_CODES}"
    return parser


def commands_of(
    parser: argparse.ArgumentParser, prefix: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that can be typed, with its parser: `alert test`, not `alert`."""
    for action in parser._actions:  # noqa: SLF001  argparse has no other access to subcommands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, child in action.choices.items():
                children = list(commands_of(child, f"{prefix}{name} "))
                yield from children or [(f"{prefix}{name}", child)]
