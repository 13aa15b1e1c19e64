"""What the subcommands do. Each imports the rooms it needs when it needs them, so that --help is quick."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.fleet.records import ConfigurationError

if TYPE_CHECKING:
    from wgmon_tui.diagnosis.inspection import Finding
    from wgmon_tui.diagnosis.verdict import Severity
    from wgmon_tui.fleet.records import Fleet, Server
    from wgmon_tui.fleet.secrets import Keyring
    from wgmon_tui.history.stamps import StampLedger
    from wgmon_tui.monitor.board import Round, Row
    from wgmon_tui.monitor.engine import Engine
    from wgmon_tui.monitor.feed import Feed
    from wgmon_tui.service.reload import Loaded
    from wgmon_tui.service.station import Station
    from wgmon_tui.tui.serversview import AskServer

_BORROWED_KEY = (
    "if a real client uses this file's key, this check has just moved its endpoint here; "
    "make a key for monitoring with `wgmon-tui keygen NAME`"
)
_CHECKS_AT_ONCE = 256
_DEMO_ROUNDS = 3


def dashboard(arguments: argparse.Namespace) -> int:
    """The dashboard, or its table where the output is no terminal.

    Where another process writes the state directory already, of what that one finds.
    """
    from wgmon_tui.service.station import Station

    station = Station(arguments.config, arguments.state)
    if not _on_terminal():
        return asyncio.run(_table_once(station, arguments.ascii or _ascii_output()))
    ask_server = _ask_server(lambda: station.loaded, arguments.config)
    title, config = str(arguments.config), arguments.config
    return asyncio.run(_show(station, arguments, title, arguments.state, ask_server, config))


def run(arguments: argparse.Namespace) -> int:
    """The writer without a screen; or the unit with which systemd starts it."""
    if arguments.print_unit:
        return _print_unit(arguments)
    if arguments.system:
        raise ConfigurationError("run: --system goes with --print-unit")
    from wgmon_tui.service import headless

    return headless.run(arguments.config, arguments.state)


def demo(arguments: argparse.Namespace) -> int:
    """The dashboard on the embedded lab; three tables where the output is no terminal."""
    from tempfile import TemporaryDirectory

    from wgmon_tui.lab.demo import Demo
    from wgmon_tui.service.demo_past import NOTE, invent
    from wgmon_tui.service.reload import loaded_from
    from wgmon_tui.service.writer import Writer

    lab = Demo()
    loaded = loaded_from(lab.fleet)
    with TemporaryDirectory(prefix="wgmon-tui-") as state:
        if _on_terminal():
            invent(Path(state), lab.fleet.servers, time.time())
        writer = Writer(Path(state), loaded, lock=None)

        async def run() -> int:
            await lab.start()
            try:
                if _on_terminal():
                    ask_server = _ask_server(lambda: loaded, Path())
                    return await _show(writer, arguments, "demo", Path(state), ask_server, history_note=NOTE)
                ascii_only = arguments.ascii or _ascii_output()
                return await _tables(writer, writer.engine, _DEMO_ROUNDS, ascii_only)
            finally:
                await lab.stop()

        return asyncio.run(run())


def probe(arguments: argparse.Namespace) -> int:
    """Check servers once."""
    from wgmon_tui.fleet.enroll import load_conf

    if arguments.conf:
        loaded = load_conf(arguments.conf)
        fleet, keyring = loaded.fleet, loaded.keyring
        for line in (*loaded.notices, _BORROWED_KEY):
            print(f"wgmon-tui: {line}", file=sys.stderr)
    else:
        fleet, keyring = _load(arguments.config)
    if not fleet.servers:
        raise ConfigurationError(_no_servers(arguments.conf or arguments.config / "servers.toml"))
    chosen = replace(fleet, servers=_chosen(fleet, arguments.names))
    with _stamps(arguments.state) as stamps:
        return asyncio.run(_probe_all(chosen, keyring, stamps, arguments))


def import_files(arguments: argparse.Namespace) -> int:
    """Take servers and identities from wg-quick files."""
    from wgmon_tui.fleet.enroll import import_conf

    report = import_conf(arguments.files, arguments.config)
    for line in report.lines:
        print(line)
    if report.added:
        print("Next: wgmon-tui probe")
    if report.warning:
        print(f"\n{report.warning}", file=sys.stderr)
    return 0


def keygen(arguments: argparse.Namespace) -> int:
    """Make an identity, and print what lets it in on a server."""
    from wgmon_tui.fleet.enroll import keygen
    from wgmon_tui.fleet.values import InvalidValueError, parse_interface

    try:
        addresses = [parse_interface(text) for text in arguments.address]
    except InvalidValueError as error:
        raise ConfigurationError(f"keygen: --address: {error}") from None
    made = keygen(arguments.name, arguments.config, addresses)
    if made.notice:
        print(made.notice, file=sys.stderr)
    allowed = f" allowed-ips {','.join(str(each.ip) for each in addresses)}" if addresses else ""
    print("# Paste this into the server's configuration, or type there:")
    print(f"#   wg set wg0 peer {made.public_key}{allowed}")
    print(made.stanza, end="")
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Examine our own side."""
    from wgmon_tui.doctor.examine import doctor

    return doctor(arguments.config, arguments.state, arguments.ascii or _ascii_output(), arguments.json)


def inspect(arguments: argparse.Namespace) -> int:
    """Ask a server how it sees us."""
    from wgmon_tui.doctor.server import inspect_server

    fleet, keyring = _load(arguments.config)
    [server] = _chosen(fleet, [arguments.name])
    return inspect_server(server, fleet, keyring, arguments.config, arguments.ascii or _ascii_output())


def export(arguments: argparse.Namespace) -> int:
    """Write what the store keeps; or one exchange made now, and the keys that open it."""
    from wgmon_tui.report import export_command

    export_command.refuse_nonsense(arguments)
    if arguments.with_keys:
        fleet, keyring = _load(arguments.config)
        [server] = _chosen(fleet, arguments.names)
        with _stamps(arguments.state) as stamps:
            return export_command.export_with_keys(server, fleet, keyring, stamps, arguments)
    return export_command.export_kept(arguments)


def alert_test(arguments: argparse.Namespace) -> int:
    """Send a sink a test."""
    from wgmon_tui.service import alert_command

    return alert_command.send_test(arguments.config, arguments.state, arguments.sink)


def alert_log(arguments: argparse.Namespace) -> int:
    """List what was told to whom."""
    from wgmon_tui.service import alert_command

    return alert_command.print_log(arguments.state, arguments.count, arguments.json)


# What they share


def _load(config: Path) -> tuple[Fleet, Keyring]:
    from wgmon_tui.fleet.secrets import open_keyring
    from wgmon_tui.fleet.servers_file import read

    fleet = read(config).fleet
    return fleet, open_keyring(fleet, config)


def _stamps(state: Path) -> StampLedger:
    from wgmon_tui.history.stamps import StampLedger

    ledger = StampLedger(state)
    if ledger.trouble:
        print(f"wgmon-tui: {ledger.trouble}", file=sys.stderr)
    return ledger


def _print_unit(arguments: argparse.Namespace) -> int:
    from wgmon_tui.service import unit

    program = unit.own_command()
    if arguments.system:
        if unit.in_a_home(program):
            print(f"wgmon-tui: a service cannot see {program[0]}: install it elsewhere", file=sys.stderr)
        print(unit.system_unit(program), end="")
    else:
        print(unit.user_unit(program, arguments.config.absolute(), arguments.state.absolute()), end="")
    return 0


def _ask_server(loaded: Callable[[], Loaded | None], config: Path) -> AskServer:
    """A viewer knows neither the commands nor the keys: it reads them, if it may, when it is asked."""

    def ask_server(server: Server) -> tuple[Finding, ...]:
        from wgmon_tui.doctor.server import ask

        known = loaded()
        fleet, keyring = (known.fleet, known.keyring) if known else _load(config)
        return ask(server, fleet, keyring, config)[1]

    return ask_server


async def _show(
    feed: Feed,
    arguments: argparse.Namespace,
    title: str,
    state: Path,
    ask_server: AskServer,
    config: Path | None = None,
    history_note: str = "",
) -> int:
    from wgmon_tui.fleet.config_toml import Config, read_config
    from wgmon_tui.history.reading import History
    from wgmon_tui.history.store import STORE
    from wgmon_tui.tui.app import WgmonApp
    from wgmon_tui.tui.depth import depth_of

    settings = (read_config(config) if config else Config()).face
    app = WgmonApp(
        feed,
        title=title,
        ascii_only=arguments.ascii,
        theme=arguments.theme,
        ask_server=ask_server,
        history=History(state / STORE),
        history_note=history_note,
        state_dir=state,
        config_dir=config,
        settings=replace(settings, low_bandwidth=settings.low_bandwidth or arguments.low_bandwidth),
        depth=depth_of(os.environ),
    )
    loop = asyncio.get_running_loop()
    for ended_by in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(ended_by, partial(app.exit, None, 128 + ended_by))
    await app.run_async(mouse=not arguments.no_mouse)
    return app.return_code or 0


async def _table_once(station: Station, ascii_only: bool) -> int:
    """The board as text: after one round of ours, or as another process that writes sees it."""
    from wgmon_tui.report.table import table, totals

    if station.engine and not station.board.rows:
        print("No servers yet.")
        station.close()
        return 0
    if station.engine:
        return await _tables(station, station.engine, 1, ascii_only)
    async with station.seen():
        print(table(station.board, ascii_only))
        print(totals((row.severity for row in station.board.rows.values()), ascii_only), flush=True)
        for line in filter(None, (station.status, station.warning)):
            print(f"wgmon-tui: {line}", file=sys.stderr)
    return 0


async def _tables(feed: Feed, engine: Engine, rounds: int, ascii_only: bool) -> int:
    """The board as text after each of so many rounds of the whole fleet."""
    from wgmon_tui.report.table import table, totals

    looks = dict.fromkeys(engine.board.rows, 0)
    looked = asyncio.Event()

    def count(row: Row, outcome: Round | None, _: object) -> None:
        if outcome:
            looks[row.server.name] += 1
            looked.set()

    engine.listen(count)
    running = asyncio.create_task(feed.run())
    try:
        for number in range(1, rounds + 1):
            while min(looks.values()) < number:
                looked.clear()
                waiting = asyncio.create_task(looked.wait())
                await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    waiting.cancel()
                    running.result()
            print(table(engine.board, ascii_only))
            print(totals((row.severity for row in engine.board.rows.values()), ascii_only), flush=True)
            if number < rounds:
                print()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return 0


async def _probe_all(
    fleet: Fleet, keyring: Keyring, stamps: StampLedger, arguments: argparse.Namespace
) -> int:
    from wgmon_tui.monitor.look import Attention, look
    from wgmon_tui.probe.prober import Prober
    from wgmon_tui.probe.targets import join
    from wgmon_tui.report.json_lines import json_line
    from wgmon_tui.report.table import explained, totals

    targets = join(fleet, keyring)
    prober = Prober(stamps=stamps.next, ahead_s=stamps.ahead_s)
    await prober.open()
    room = asyncio.Semaphore(_CHECKS_AT_ONCE)
    attention = Attention(deep=not arguments.quick, explain=not arguments.quick)
    ascii_only = arguments.ascii or _ascii_output()

    async def one(server: Server) -> Round:
        async with room:
            problem = targets.problems.get(server.name, "")
            return await look(prober, server, targets.ready.get(server.name), attention, problem=problem)

    severities: list[Severity] = []
    try:
        for _ in range(arguments.count):
            severities = []
            for pending in [asyncio.create_task(one(server)) for server in fleet.servers]:
                outcome = await pending
                severities.append(outcome.diagnosis.verdict.severity)
                print(json_line(outcome) if arguments.json else explained(outcome, ascii_only), flush=True)
    finally:
        await prober.close()
    if not arguments.json and len(fleet.servers) > 1:
        print(totals(severities, ascii_only))
    return exit_code(severities)


def exit_code(severities: Sequence[Severity]) -> int:
    """0 all up, 1 some degraded, 2 some down, 3 some unknown and nothing worse."""
    from wgmon_tui.diagnosis.verdict import Severity

    for severity, code in ((Severity.DOWN, 2), (Severity.DEGRADED, 1), (Severity.UNKNOWN, 3)):
        if severity in severities:
            return code
    return 0


def _chosen(fleet: Fleet, names: Sequence[str]) -> tuple[Server, ...]:
    by_name = {server.name: server for server in fleet.servers}
    for name in names:
        if name not in by_name:
            near = get_close_matches(name, by_name, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise ConfigurationError(f"there is no server {name!r}{hint}")
    return tuple(by_name[name] for name in names) or fleet.servers


def _no_servers(file: Path) -> str:
    return (
        f"{file}: no servers in it; type `wgmon-tui import FILE.conf` to take them from a "
        "wg-quick file, or `wgmon-tui demo` to see it at work"
    )


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ascii_output() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") not in ("utf8", "utf16", "utf32")
