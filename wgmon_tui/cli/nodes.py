"""The command `nodes`."""

from __future__ import annotations

import argparse

from wgmon_tui.cli.arguments import Subparsers, ascii_option, colour_option, directory_options


def add_commands(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "nodes",
        parents=[directory_options(), ascii_option(), colour_option()],
        help="list the nodes that control planes report",
        description="List the nodes of control planes as those reported them last, beside the last verdict "
        "on a server that is the node. Nothing is checked.",
        epilog="Exit code: 0.",
    )
    parser.add_argument(
        "planes", nargs="*", metavar="PLANE", help="control planes whose nodes to list (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line, for each node")
    parser.set_defaults(run=nodes)


def nodes(arguments: argparse.Namespace) -> int:
    """List the nodes that control planes report."""
    from wgmon_tui.cli import node_list

    return node_list.print_nodes(arguments)
