"""The dashboard: on a fleet of one's own, and on the embedded lab."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.commands.arguments import Subparsers, face
from wgmon_tui.commands.fleet_files import load
from wgmon_tui.commands.terminal import ascii_output, on_terminal
from wgmon_tui.fleet.records import ConfigurationError

if TYPE_CHECKING:
    from wgmon_tui.diagnosis.inspection import Finding
    from wgmon_tui.diagnosis.our_verdict import OurVerdict
    from wgmon_tui.fleet.records import Fleet, Server
    from wgmon_tui.history.reading import History
    from wgmon_tui.monitor.board import Round, Row
    from wgmon_tui.monitor.engine import Engine
    from wgmon_tui.monitor.feed import Feed
    from wgmon_tui.service.reload import Loaded
    from wgmon_tui.service.station import Station
    from wgmon_tui.tui.context import AskServer

_DEMO_ROUNDS = 3


def add(subparsers: Subparsers) -> None:
    """`demo`; the dashboard itself is what runs without a command."""
    parser = subparsers.add_parser(
        "demo", parents=[face()], help="the dashboard on servers of its own, on loopback"
    )
    parser.set_defaults(run=demo)


def dashboard(arguments: argparse.Namespace) -> int:
    """The dashboard, or its table where the output is no terminal.

    Where another process writes the state directory already, of what that one finds.
    """
    from wgmon_tui.service.station import Station

    station = Station(arguments.config, arguments.state, arguments.shard)
    if not on_terminal():
        return asyncio.run(_table_once(station, arguments.ascii or ascii_output()))
    ask_server = _ask_server(station, lambda: station.loaded, arguments.config)
    title, config = str(arguments.config), arguments.config
    return asyncio.run(_show(station, arguments, title, arguments.state, ask_server, config))


def demo(arguments: argparse.Namespace) -> int:
    """The dashboard on the embedded lab; three tables where the output is no terminal."""
    from tempfile import TemporaryDirectory

    from wgmon_tui.lab.demo import Demo

    lab = Demo()
    watch = _watch_demo if on_terminal() else _list_demo
    with TemporaryDirectory(prefix="wgmon-tui-") as state:

        async def run() -> int:
            await lab.start()
            try:
                return await watch(arguments, lab.fleet, Path(state))
            finally:
                await lab.stop()

        return asyncio.run(run())


async def _watch_demo(arguments: argparse.Namespace, fleet: Fleet, state: Path) -> int:
    from wgmon_tui.service.demo import NOTE, DemoFeed

    feed = DemoFeed(state, fleet)
    ask_server = _ask_server(feed, lambda: feed.loaded, Path())
    return await _show(feed, arguments, "demo", state, ask_server, history_note=NOTE)


async def _list_demo(arguments: argparse.Namespace, fleet: Fleet, state: Path) -> int:
    from wgmon_tui.service.reload import loaded_from
    from wgmon_tui.service.writer import Writer

    writer = Writer(state, loaded_from(fleet), lock=None)
    return await _tables(writer, writer.engine, _DEMO_ROUNDS, arguments.ascii or ascii_output())


def _ask_server(feed: Feed, loaded: Callable[[], Loaded | None], config: Path) -> AskServer:
    """A viewer knows neither the commands nor the keys: it reads them, if it may, when it is asked."""

    def ask_server(server: Server) -> tuple[Finding, ...]:
        from wgmon_tui.diagnosis.inspection import Agreement, Finding
        from wgmon_tui.doctor.server import ask

        known = loaded()
        try:
            fleet, keyring = (known.fleet, known.keyring) if known else load(config)
        except ConfigurationError as error:
            return (Finding(Agreement.UNTOLD, "our file", str(error)),)
        row = feed.board.rows.get(server.name)
        return ask(server, fleet, keyring, config, _found(row) if row else None)

    return ask_server


def _found(row: Row) -> OurVerdict | None:
    """Our verdict as the board has it; one that another process found has no addresses with it."""
    from wgmon_tui.diagnosis.our_verdict import our_verdict
    from wgmon_tui.doctor.server import found_in

    if row.paused:
        return None
    if row.last:
        return found_in(row.last, row.since)
    return our_verdict(row.verdict, row.since or time.time()) if row.verdict else None


async def _show(
    feed: Feed,
    arguments: argparse.Namespace,
    title: str,
    state: Path,
    ask_server: AskServer,
    config: Path | None = None,
    history_note: str = "",
) -> int:
    from wgmon_tui.fleet.face_settings import FaceSettings
    from wgmon_tui.tui.app import WgmonApp
    from wgmon_tui.tui.depth import depth_of

    settings = FaceSettings()
    if config:
        from wgmon_tui.fleet.config_toml import read_config

        settings = read_config(config).face
    app = WgmonApp(
        feed,
        title=title,
        ascii_only=arguments.ascii,
        theme=arguments.theme,
        ask_server=ask_server,
        open_history=partial(_open_history, state),
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


def _open_history(state: Path) -> History:
    from wgmon_tui.history.reading import History
    from wgmon_tui.history.store import STORE

    return History(state / STORE)


async def _table_once(station: Station, ascii_only: bool) -> int:
    """The board as text: after one round of ours, or as another process that writes sees it."""
    from wgmon_tui.report.table import table, totals

    engine = station.open()
    if engine and not station.board.rows:
        print("No servers yet.")
        station.close()
        return 0
    if engine:
        return await _tables(station, engine, 1, ascii_only)
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
