"""The door: the command line, and what every ending says to the shell."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from wgmon_tui import __version__, commands
from wgmon_tui.fleet.directories import default_config_dir, default_state_dir
from wgmon_tui.fleet.records import ConfigurationError

EXIT_USAGE = 64
"""Bad usage or configuration: sysexits.h's EX_USAGE, clear of the monitoring plugins' 0 to 3."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    _write_any_terminal()
    for ended_by in (signal.SIGTERM, signal.SIGHUP):
        # An exception, not the default's sudden death: the terminal is restored, temporary files go.
        signal.signal(ended_by, lambda number, _: sys.exit(128 + number))
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
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
        parents=[_places(default_config_dir(), default_state_dir()), _face()],
        description="Watch WireGuard servers by performing the real handshake. "
        "Without a command: the dashboard.",
        epilog="First time? `wgmon-tui demo` shows it at work; `wgmon-tui keygen NAME` makes a key for "
        "monitoring; `wgmon-tui import FILE.conf` takes servers from a wg-quick file.",
    )
    parser.add_argument("--version", action="version", version=f"wgmon-tui {__version__}")
    parser.set_defaults(run=commands.dashboard)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    plain = argparse.ArgumentParser(add_help=False)
    plain.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help="draw with ASCII only")
    demo = subparsers.add_parser(
        "demo", parents=[_face()], help="the dashboard on servers of its own, on loopback"
    )
    demo.set_defaults(run=commands.demo)

    run = subparsers.add_parser(
        "run",
        parents=[_places()],
        help="check and keep the history without a screen",
        description="Check and keep the history without a screen, for systemd or a shell. SIGTERM ends it, "
        "SIGHUP reads the files and every secret again. Exit code: 0 ended by a signal, 64 bad usage or "
        "configuration, 71 no socket to probe with, 75 another process writes there already.",
    )
    run.add_argument("--print-unit", action="store_true",
                     help="print a systemd unit for this account, and how to install it")  # fmt: skip
    run.add_argument("--system", action="store_true",
                     help="with --print-unit: for the whole machine, with an account of its own")  # fmt: skip
    run.set_defaults(run=commands.run)

    probe = subparsers.add_parser(
        "probe",
        parents=[_places(), plain],
        help="check servers once and exit",
        description="Check servers once. Exit code: 0 all up, 1 some degraded, 2 some down, 3 unknown, "
        "64 bad usage or configuration.",
    )
    probe.add_argument("names", nargs="*", metavar="NAME", help="servers to check (default: all)")
    probe.add_argument(
        "--conf", type=Path, metavar="FILE.conf", help="take the servers from a wg-quick file instead"
    )
    probe.add_argument("--json", action="store_true", help="one JSON object a server, a line each")
    probe.add_argument("--count", type=_count, default=1, metavar="N", help="look N times (default 1)")
    probe.add_argument(
        "--quick",
        action="store_true",
        help="leave out what takes seconds: the passive data path, experiments that explain silence",
    )
    probe.set_defaults(run=commands.probe)

    importer = subparsers.add_parser("import", parents=[_places()], help="take servers from wg-quick files")
    importer.add_argument("files", nargs="+", type=Path, metavar="FILE.conf")
    importer.set_defaults(run=commands.import_files)

    keygen = subparsers.add_parser("keygen", parents=[_places()], help="make a key pair for monitoring")
    keygen.add_argument("name", metavar="NAME", help="the identity's name, such as this machine's")
    keygen.add_argument("--address", action="append", default=[], metavar="ADDRESS/LENGTH",
                        help="an unused tunnel address for it; may be repeated")  # fmt: skip
    keygen.set_defaults(run=commands.keygen)

    doctor = subparsers.add_parser("doctor", parents=[_places(), plain], help="examine our own side")
    doctor.add_argument("--json", action="store_true", help="one JSON object an item, a line each")
    doctor.set_defaults(run=commands.doctor)
    inspect = subparsers.add_parser("inspect", parents=[_places(), plain], help="ask a server how it sees us")
    inspect.add_argument("name", metavar="NAME", help="a server that has `inspect` in servers.toml")
    inspect.set_defaults(run=commands.inspect)
    _add_export(subparsers)
    _add_alert(subparsers)
    return parser


def _add_export(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = subparsers.add_parser(
        "export",
        parents=[_places()],
        help="write the history for other programs",
        description="Write what the store keeps: JSON (an object a line), CSV, or the packets as a pcapng "
        "file that Wireshark opens.",
    )
    export.add_argument("kind", choices=("checks", "incidents", "exchange"))
    export.add_argument("names", nargs="*", metavar="NAME", help="of these servers (default: all)")
    export.add_argument("--format", choices=("json", "csv", "pcapng"), default="json", dest="form",
                        help="pcapng is for exchange alone (default json)")  # fmt: skip
    export.add_argument("--since", type=_moment, metavar="24h|DATE", help="not what was before")
    export.add_argument("--until", type=_moment, metavar="24h|DATE", help="not what came after")
    export.add_argument("--output", type=Path, metavar="FILE", help="a file that only you can read")
    export.add_argument(
        "--with-keys",
        action="store_true",
        help="check NAME now, and write that exchange with our private key, so that Wireshark decrypts it",
    )
    export.add_argument("--yes-show-keys", action="store_true", help="for scripts: --with-keys does not ask")
    export.set_defaults(run=commands.export)


def _add_alert(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    alert = subparsers.add_parser("alert", help="test the sinks that are told; list what they were told")
    kinds = alert.add_subparsers(title="commands", metavar="COMMAND", required=True)
    test = kinds.add_parser(
        "test",
        parents=[_places()],
        help="send a sink a test",
        description="Send a sink a test, by the writer where one runs. Exit code: 0 it has arrived, 1 it has "
        "not, 64 bad usage or configuration.",
    )
    test.add_argument("sink", metavar="SINK", help="its name in config.toml")
    test.set_defaults(run=commands.alert_test)
    log = kinds.add_parser("log", parents=[_places()], help="what was told to whom, the latest first")
    log.add_argument("--json", action="store_true", help="one JSON object a delivery, a line each")
    log.add_argument("--count", type=_count, default=100, metavar="N", help="the last N (default 100)")
    log.set_defaults(run=commands.alert_log)


def _places(config: Path | None = None, state: Path | None = None) -> argparse.ArgumentParser:
    """--config and --state, before a command or behind it; only those before it carry the defaults."""
    places = argparse.ArgumentParser(add_help=False)
    for option, default, what in (
        ("--config", config, f"where servers.toml and the keys are (default {default_config_dir()})"),
        ("--state", state, f"where the program remembers (default {default_state_dir()})"),
    ):
        places.add_argument(option, type=Path, metavar="DIR", default=default or argparse.SUPPRESS, help=what)
    return places


def _face() -> argparse.ArgumentParser:
    face = argparse.ArgumentParser(add_help=False)
    face.add_argument("--ascii", action="store_true", help="draw with ASCII only")
    face.add_argument("--theme", metavar="NAME", help="colours to start with; `t` changes them")
    face.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    face.add_argument("--low-bandwidth", action="store_true",
                      help="for a slow link: paint less often, no mouse, 16 colours")  # fmt: skip
    return face


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 1000000, got {value}")
    return value


def _moment(text: str) -> float:
    """Unix time, from how long ago it was or from an ISO 8601 date: of this machine's zone unless it says."""
    from wgmon_tui.fleet.values import InvalidValueError, parse_duration, quoted

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


def _write_any_terminal() -> None:
    """A terminal that cannot show a character gets its escape, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
