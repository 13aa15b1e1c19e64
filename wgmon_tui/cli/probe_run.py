"""Run of the command `probe`: the checks, whose results are printed as they arrive."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from wgmon_tui.checks.inspection import inspector_of
from wgmon_tui.checks.protocol import by_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.cli.loading import (
    explained_socket_errors,
    load_fleet,
    no_servers_message,
    open_timestamp_ledger,
    read_witness,
    require_directory,
    select_servers,
    warn_of_held_timestamps,
)
from wgmon_tui.cli.probe import PLUGIN_FORMATS
from wgmon_tui.cli.probe_output import CheckedRound, LocalInterfaceReading, PluginOutput, ResultOutput
from wgmon_tui.cli.progress import Progress, progress_line
from wgmon_tui.cli.terminal import show_progress
from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.imports.wg_quick_import import load_conf
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.servers_toml import read_server
from wgmon_tui.config.value_parsers import InvalidValueError, is_ipv6, parse_endpoint
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.shutdown import shutdown
from wgmon_tui.store.timestamp_ledger import TimestampLedger

_SHARED_KEY_WARNING = (
    "if a client uses this file's key, this check moves the client's endpoint to this machine; "
    "for a monitoring key, type `wgmon-tui keygen NAME`"
)
_CHECKS_AT_ONCE = 256
_IKE_PORT = 500


def run_probe(arguments: argparse.Namespace) -> int:
    """Check servers, and print the results. Returns the exit code. Raises ConfigurationError."""
    with progress_line("probe", is_quiet=arguments.quiet > 0, is_parallel=True) as progress:
        progress.show("reading the configuration")
        fleet, keyring = _load(arguments)
        selected = replace(fleet, servers=select_servers(fleet, arguments.names))
        with open_timestamp_ledger(arguments.state) as timestamps:
            trouble_before = timestamps.trouble
            with progress.hidden():
                warn_of_held_timestamps(timestamps, _identities_of(selected, keyring))
            first = selected.servers[0].name
            progress.show(f"checking {first}" if len(selected.servers) == 1 else "")
            planes = tuple(filter(is_control_plane, fleet.servers))
            code = shutdown.run(_probe_all(selected, planes, keyring, timestamps, arguments, progress))
            if timestamps.trouble and not trouble_before:
                print(f"wgmon-tui: {timestamps.trouble}", file=sys.stderr)
            return code


def _load(arguments: argparse.Namespace) -> tuple[Fleet, Keyring]:
    """Read the servers and their secrets. Raises ConfigurationError, also if there are no servers."""
    if arguments.ike is not None:
        return _make_ike_fleet(arguments.ike), Keyring()
    if arguments.conf:
        loaded = load_conf(arguments.conf)
        fleet, keyring = loaded.fleet, loaded.keyring
        for line in (*loaded.notices, _SHARED_KEY_WARNING):
            print(f"wgmon-tui: {line}", file=sys.stderr)
    else:
        require_directory(arguments.config)
        fleet, keyring = load_fleet(arguments.config, arguments.state)
    if not fleet.servers:
        file = arguments.conf or arguments.config / "servers.toml"
        raise ConfigurationError(no_servers_message(file, arguments.config))
    return fleet, keyring


def _make_ike_fleet(text: str) -> Fleet:
    """A fleet of one IKEv2 server without credentials. Raises ConfigurationError."""
    host = f"[{text}]" if is_ipv6(text) else text
    is_bare = ":" not in host or host.endswith("]")
    endpoint = f"{host}:{_IKE_PORT}" if is_bare else host
    try:
        parse_endpoint(endpoint, _IKE_PORT)
    except InvalidValueError as error:
        raise ConfigurationError(f"probe: --ike: {error}") from None
    return Fleet((read_server(Fleet(), {"name": text, "endpoint": endpoint, "protocol": "ikev2"}),))


def _identities_of(fleet: Fleet, keyring: Keyring) -> set[PublicKey]:
    used = {server.identity for server in fleet.servers}
    return {key.public for name, key in keyring.private_keys.items() if name in used}


async def _probe_all(
    fleet: Fleet,
    planes: Sequence[Server],
    keyring: Keyring,
    timestamps: TimestampLedger,
    arguments: argparse.Namespace,
    progress: Progress,
) -> int:
    """Run all check rounds, print each result when it is ready, and the totals at the end."""
    output = (
        PluginOutput(fleet.servers, arguments.form)
        if arguments.form in PLUGIN_FORMATS
        else ResultOutput(fleet.servers, arguments)
    )
    total = len(fleet.servers) * arguments.count
    done = 0
    if total > 1:
        progress.count(done, total, "check", "done")
    async for checked in _check_rounds(fleet, planes, keyring, timestamps, arguments, progress):
        await output.add(checked)
        done += 1
        if total > 1:
            progress.count(done, total, "check", "done")
        if done % len(fleet.servers) == 0:
            output.end_round()
    return output.end().value


async def _check_rounds(
    fleet: Fleet,
    planes: Sequence[Server],
    keyring: Keyring,
    timestamps: TimestampLedger,
    arguments: argparse.Namespace,
    progress: Progress,
) -> AsyncIterator[CheckedRound]:
    """Yield each result as its check ends; for JSON in file order.

    Raises ConfigurationError if no socket can be opened.
    """
    targets = join(fleet, keyring)
    semaphore = asyncio.Semaphore(_CHECKS_AT_ONCE)
    depth = CheckDepth(deep=not arguments.quick, explain=not arguments.quick, soak=arguments.deep)

    async def check_one(
        rounds: OneShotRounds,
        reading: asyncio.Task[LocalInterfaceReading | None],
        server: Server,
        first: Sequence[asyncio.Task[CheckedRound]],
    ) -> CheckedRound:
        if first:
            await asyncio.wait(first)
        async with semaphore:
            problem = targets.problems.get(server.name, "")
            with explained_socket_errors():
                outcome = await rounds.run(server, targets.ready.get(server.name), depth, problem=problem)
            return CheckedRound(server, outcome, reading)

    async with AsyncExitStack() as stack:
        with explained_socket_errors():
            rounds = await stack.enter_async_context(
                OneShotRounds(
                    arguments.state,
                    timestamps,
                    show_progress,
                    witness=read_witness(arguments.config, show_progress),
                    on_wait=progress.show,
                    planes=planes,
                )
            )
        for _ in range(arguments.count):
            reading = asyncio.create_task(_read_local_interfaces(fleet, keyring, arguments))
            pending = _start_planes_first(fleet.servers, partial(check_one, rounds, reading), rounds)
            for each in pending if arguments.form == "json" else asyncio.as_completed(pending):
                yield await each


def _start_planes_first(
    servers: Iterable[Server],
    check: Callable[[Server, Sequence[asyncio.Task[CheckedRound]]], Coroutine[object, object, CheckedRound]],
    rounds: OneShotRounds,
) -> list[asyncio.Task[CheckedRound]]:
    """Start all checks. Without a writer, control planes come first: their reports are about the others."""
    tasks: list[asyncio.Task[CheckedRound]] = []
    planes: list[asyncio.Task[CheckedRound]] = []
    for server in servers:
        is_plane = is_control_plane(server) and not rounds.has_writer
        tasks.append(asyncio.create_task(check(server, () if is_plane else planes)))
        if is_plane:
            planes.append(tasks[-1])
    return tasks


async def _read_local_interfaces(
    fleet: Fleet, keyring: Keyring, arguments: argparse.Namespace
) -> LocalInterfaceReading | None:
    """Read this machine's interfaces; None without `wg`, without permission, or if they are not printed."""
    if arguments.form in PLUGIN_FORMATS:
        return None
    interfaces = {
        each: read
        for each in set(filter(None, map(inspector_of, by_protocol(fleet.servers))))
        if (read := await asyncio.to_thread(each.read_interfaces_if_permitted)) is not None
    }
    return LocalInterfaceReading(fleet, keyring, interfaces, time.time()) if interfaces else None
