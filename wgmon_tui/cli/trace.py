"""Command `trace`: the path to a server, hop by hop, with WireGuard's own packets."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, directory_options
from wgmon_tui.cli.loading import (
    explained_socket_errors,
    load_fleet,
    open_timestamp_ledger,
    require_directory,
    select_servers,
    warn_of_held_timestamps,
)
from wgmon_tui.cli.terminal import show_progress
from wgmon_tui.shutdown import shutdown

if TYPE_CHECKING:
    from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
    from wgmon_tui.checks.protocol import ProtocolTarget
    from wgmon_tui.net.addresses import Address
    from wgmon_tui.store.timestamp_ledger import TimestampLedger
    from wgmon_tui.terminal import Terminal

_REACHED, _NOT_REACHED, _NOT_TRACED = 0, 2, 3
_WIDTH_OF_FILES = 100
_MOST_ROUNDS, _MOST_HOPS, _LONGEST_TIMEOUT_S = 20, 64, 10.0  # as in checks/path_trace.py, which loads more


def add_commands(subparsers: Subparsers) -> None:
    """Add `trace`."""
    parser = subparsers.add_parser(
        "trace",
        parents=[directory_options()],
        help="show the path to a server, hop by hop",
        description="Trace the path to a server with real WireGuard initiations of increasing hop limit. "
        "So it shows what drops WireGuard's packets, even where ping and traceroute pass. It needs no root. "
        "If wgmon-tui runs on the same state directory, it makes the trace, between its checks. "
        "Exit code: 0 the server answered, 2 it did not, 3 the path cannot be traced, "
        "or --max-hops ended the trace before the server, "
        "64 bad usage or configuration, 70 internal fault.",
    )
    parser.add_argument("name", metavar="NAME", help="the server")
    parser.add_argument(
        "--address",
        type=_parse_address,
        metavar="ADDRESS",
        help="trace this address of a name that has several (default: the first)",
    )
    parser.add_argument(
        "--rounds", type=_parse_rounds, default=3, metavar="N",
        help=f"send N packets with each hop limit, up to {_MOST_ROUNDS} (default 3)",
    )  # fmt: skip
    parser.add_argument(
        "--max-hops", type=_parse_hops, default=30, metavar="N",
        help=f"the highest hop limit, up to {_MOST_HOPS} (default 30)",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=_parse_timeout, default=1.0, metavar="TIME",
        help="wait so long for the last answers of a round, such as 500ms (default 1s)",
    )  # fmt: skip
    parser.add_argument("--names", action="store_true", help="look up the names of the hops in DNS")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=trace)


def _parse_address(text: str) -> Address:
    from ipaddress import ip_address

    try:
        if text.isprintable():  # the zone of an IPv6 address may be any text
            return ip_address(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected an IP address, got {text!r}")


def _parse_rounds(text: str) -> int:
    return _parse_number(text, _MOST_ROUNDS)


def _parse_hops(text: str) -> int:
    return _parse_number(text, _MOST_HOPS)


def _parse_number(text: str, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {most}, got {text!r}")
    return int(text)


def _parse_timeout(text: str) -> float:
    from wgmon_tui.config.value_parsers import InvalidValueError, parse_duration

    try:
        seconds = float(text) if text[-1:].isdecimal() else parse_duration(text)
    except (ValueError, InvalidValueError):
        seconds = 0.0
    if not 0.05 <= seconds <= _LONGEST_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"expected 50ms to {_LONGEST_TIMEOUT_S:g}s, got {text!r}")
    return seconds


def trace(arguments: argparse.Namespace) -> int:
    """Trace the path to a server."""
    from wgmon_tui.checks.path_trace import TraceOptions
    from wgmon_tui.checks.protocol import IdentityTarget
    from wgmon_tui.checks.targets import join

    require_directory(arguments.config)
    fleet, keyring = load_fleet(arguments.config, arguments.state)
    server = select_servers(fleet, [arguments.name])[0]
    targets = join(fleet, keyring)
    target = targets.ready.get(server.name)
    if target is None:
        return _refuse(server.name, targets.problems.get(server.name, "it cannot be checked"))
    options = TraceOptions(arguments.rounds, arguments.max_hops, arguments.timeout, arguments.address)
    with open_timestamp_ledger(arguments.state) as timestamps:
        if isinstance(target, IdentityTarget):
            warn_of_held_timestamps(timestamps, {target.private_key.public})
        return shutdown.run(_trace(target, options, timestamps, arguments))


def _refuse(name: str, why: str) -> int:
    print(f"wgmon-tui: cannot trace the path to {name}: {why}", file=sys.stderr)
    return _NOT_TRACED


async def _trace(
    target: ProtocolTarget, options: TraceOptions, timestamps: TimestampLedger, arguments: argparse.Namespace
) -> int:
    from wgmon_tui.checks.path_trace import TraceRefusedError
    from wgmon_tui.control.one_shot_rounds import OneShotRounds
    from wgmon_tui.net.reverse_names import look_up_names
    from wgmon_tui.output.json_lines import one_line
    from wgmon_tui.output.path_trace_text import trace_object

    name = target.server.name
    screen = LiveTrace(name, arguments.terminal)
    try:
        with explained_socket_errors():
            async with OneShotRounds(arguments.state, timestamps, screen.note) as rounds:
                found = await rounds.trace(target, options, screen.ignore if arguments.json else screen.show)
    except TraceRefusedError as error:
        return _refuse(name, str(error))
    names: Mapping[str, str] = {}
    if arguments.names:
        names = await look_up_names(each for hop in found.hops for each in hop.addresses)
    if arguments.json:
        print(one_line(trace_object(name, found, names)))
    else:
        screen.finish(found, names)
    if found.is_cut_short:
        return _NOT_TRACED
    return _REACHED if found.is_reached else _NOT_REACHED


class LiveTrace:
    """Draws a trace again and again in the same place of a terminal; elsewhere once, at its end."""

    def __init__(self, server: str, terminal: Terminal) -> None:
        self._server = server
        self._is_live = terminal.is_output and terminal.has_cursor
        columns, lines = terminal.size or (80, 24)
        self._width = columns if terminal.is_output else _WIDTH_OF_FILES
        self._height = lines - 1
        self._drawn = 0

    def ignore(self, found: PathTrace) -> None:
        """Draw nothing: the output is for a program."""

    def note(self, line: str) -> None:
        """Show what the trace waits for. The next drawing begins below this line."""
        show_progress(line)
        self._drawn = 0

    def show(self, found: PathTrace) -> None:
        """Draw the trace as it is now, if this is a terminal. Shows the farthest hops if not all fit."""
        if self._is_live and not found.is_finished:
            self._draw(self._lines(found, {})[-self._height :])

    def finish(self, found: PathTrace, names: Mapping[str, str]) -> None:
        """Print the finished trace."""
        self._draw(self._lines(found, names))

    def _lines(self, found: PathTrace, names: Mapping[str, str]) -> list[str]:
        from wgmon_tui.output.path_trace_text import trace_lines

        return trace_lines(self._server, found, self._width, names)

    def _draw(self, lines: list[str]) -> None:
        if self._drawn:
            sys.stdout.write(f"\x1b[{self._drawn}F\x1b[J")
        self._drawn = len(lines)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
