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
        description="List the expiry dates of certificates, keys and invitations, as the last checks of "
        "servers and control planes saw them. The first one comes first. Nothing is checked.",
        epilog="Exit codes: 0 nothing expires within 30 days; 1 something does; 2 something expires within "
        "7 days, or has expired.",
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
