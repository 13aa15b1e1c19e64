"""The writer without a screen; or the unit with which systemd starts it."""

from __future__ import annotations

import argparse
import shlex
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, directory_options, shard_option
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.text import format_list

if TYPE_CHECKING:
    from wgmon_tui.daemon.metrics.listen import ListenAddress

_DEFAULT_ADDRESS = "127.0.0.1:9586"


def add_commands(subparsers: Subparsers) -> None:
    """`run`."""
    parser = subparsers.add_parser(
        "run",
        parents=[directory_options(), shard_option(suppressed=True)],
        help="check and keep the history without a screen",
        description="Check and keep the history without a screen, for systemd or a shell. SIGTERM ends it, "
        "SIGHUP reads the files and every secret again. Exit code: 0 ended by a signal, 64 bad usage or "
        "configuration, 71 no socket to probe with or to serve metrics on, 75 another process writes there "
        "already.",
    )
    parser.add_argument(
        "--metrics",
        nargs="?",
        const=_DEFAULT_ADDRESS,
        metavar="ADDRESS:PORT",
        help=f"serve /metrics and /probe for Prometheus over HTTP (without an address: {_DEFAULT_ADDRESS})",
    )
    parser.add_argument(
        "--print-unit",
        action="store_true",
        help="print a systemd unit for this account, and how to install it",
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="with --print-unit: for the whole machine, with an account of its own",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The writer without a screen; or the unit with which systemd starts it."""
    if arguments.print_unit:
        return _print_unit(arguments)
    if arguments.system:
        raise ConfigurationError("run: --system goes with --print-unit")
    from wgmon_tui.daemon import headless

    options = headless.RunOptions(_listen_address(arguments), arguments.shard)
    if options.metrics:
        _require_prometheus()
    return headless.run(arguments.config, arguments.state, options)


def _require_prometheus() -> None:
    missing = [module for module in ("prometheus_client", "h11") if find_spec(module) is None]
    if missing:
        raise ConfigurationError(
            f"run: --metrics needs {format_list(missing)}; type: "
            f"{shlex.join((sys.executable, '-m', 'pip', 'install', 'wgmon-tui[prometheus]'))}"
        )


def _listen_address(arguments: argparse.Namespace) -> ListenAddress | None:
    from wgmon_tui.config.value_parsers import InvalidValueError
    from wgmon_tui.daemon.metrics.listen import parse_listen_address

    try:
        return parse_listen_address(arguments.metrics) if arguments.metrics is not None else None
    except InvalidValueError as error:
        raise ConfigurationError(f"run: --metrics: {error}") from None


def _print_unit(arguments: argparse.Namespace) -> int:
    from wgmon_tui.daemon import systemd_unit

    program, options = systemd_unit.own_command(), _options(arguments)
    if arguments.system:
        if systemd_unit.is_in_home_directory(program):
            print(f"wgmon-tui: a service cannot see {program[0]}: install it elsewhere", file=sys.stderr)
        print(systemd_unit.system_unit(program, options), end="")
    else:
        config, state = arguments.config.absolute(), arguments.state.absolute()
        print(systemd_unit.user_unit(program, config, state, options), end="")
    return 0


def _options(arguments: argparse.Namespace) -> tuple[str, ...]:
    """What the unit's own command says behind `run`."""
    given = (("--metrics", _listen_address(arguments)), ("--shard", arguments.shard))
    return tuple(word for option, value in given if value for word in (option, str(value)))
