"""The far end of a vantage, which another wgmon-tui starts over SSH."""

from __future__ import annotations

import argparse
import os

from wgmon_tui.cli.arguments import Subparsers, directory_options
from wgmon_tui.config.models import ConfigurationError

_MAX_LINGER_S = 90 * 86400.0


def add_commands(subparsers: Subparsers) -> None:
    """`agent`."""
    parser = subparsers.add_parser(
        "agent",
        parents=[directory_options()],
        help="check from here for a wgmon-tui elsewhere, which starts this over SSH",
        description="Check from this machine for a wgmon-tui elsewhere, with an identity of this machine. "
        "That one starts this over SSH and speaks to it over stdin and stdout; see [[vantage]] in its "
        "config.toml. The checks go on when the line is cut, and what they found is told when it is back.",
    )
    parser.add_argument(
        "--linger",
        default="24h",
        metavar="TIME",
        help="go on for so long without a line (default 24h)",
    )
    parser.set_defaults(run=agent)


def agent(arguments: argparse.Namespace) -> int:
    """Carry lines between stdin and stdout and the keeper that checks."""
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
            "agent: is started by another wgmon-tui, not by hand; name this machine there as a [[vantage]]"
        )
    return bridge_stdio(arguments.config, arguments.state, linger_s)
