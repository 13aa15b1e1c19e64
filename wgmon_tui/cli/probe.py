"""Command `probe`: check servers once and return an exit code."""

from __future__ import annotations

import argparse

from wgmon_tui.cli.arguments import (
    Subparsers,
    ascii_option,
    colour_option,
    directory_options,
    input_file,
    parse_count,
)
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.deferred_modules import modules_deferred
from wgmon_tui.exit_codes import OutputError
from wgmon_tui.garbage_collection import loaded_without_collection

PLUGIN_FORMATS = ("nagios", "checkmk")


def add_commands(subparsers: Subparsers) -> None:
    """Add `probe`."""
    parser = subparsers.add_parser(
        "probe",
        parents=[directory_options(), ascii_option(), colour_option()],
        help="check servers once and exit",
        description="Check servers once. If wgmon-tui runs on the same state directory, it makes the checks. "
        "Each result is printed when it arrives; JSON has the order of servers.toml. "
        "Exit code: 0 all up, 1 some degraded, 2 some down, 3 unknown, "
        "64 bad usage or configuration, 70 internal fault (both 3 with --format nagios or checkmk).",
    )
    _add_targets(parser)
    _add_output(parser)
    _add_depth(parser)
    parser.set_defaults(run=probe)


def _add_targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="servers to check (default: all)")
    parser.add_argument(
        "--conf",
        type=input_file,
        metavar="FILE.conf",
        help="check the servers of a wg-quick file instead; -: read it from standard input",
    )
    parser.add_argument(
        "--ike",
        metavar="HOST",
        help="ask an IKEv2 server, without credentials, whether it answers and which algorithms it takes; "
        "HOST:PORT if its port is not 500",
    )
    parser.add_argument("--count", type=parse_count, default=1, metavar="N", help="check N times (default 1)")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=("table", "json", "nagios", "checkmk"),
        default="table",
        dest="form",
        help="json: one object per server; nagios: one status line with performance data, also for Icinga; "
        "checkmk: a local check (default table)",
    )
    parser.add_argument(
        "--json", action="store_const", const="json", dest="form", help="the same as --format json"
    )
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument("--brief", action="store_true", help="print one line per server, and nothing else")
    detail.add_argument(
        "-v", "--verbose", action="store_true", help="also print the stages, all evidence and the packets"
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="count",
        default=0,
        help="print only servers that are not up; twice: print nothing, the exit code tells",
    )


def _add_depth(parser: argparse.ArgumentParser) -> None:
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument(
        "--quick",
        action="store_true",
        help="skip slow parts: the passive data-path test and the experiments that explain silence",
    )
    depth.add_argument(
        "--deep",
        action="store_true",
        help="also run the soak: 64 KB over 30 s, which finds paths that cut a flow off",
    )


def probe(arguments: argparse.Namespace) -> int:
    """Check servers once."""
    with loaded_without_collection(), modules_deferred():
        from wgmon_tui.cli.probe_run import run_probe

    _require_meaningful(arguments)
    if arguments.form in ("table", "json"):
        return run_probe(arguments)
    from wgmon_tui.output.nagios import PluginState, checkmk_trouble, nagios_trouble

    try:
        return run_probe(arguments)
    except ConfigurationError as error:
        # These systems read only standard output, and know no exit code above 3.
        format_trouble = nagios_trouble if arguments.form == "nagios" else checkmk_trouble
        print(format_trouble(str(error)))
        return PluginState.UNKNOWN.value
    except OutputError:
        raise
    except Exception as fault:  # noqa: BLE001  the report says what it was
        format_trouble = nagios_trouble if arguments.form == "nagios" else checkmk_trouble
        print(format_trouble(arguments.reporter.write(fault)))
        return PluginState.UNKNOWN.value


def _require_meaningful(arguments: argparse.Namespace) -> None:
    """Raise ConfigurationError for options that the format cannot follow."""
    form = arguments.form
    if arguments.ike is not None and (arguments.conf or arguments.names):
        other = "--conf" if arguments.conf else "the names"
        raise ConfigurationError(f"probe: --ike checks one host, without servers.toml; remove {other}")
    if form != "table" and (arguments.brief or arguments.verbose):
        option = "--brief" if arguments.brief else "--verbose"
        raise ConfigurationError(f"probe: {option} changes only the table; remove it, or --format {form}")
    if form in PLUGIN_FORMATS and arguments.quiet:
        raise ConfigurationError(
            f"probe: --quiet would leave out what {form} must read; remove it, or --format {form}"
        )
