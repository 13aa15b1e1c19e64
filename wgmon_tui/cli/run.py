"""Command `run`: the writer without a screen, or its systemd unit."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, directory_options, shard_option
from wgmon_tui.cli.loading import require_directory
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.text import format_list, quoted

if TYPE_CHECKING:
    from wgmon_tui.daemon.metrics.listen import ListenAddress

_DEFAULT_ADDRESS = "127.0.0.1:9586"
_MAX_WORKERS = 64
_STOP_OPTIONS = {
    "exit_codes": {signal.SIGTERM: 0, signal.SIGINT: 0},
    "reload_signals": (signal.SIGHUP,),
    "timeout_s": 60.0,  # a slow disk may need it for the history; systemd waits for 90 s
}


def add_commands(subparsers: Subparsers) -> None:
    """Add `run`."""
    parser = subparsers.add_parser(
        "run",
        parents=[directory_options(), shard_option(suppressed=True)],
        help="check servers and record the history without a screen",
        description="Check servers and record the history without a screen, for systemd or a shell. SIGTERM "
        "stops it; SIGHUP reloads the files and every secret. Exit code: 0 stopped by a signal, 64 bad usage "
        "or configuration, 71 cannot open a socket for checks or metrics, 75 another process already writes "
        "this state directory.",
    )
    parser.add_argument(
        "--metrics",
        nargs="?",
        const=_DEFAULT_ADDRESS,
        metavar="ADDRESS:PORT",
        help=f"serve /metrics and /probe for Prometheus over HTTP (without an address: {_DEFAULT_ADDRESS})",
    )
    parser.add_argument(
        "--metrics-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer only requests for this host name, for an address, or for a name without a dot; can be "
        "repeated (without it: on loopback, this machine's name; elsewhere, every name)",
    )
    parser.add_argument(
        "--workers",
        type=number_of_workers,
        default=1,
        metavar="N",
        help="check in N processes, for a fleet that needs more than one core (default: 1, this process)",
    )
    parser.add_argument(
        "--print-unit",
        action="store_true",
        help="print a systemd unit for this account, with install instructions",
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="with --print-unit: a system-wide unit with a dedicated account",
    )
    parser.set_defaults(run=run, stop_options=_STOP_OPTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Run the writer without a screen; or print its systemd unit."""
    if arguments.print_unit:
        return _print_unit(arguments)
    if arguments.system:
        raise ConfigurationError("run: --system needs --print-unit")
    require_directory(arguments.config)
    from wgmon_tui.daemon import headless

    options = headless.RunOptions(
        _listen_address(arguments), arguments.shard, tuple(arguments.metrics_host), arguments.workers
    )
    if options.metrics:
        _require_prometheus()
    return headless.run(arguments.config, arguments.state, options)


def number_of_workers(text: str) -> int:
    """Parse the number of worker processes."""
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"expected 1 to {_MAX_WORKERS}, got {quoted(text)}")
    return int(text)


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
    from wgmon_tui.config.ownership import own_command
    from wgmon_tui.daemon import systemd_unit

    program, options = own_command(), _options(arguments)
    if arguments.system:
        if systemd_unit.is_in_home_directory(program):
            print(
                f"wgmon-tui: a system service cannot access {program[0]}; install it outside /home and /root",
                file=sys.stderr,
            )
        print(systemd_unit.system_unit(program, options), end="")
    else:
        config, state = arguments.config.absolute(), arguments.state.absolute()
        print(systemd_unit.user_unit(program, config, state, options), end="")
    return 0


def _options(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the options after `run` in the unit's command."""
    hosts = (("--metrics-host", name) for name in arguments.metrics_host)
    workers = arguments.workers if arguments.workers > 1 else None
    given = (
        ("--metrics", _listen_address(arguments)),
        *hosts,
        ("--shard", arguments.shard),
        ("--workers", workers),
    )
    return tuple(word for option, value in given if value for word in (option, str(value)))
