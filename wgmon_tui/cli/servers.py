"""Commands on the servers of servers.toml: `list`, `show`, `remove`, `pause`, `resume`."""

from __future__ import annotations

import argparse

from wgmon_tui.cli.arguments import Subparsers, ascii_option, colour_option, directory_options, parse_time

_JSON_HELP = "one JSON object per server, one per line"


def add_commands(subparsers: Subparsers) -> None:
    """Add the five commands."""
    _add_list_and_show(subparsers)
    _add_remove(subparsers)
    _add_pause_and_resume(subparsers)


def _add_list_and_show(subparsers: Subparsers) -> None:
    list_parser = subparsers.add_parser(
        "list",
        parents=[directory_options(), ascii_option(), colour_option()],
        help="list the servers with their last known state",
        description="List the servers of servers.toml with the state that the history has, and its age. "
        "Nothing is checked.",
    )
    list_parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    list_parser.set_defaults(run=list_servers)
    show_parser = subparsers.add_parser(
        "show",
        parents=[directory_options(), ascii_option(), colour_option()],
        help="show a server: settings, identity, files, last known state",
        description="Show a server: its settings, the identity that checks it, the files, the last known "
        "state, and the line to type on the server. No secret is shown.",
    )
    show_parser.add_argument("names", nargs="+", metavar="NAME", help="servers to show")
    show_parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    show_parser.set_defaults(run=show)


def _add_remove(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "remove",
        parents=[directory_options()],
        help="remove servers from servers.toml; their history stays",
        description="Remove servers from servers.toml. Their history and the key files stay. A running "
        "wgmon-tui stops checking them.",
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="servers to remove")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    parser.set_defaults(run=remove)


def _add_pause_and_resume(subparsers: Subparsers) -> None:
    pause_parser = subparsers.add_parser(
        "pause",
        parents=[directory_options()],
        help="stop checking servers for a time or until they are resumed",
        description="Stop checking servers, as the key of the dashboard does: a running wgmon-tui pauses "
        "them at once; without one, the next start keeps the pause.",
    )
    pause_parser.add_argument("names", nargs="+", metavar="NAME", help="servers to pause")
    pause_parser.add_argument(
        "--for",
        dest="time",
        type=parse_time,
        metavar="TIME",
        help="end the pause after this time, such as 30m, 2h or 1d (default: until resumed)",
    )
    pause_parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    pause_parser.set_defaults(run=pause)
    resume_parser = subparsers.add_parser(
        "resume",
        parents=[directory_options()],
        help="check paused servers again",
        description="Check paused servers again, also those with `paused = true` in servers.toml.",
    )
    resume_parser.add_argument("names", nargs="+", metavar="NAME", help="servers to check again")
    resume_parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    resume_parser.set_defaults(run=resume)


def list_servers(arguments: argparse.Namespace) -> int:
    """List the servers."""
    from wgmon_tui.cli import server_list

    return server_list.print_list(arguments)


def show(arguments: argparse.Namespace) -> int:
    """Show servers."""
    from wgmon_tui.cli import server_list

    return server_list.print_servers(arguments)


def remove(arguments: argparse.Namespace) -> int:
    """Remove servers."""
    from wgmon_tui.cli import server_changes

    return server_changes.remove(arguments)


def pause(arguments: argparse.Namespace) -> int:
    """Pause servers."""
    from wgmon_tui.cli import server_changes

    return server_changes.pause(arguments)


def resume(arguments: argparse.Namespace) -> int:
    """Resume servers."""
    from wgmon_tui.cli import server_changes

    return server_changes.resume(arguments)
