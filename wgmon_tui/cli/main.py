"""The door: the command line, and what every ending says to the shell."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from wgmon_tui import __version__
from wgmon_tui.cli import agent, alert, dashboard, doctor, export, import_keygen, probe, run
from wgmon_tui.cli.arguments import directory_options, display_options, shard_option
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.paths import default_config_dir, default_state_dir

EXIT_USAGE = 64
"""Bad usage or configuration: sysexits.h's EX_USAGE, clear of the monitoring plugins' 0 to 3."""

_COMMANDS = (dashboard, run, probe, import_keygen, doctor, export, alert, agent)
"""In the order in which --help lists what they add."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    _escape_unencodable_output()
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        # An exception, not the default's sudden death: the terminal is restored, temporary files go.
        signal.signal(signal_number, lambda number, _: sys.exit(128 + number))
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return command(arguments)
    except ConfigurationError as error:
        print(f"wgmon-tui: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output has gone, as `head` does: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Usage errors end with 64: argparse's own 2 would read as "some servers are down"."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\nType `{self.prog} --help`.\n")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="wgmon-tui",
        parents=[
            directory_options(default_config_dir(), default_state_dir()),
            display_options(),
            shard_option(),
        ],
        description="Watch WireGuard servers by performing the real handshake. "
        "Without a command: the dashboard.",
        epilog="First time? `wgmon-tui demo` shows it at work; `wgmon-tui keygen NAME` makes a key for "
        "monitoring; `wgmon-tui import FILE.conf` takes servers from a wg-quick file.",
    )
    parser.add_argument("--version", action="version", version=f"wgmon-tui {__version__}")
    parser.set_defaults(run=dashboard.dashboard)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add_commands(subparsers)
    return parser


def _escape_unencodable_output() -> None:
    """A terminal that cannot show a character gets its escape, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
