"""Command `add`: a server from three words or from wg-quick files, up to its first good check."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, ascii_option, colour_option, directory_options

if TYPE_CHECKING:
    from wgmon_tui.net.addresses import Interface

_DEFAULT_WAIT_S = 300.0

_EPILOG = (
    "Why not the key of the file: a server answers to the address from which a key last did a handshake. "
    "Each check with a key that a client uses cuts that client off for about 15 s. "
    "Use --use-file-key only for a file that no client uses."
)


def add_commands(subparsers: Subparsers) -> None:
    """Add `add`."""
    parser = subparsers.add_parser(
        "add",
        parents=[directory_options(), ascii_option(), colour_option()],
        usage="%(prog)s [options] NAME ENDPOINT PUBLIC_KEY\n       %(prog)s [options] FILE.conf...",
        help="add a server, and wait until its first check succeeds",
        description="Add a server to servers.toml. An identity for monitoring is created if there is none. "
        "The command prints the line to type on the server, and checks until the server is up. Then it exits "
        "with the exit code of `probe`: 0 up, 1 degraded, 2 down, 3 unknown; 64 bad usage or configuration. "
        "Ctrl+C stops the wait; the server stays.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="NAME ENDPOINT PUBLIC_KEY | FILE.conf",
        help="a name for the server, its host:port, and its public key (on the server: wg show wg0 "
        "public-key); or files of wg-quick or OpenVPN, directories and zip archives of them",
    )
    _add_identity_options(parser)
    _add_server_options(parser)
    _add_wait_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per server, one per line")
    parser.set_defaults(run=add)


def _add_identity_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--identity",
        default="",
        metavar="NAME",
        help="the identity that checks; it is created if there is none of this name (default: that of "
        "[defaults], or the first, or a new one named after this machine)",
    )
    parser.add_argument(
        "--tunnel-address",
        action="append",
        default=[],
        type=_parse_interface,
        metavar="ADDRESS",
        help="tunnel address for the checks that no peer of the server has; may be repeated. Without one, "
        "the identity's addresses; if it has none, the server admits only the handshake",
    )
    parser.add_argument(
        "--psk-file",
        type=Path,
        metavar="FILE",
        help="file with the preshared key of the server for this identity; the key is copied",
    )
    parser.add_argument(
        "--use-file-key",
        action="store_true",
        help="with FILE.conf: check with the key of the file, not with a separate identity; this cuts off "
        "a client that uses the file",
    )


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interface",
        default="wg0",
        type=_parse_interface_name,
        metavar="NAME",
        help="name of the WireGuard interface on the server, for the line to type (default wg0)",
    )
    parser.add_argument(
        "--ssh",
        metavar="HOST",
        help="offer to type the line on this host with ssh: shows the whole command and asks first. "
        "Uses sudo there, unless the host begins with root@",
    )
    parser.add_argument("--yes", action="store_true", help="with --ssh: do not ask")


def _add_wait_options(parser: argparse.ArgumentParser) -> None:
    wait = parser.add_mutually_exclusive_group()
    wait.add_argument("--no-wait", action="store_true", help="exit without a check")
    wait.add_argument(
        "--wait",
        type=_parse_wait,
        default=_DEFAULT_WAIT_S,
        metavar="TIME",
        help="wait at most this long for the server to be up, such as 30s or 10m (default 5m)",
    )


def add(arguments: argparse.Namespace) -> int:
    """Add servers, and wait until they are up."""
    from wgmon_tui.cli import add_run

    return add_run.run(arguments)


def _parse_interface(text: str) -> Interface:
    from wgmon_tui.config.value_parsers import InvalidValueError, parse_interface

    try:
        return parse_interface(text)
    except InvalidValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parse_interface_name(text: str) -> str:
    from wgmon_tui.config.peer_command import parse_interface_name
    from wgmon_tui.config.value_parsers import InvalidValueError

    try:
        return parse_interface_name(text)
    except InvalidValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parse_wait(text: str) -> float:
    from wgmon_tui.config.value_parsers import InvalidValueError, parse_duration

    try:
        return parse_duration(text)
    except InvalidValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
