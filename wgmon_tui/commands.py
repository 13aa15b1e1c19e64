"""What the subcommands do. Each imports the rooms it needs when it needs them, so that --help is quick."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.fleet.records import ConfigurationError

if TYPE_CHECKING:
    from wgmon_tui.diagnosis.verdict import Severity
    from wgmon_tui.fleet.records import Fleet, Server
    from wgmon_tui.fleet.secrets import Keyring
    from wgmon_tui.history.stamps import StampLedger
    from wgmon_tui.monitor.board import Round
    from wgmon_tui.monitor.engine import Engine

_BORROWED_KEY = (
    "if a real client uses this file's key, this check has just moved its endpoint here; "
    "make a key for monitoring with `wgmon-tui keygen NAME`"
)
_CHECKS_AT_ONCE = 256
_DEMO_ROUNDS = 3


def dashboard(arguments: argparse.Namespace) -> int:
    """The dashboard, or its table where the output is no terminal."""
    fleet, keyring = _load(arguments.config)
    with _stamps(arguments.state) as stamps:
        engine = _engine(fleet, keyring, stamps)
        if not _on_terminal():
            return asyncio.run(_tables(engine, rounds=1, ascii_only=arguments.ascii or _ascii_output()))
        return asyncio.run(_show(engine, arguments, title=str(arguments.config)))


def demo(arguments: argparse.Namespace) -> int:
    """The dashboard on the embedded lab; three tables where the output is no terminal."""
    from tempfile import TemporaryDirectory

    from wgmon_tui.fleet.secrets import open_keyring
    from wgmon_tui.lab.demo import Demo

    lab = Demo()
    keyring = open_keyring(lab.fleet, Path())
    with TemporaryDirectory(prefix="wgmon-tui-") as state, _stamps(Path(state)) as stamps:
        engine = _engine(lab.fleet, keyring, stamps)

        async def run() -> int:
            await lab.start()
            try:
                if _on_terminal():
                    return await _show(engine, arguments, title="demo")
                return await _tables(
                    engine, rounds=_DEMO_ROUNDS, ascii_only=arguments.ascii or _ascii_output()
                )
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


def _engine(fleet: Fleet, keyring: Keyring, stamps: StampLedger) -> Engine:
    from wgmon_tui.monitor.engine import Engine
    from wgmon_tui.probe.prober import Prober
    from wgmon_tui.probe.targets import join

    engine = Engine(Prober(stamps=stamps.next, ahead_s=stamps.ahead_s))
    targets = join(fleet, keyring)
    engine.watch(fleet.servers, targets.ready, targets.problems)
    return engine


async def _show(engine: Engine, arguments: argparse.Namespace, title: str) -> int:
    from wgmon_tui.tui.app import WgmonApp

    app = WgmonApp(engine, title=title, ascii_only=arguments.ascii, theme=arguments.theme)
    loop = asyncio.get_running_loop()
    for ended_by in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(ended_by, partial(app.exit, None, 128 + ended_by))
    await app.run_async(mouse=not arguments.no_mouse)
    return app.return_code or 0


async def _tables(engine: Engine, rounds: int, ascii_only: bool) -> int:
    """The board as text after each of so many rounds of the whole fleet."""
    from wgmon_tui.report.table import table, totals

    looks = dict.fromkeys(engine.board.rows, 0)
    if not looks:
        print("No servers yet.")
        return 0
    looked = asyncio.Event()

    def count(row: object, _: Round) -> None:
        name = row.server.name  # type: ignore[attr-defined]
        looks[name] += 1
        looked.set()

    engine.listen(count)
    running = asyncio.create_task(engine.run())
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
