"""The argument parser of all commands, and a faster one for the commands that a line names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import NoReturn

from wgmon_tui import __version__
from wgmon_tui.cli.arguments import colour_option, directory_options, display_options, shard_option
from wgmon_tui.cli.command_parser import CommandParser, commands_of
from wgmon_tui.config.paths import default_config_dir, default_state_dir

__all__ = ["COMMON_EXIT_CODES", "commands_of", "make_parser", "parse_arguments"]

_MODULES: Mapping[str, Sequence[str]] = {
    "dashboard": ("demo",),
    "add": ("add",),
    "servers": ("list", "show", "remove", "pause", "resume"),
    "run": ("run",),
    "probe": ("probe",),
    "trace": ("trace",),
    "expiry": ("expiry",),
    "nodes": ("nodes",),
    "import_keygen": ("import", "keygen"),
    "subscriptions": ("subscriptions",),
    "doctor": ("doctor", "inspect"),
    "export": ("export",),
    "alert": ("alert",),
    "agent": ("agent",),
    "config_command": ("config",),
    "completion": ("completion",),
}
"""The command modules with their commands, in the order of --help."""

COMMON_EXIT_CODES = (
    "Exit codes of every command: 64 bad usage or configuration, or a named file does not exist; "
    "70 internal fault, with a report file; 74 standard output cannot be written; "
    "128 + N ended by signal N; 141 the reader of the output has exited."
)


class _AllCommandsNeededError(Exception):
    """The line has a mistake or asks for help: the parser of all commands must answer."""


class _PartialParser(CommandParser):
    """The parser of a few commands. It leaves mistakes to the parser of all commands."""

    def format_help(self) -> str:
        """The help of a command. That of the program lists all commands: ask for the whole parser."""
        if " " not in self.prog:
            raise _AllCommandsNeededError
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Leave the mistake to the parser of all commands, which can suggest the right word."""
        raise _AllCommandsNeededError


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line, or that of this process. Raises SystemExit after a help text or bad usage.

    The parser of all commands takes 15 ms. So only the commands that the line names are loaded, unless the
    line has a mistake.
    """
    words = sys.argv[1:] if argv is None else argv
    named = [module for module, commands in _MODULES.items() if not set(commands).isdisjoint(words)]
    try:
        return _make_parser(_PartialParser, dict.fromkeys(("dashboard", *named))).parse_args(words)
    except _AllCommandsNeededError:
        return make_parser().parse_args(words)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; `run` of its result is the command's function."""
    return _make_parser(CommandParser, _MODULES)


def _make_parser(make: type[CommandParser], modules: Iterable[str]) -> argparse.ArgumentParser:
    commands = {module: import_module(f"wgmon_tui.cli.{module}") for module in modules}
    parser = make(
        prog="wgmon-tui",
        parents=[
            directory_options(default_config_dir(), default_state_dir()),
            display_options(),
            colour_option(suppressed=False),
            shard_option(),
        ],
        description="Monitor servers of WireGuard, OpenVPN, IKEv2 and proxies with the real handshake. "
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
    parser.set_defaults(run=commands["dashboard"].dashboard, command="dashboard")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in commands.values():
        command.add_commands(subparsers)
    for name, each in commands_of(parser):
        each.set_defaults(command=name)
        each.epilog = f"{each.epilog} {COMMON_EXIT_CODES}" if each.epilog else COMMON_EXIT_CODES
    parser.epilog = f"{parser.epilog} {COMMON_EXIT_CODES}"
    return parser
