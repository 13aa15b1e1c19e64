"""The command `expiry`."""

from __future__ import annotations

import argparse

from wgmon_tui.cli.arguments import Subparsers, ascii_option, colour_option, directory_options, parse_time


def add_commands(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "expiry",
        parents=[directory_options(), ascii_option(), colour_option()],
        help="list until when certificates and keys are valid",
        description="List until when certificates, keys and invitations of servers and control planes are "
        "valid, as their last checks saw it, the first to end first. Nothing is checked.",
        epilog="Exit codes: 0 nothing ends within 30 days; 1 something does; 2 something ends within 7 days, "
        "or has ended.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="servers to list (default: all)")
    parser.add_argument(
        "--within",
        type=parse_time,
        metavar="TIME",
        help="list only what expires within this time, such as 30d (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.set_defaults(run=expiry)


def expiry(arguments: argparse.Namespace) -> int:
    """List the ends of certificates and keys."""
    from wgmon_tui.cli import expiry_list

    return expiry_list.print_expiries(arguments)
