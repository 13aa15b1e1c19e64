"""Command-line entry point: the argument parser and the exit codes."""

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
from wgmon_tui.config.secrets.process_protection import protect_secrets

EXIT_USAGE = 64
"""Bad usage or configuration: EX_USAGE of sysexits.h, distinct from the plugin states 0 to 3."""

_COMMANDS = (dashboard, run, probe, import_keygen, doctor, export, alert, agent)
"""The command modules, in the order of --help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _escape_unencodable_output()
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        # An exception, not the default action: so the terminal is restored and temporary files are removed.
        signal.signal(signal_number, lambda number, _: sys.exit(128 + number))
    arguments = _parser().parse_args(argv)
    protect_secrets(getattr(arguments, "config", None))
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return command(arguments)
    except ConfigurationError as error:
        print(f"wgmon-tui: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of the output has exited, as `head` does: no error message is needed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit with 64 on a usage error: argparse's own 2 would mean "some servers are down"."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\nType `{self.prog} --help`.\n")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="wgmon-tui",
        parents=[
            directory_options(default_config_dir(), default_state_dir()),
            display_options(),
            shard_option(),
        ],
        description="Monitor WireGuard servers with the real handshake. "
        "Without a command, it shows the dashboard.",
        epilog="First steps: `wgmon-tui demo` shows a demonstration; `wgmon-tui keygen NAME` creates a key "
        "for monitoring; `wgmon-tui import FILE.conf` imports servers from a wg-quick file.",
    )
    parser.add_argument("--version", action="version", version=f"wgmon-tui {__version__}")
    parser.set_defaults(run=dashboard.dashboard)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add_commands(subparsers)
    return parser


def _escape_unencodable_output() -> None:
    """Write a character that the terminal cannot show as an escape, instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
