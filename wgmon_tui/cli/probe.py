"""Command `probe`: check servers once and return an exit code."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, ascii_option, directory_options, input_file, parse_count
from wgmon_tui.cli.loading import (
    explained_socket_errors,
    load_fleet,
    no_servers_message,
    open_timestamp_ledger,
    require_directory,
    select_servers,
    warn_of_held_timestamps,
)
from wgmon_tui.cli.terminal import show_progress
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.exit_codes import OutputError
from wgmon_tui.shutdown import shutdown
from wgmon_tui.text import format_list

if TYPE_CHECKING:
    from wgmon_tui.config.models import Fleet, Server
    from wgmon_tui.config.secrets.keyring import Keyring
    from wgmon_tui.monitor.models import Round
    from wgmon_tui.net.addresses import Endpoint
    from wgmon_tui.output.local_interface_text import LocalPeerView
    from wgmon_tui.output.nagios import CheckedServer
    from wgmon_tui.protocols.wireguard.keys import PublicKey
    from wgmon_tui.protocols.wireguard.local_interfaces import LocalInterfaces
    from wgmon_tui.store.timestamp_ledger import TimestampLedger

_SHARED_KEY_WARNING = (
    "if a client uses this file's key, this check moves the client's endpoint to this machine; "
    "for a monitoring key, type `wgmon-tui keygen NAME`"
)
_NO_SOAK_NOTE = "soak not run: --deep runs it"
_CHECKS_AT_ONCE = 256


def add_commands(subparsers: Subparsers) -> None:
    """Add `probe`."""
    parser = subparsers.add_parser(
        "probe",
        parents=[directory_options(), ascii_option()],
        help="check servers once and exit",
        description="Check servers once. If wgmon-tui runs on the same state directory, it makes the checks. "
        "Exit code: 0 all up, 1 some degraded, 2 some down, 3 unknown, "
        "64 bad usage or configuration, 70 internal fault (both 3 with --format nagios or checkmk).",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="servers to check (default: all)")
    parser.add_argument(
        "--conf",
        type=input_file,
        metavar="FILE.conf",
        help="check the servers of a wg-quick file instead; -: read it from standard input",
    )
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
    parser.add_argument("--count", type=parse_count, default=1, metavar="N", help="check N times (default 1)")
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
    parser.set_defaults(run=probe)


def probe(arguments: argparse.Namespace) -> int:
    """Check servers once."""
    if arguments.form in ("table", "json"):
        return _probe(arguments)
    from wgmon_tui.output.nagios import PluginState, checkmk_trouble, nagios_trouble

    try:
        return _probe(arguments)
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


def _probe(arguments: argparse.Namespace) -> int:
    from wgmon_tui.config.imports.wg_quick_import import load_conf

    if arguments.conf:
        loaded = load_conf(arguments.conf)
        fleet, keyring = loaded.fleet, loaded.keyring
        for line in (*loaded.notices, _SHARED_KEY_WARNING):
            print(f"wgmon-tui: {line}", file=sys.stderr)
    else:
        require_directory(arguments.config)
        fleet, keyring = load_fleet(arguments.config)
    if not fleet.servers:
        raise ConfigurationError(no_servers_message(arguments.conf or arguments.config / "servers.toml"))
    selected = replace(fleet, servers=select_servers(fleet, arguments.names))
    with open_timestamp_ledger(arguments.state) as timestamps:
        trouble_before = timestamps.trouble
        warn_of_held_timestamps(timestamps, _identities_of(selected, keyring))
        code = shutdown.run(_probe_all(selected, keyring, timestamps, arguments))
        if timestamps.trouble and not trouble_before:
            print(f"wgmon-tui: {timestamps.trouble}", file=sys.stderr)
        return code


def _identities_of(fleet: Fleet, keyring: Keyring) -> set[PublicKey]:
    used = {server.identity for server in fleet.servers}
    return {key.public for name, key in keyring.private_keys.items() if name in used}


async def _probe_all(
    fleet: Fleet, keyring: Keyring, timestamps: TimestampLedger, arguments: argparse.Namespace
) -> int:
    """Run all check rounds, print each result when it is ready, and the totals at the end."""
    from wgmon_tui.output.nagios import CheckedServer, state_of

    is_plugin = arguments.form in ("nagios", "checkmk")
    rounds: dict[str, list[Round]] = {server.name: [] for server in fleet.servers}
    notices = {""}
    async for server, outcome, reading in _check_rounds(fleet, keyring, timestamps, arguments):
        if not is_plugin:
            rounds[server.name].clear()  # printed at once: a long series must not fill the memory
            await _print_round(server, outcome, reading, arguments)
            local_view = reading.result()
            if local_view and (notice := local_view.interfaces.notice) not in notices:
                notices.add(notice)
                print(f"wgmon-tui: {notice}", file=sys.stderr)
        rounds[server.name].append(outcome)
    checked = [CheckedServer(server, tuple(rounds[server.name])) for server in fleet.servers]
    _print_summary(checked, arguments)
    return state_of(each.severity for each in checked).value


async def _check_rounds(
    fleet: Fleet, keyring: Keyring, timestamps: TimestampLedger, arguments: argparse.Namespace
) -> AsyncIterator[tuple[Server, Round, asyncio.Task[_LocalInterfaces | None]]]:
    """Yield each result as its check ends, in file order, with the reading of this machine's interfaces.

    Raises ConfigurationError if no socket can be opened.
    """
    from wgmon_tui.control.one_shot_rounds import OneShotRounds
    from wgmon_tui.monitor.check_round import CheckDepth
    from wgmon_tui.protocols.wireguard.targets import join

    targets = join(fleet, keyring)
    semaphore = asyncio.Semaphore(_CHECKS_AT_ONCE)
    depth = CheckDepth(deep=not arguments.quick, explain=not arguments.quick, soak=arguments.deep)

    async def check_one(rounds: OneShotRounds, server: Server) -> Round:
        async with semaphore:
            problem = targets.problems.get(server.name, "")
            with explained_socket_errors():
                return await rounds.run(server, targets.ready.get(server.name), depth, problem=problem)

    async with AsyncExitStack() as stack:
        with explained_socket_errors():
            rounds = await stack.enter_async_context(
                OneShotRounds(
                    arguments.state, timestamps, show_progress, witness=_read_witness(arguments.config)
                )
            )
        for _ in range(arguments.count):
            pending = [(server, asyncio.create_task(check_one(rounds, server))) for server in fleet.servers]
            reading = asyncio.create_task(_read_local_interfaces(fleet, keyring, arguments))
            for server, task in pending:
                yield server, await task, reading


def _read_witness(config_dir: Path) -> Endpoint | None:
    """Read the witness from config.toml. A faulty config.toml must not stop a probe."""
    from wgmon_tui.config.config_toml import read_config

    try:
        return read_config(config_dir, runs_commands=False).witness
    except ConfigurationError as error:
        show_progress(f"checking without the witness of config.toml: {error}")
        return None


@dataclass(frozen=True, slots=True)
class _LocalInterfaces:
    """WireGuard interfaces of this machine, read at the Unix time `at`, with the fleet and its keys."""

    fleet: Fleet
    keyring: Keyring
    interfaces: LocalInterfaces
    at: float

    def compare_local_peer(self, server: Server, outcome: Round) -> list[LocalPeerView]:
        """Compare the interfaces' view of the server with the prober's verdict."""
        from wgmon_tui.doctor.server import configured_side, verdict_from_round
        from wgmon_tui.output.local_interface_text import LocalPeerView
        from wgmon_tui.protocols.wireguard.local_interface_comparison import compare_local_peer, local_peers

        peers = local_peers(self.interfaces, server)
        side, found = configured_side(server, self.fleet, self.keyring), verdict_from_round(outcome)
        return [LocalPeerView(peer, compare_local_peer(peer, side, found, self.at)) for peer in peers]


async def _read_local_interfaces(
    fleet: Fleet, keyring: Keyring, arguments: argparse.Namespace
) -> _LocalInterfaces | None:
    """Read this machine's interfaces; None without `wg`, without permission, or if they are not printed."""
    from wgmon_tui.protocols.wireguard.local_interfaces import read_local_interfaces_if_permitted

    if arguments.form not in ("table", "json"):
        return None
    interfaces = await asyncio.to_thread(read_local_interfaces_if_permitted)
    return None if interfaces is None else _LocalInterfaces(fleet, keyring, interfaces, time.time())


async def _print_round(
    server: Server,
    outcome: Round,
    reading: asyncio.Task[_LocalInterfaces | None],
    arguments: argparse.Namespace,
) -> None:
    """Print a result; as text, before the interfaces of this machine are known."""
    from wgmon_tui.output.json_lines import json_object, one_line
    from wgmon_tui.output.local_interface_text import disagreements, interface_object
    from wgmon_tui.output.text_table import format_result

    if arguments.form == "table":
        print(format_result(outcome, arguments.ascii), flush=True)
    local_view = await reading
    peers = local_view.compare_local_peer(server, outcome) if local_view else None
    if arguments.form == "json":
        interfaces = None if peers is None else [interface_object(each) for each in peers]
        print(one_line({**json_object(outcome), "interfaces": interfaces}), flush=True)
    elif lines := disagreements(peers or (), arguments.ascii):
        print(lines, flush=True)


def _print_summary(checked: Sequence[CheckedServer], arguments: argparse.Namespace) -> None:
    from wgmon_tui.output.nagios import checkmk_line, nagios_line
    from wgmon_tui.output.text_table import format_totals

    if arguments.form == "table":
        if len(checked) > 1:
            print(format_totals((each.severity for each in checked), arguments.ascii))
        if not arguments.deep:
            print(_NO_SOAK_NOTE)
        elif untested := [each.server.name for each in checked if not each.server.tunnel]:
            print(f"soak not run on {format_list(untested)}: tunnel = false in servers.toml")
    elif arguments.form == "nagios":
        print(nagios_line(checked))
    elif arguments.form == "checkmk":
        for each in checked:
            print(checkmk_line(each))
