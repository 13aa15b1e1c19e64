"""Command `agent`: the remote end of a vantage, which another wgmon-tui starts over SSH."""

from __future__ import annotations

import argparse
import os

from wgmon_tui.cli.arguments import Subparsers, directory_options
from wgmon_tui.config.models import ConfigurationError

_MAX_LINGER_S = 90 * 86400.0


def add_commands(subparsers: Subparsers) -> None:
    """Add `agent`."""
    parser = subparsers.add_parser(
        "agent",
        parents=[directory_options()],
        help="check from this machine for a remote wgmon-tui, which starts this command over SSH",
        description="Check servers from this machine for a remote wgmon-tui, with an identity of this "
        "machine. The remote wgmon-tui starts this command over SSH and uses its stdin and stdout; see "
        "[[vantage]] in its config.toml. If the connection is lost, the checks continue, and their results "
        "are sent after it reconnects. Exit code: 0 one end closed the connection, "
        "71 the agent does not start.",
    )
    parser.add_argument(
        "--linger",
        default="24h",
        metavar="TIME",
        help="keep checking this long while disconnected (default 24h)",
    )
    parser.set_defaults(run=agent)


def agent(arguments: argparse.Namespace) -> int:
    """Pass lines between stdin/stdout and the agent daemon, which runs the checks."""
    from wgmon_tui.config.value_parsers import InvalidValueError, parse_duration
    from wgmon_tui.vantages.agent.stdio_bridge import bridge_stdio

    try:
        linger_s = parse_duration(arguments.linger)
    except InvalidValueError as error:
        raise ConfigurationError(f"agent: --linger: {error}") from None
    if linger_s > _MAX_LINGER_S:
        raise ConfigurationError("agent: --linger: expected at most 90d")
    if os.isatty(0):
        raise ConfigurationError(
            "agent: started by another wgmon-tui, not by hand; add this machine there as a [[vantage]]"
        )
    return bridge_stdio(arguments.config, arguments.state, linger_s)
