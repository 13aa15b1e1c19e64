"""The dashboard, and the command `demo`: the same dashboard on the embedded lab."""

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

from wgmon_tui.cli.arguments import Subparsers, display_options
from wgmon_tui.cli.loading import load_fleet, print_owners
from wgmon_tui.cli.terminal import is_interactive, is_output_ascii
from wgmon_tui.config.models import ConfigurationError

if TYPE_CHECKING:
    from wgmon_tui.config.models import Fleet, Server
    from wgmon_tui.daemon.config_watcher import LoadedConfig
    from wgmon_tui.daemon.role import RoleManager
    from wgmon_tui.monitor.controller import FleetController
    from wgmon_tui.monitor.engine import Engine
    from wgmon_tui.monitor.fleet_state import Round, ServerState
    from wgmon_tui.protocols.wireguard.prober_verdict import ProberVerdict
    from wgmon_tui.protocols.wireguard.server_view_comparison import Finding
    from wgmon_tui.store.history import History
    from wgmon_tui.tui.context import AskServer

_DEMO_ROUNDS = 3


def add_commands(subparsers: Subparsers) -> None:
    """Add `demo`. The dashboard itself runs without a command."""
    parser = subparsers.add_parser(
        "demo",
        parents=[display_options()],
        help="show the dashboard with built-in demo servers on loopback",
        description="Show the dashboard with built-in demo servers on loopback. "
        "Its history is deleted at the end.",
    )
    parser.set_defaults(run=demo)


def dashboard(arguments: argparse.Namespace) -> int:
    """Show the dashboard; print its table if the output is not a terminal.

    If another process already writes the state directory, show the results of that process.
    """
    from wgmon_tui.daemon.role import RoleManager

    print_owners(arguments.config, arguments.state)
    role_manager = RoleManager(arguments.config, arguments.state, arguments.shard)
    if not is_interactive():
        return asyncio.run(_print_table_once(role_manager, arguments.ascii or is_output_ascii()))
    ask_server = _ask_server(role_manager, lambda: role_manager.loaded, arguments.config)
    title, config = str(arguments.config), arguments.config
    return asyncio.run(_run_app(role_manager, arguments, title, arguments.state, ask_server, config))


def demo(arguments: argparse.Namespace) -> int:
    """Show the dashboard on the embedded lab; print three tables if the output is not a terminal."""
    from tempfile import TemporaryDirectory

    from wgmon_tui.lab.demo_fleet import DemoFleet

    lab = DemoFleet()
    watch = _run_demo if is_interactive() else _print_demo
    with TemporaryDirectory(prefix="wgmon-tui-") as state:

        async def run() -> int:
            await lab.start()
            try:
                return await watch(arguments, lab.fleet, Path(state))
            finally:
                await lab.stop()

        return asyncio.run(run())


async def _run_demo(arguments: argparse.Namespace, fleet: Fleet, state: Path) -> int:
    from wgmon_tui.daemon.demo.controller import NOTE, DemoController

    controller = DemoController(state, fleet)
    ask_server = _ask_server(controller, lambda: controller.loaded, Path())
    return await _run_app(controller, arguments, "demo", state, ask_server, history_note=NOTE)


async def _print_demo(arguments: argparse.Namespace, fleet: Fleet, state: Path) -> int:
    from wgmon_tui.daemon.config_watcher import load_from_fleet
    from wgmon_tui.daemon.writer import Writer

    writer = Writer(state, load_from_fleet(fleet), lock=None)
    return await _print_tables(writer, writer.engine, _DEMO_ROUNDS, arguments.ascii or is_output_ascii())


def _ask_server(
    controller: FleetController, loaded: Callable[[], LoadedConfig | None], config: Path
) -> AskServer:
    """Return the function that asks a server for its own view.

    A viewer holds neither the inspect commands nor the keys. It reads them on demand, if it has permission.
    """

    def ask_server(server: Server) -> tuple[Finding, ...]:
        from wgmon_tui.doctor.server import inspect_and_compare
        from wgmon_tui.protocols.wireguard.server_view_comparison import ComparisonResult, Finding

        loaded_config = loaded()
        try:
            fleet, keyring = (
                (loaded_config.fleet, loaded_config.keyring) if loaded_config else load_fleet(config)
            )
        except ConfigurationError as error:
            return (Finding(ComparisonResult.UNKNOWN, "servers.toml", str(error)),)
        server_state = controller.fleet_state.states.get(server.name)
        return inspect_and_compare(
            server, fleet, keyring, config, _prober_verdict(server_state) if server_state else None
        )

    return ask_server


def _prober_verdict(server_state: ServerState) -> ProberVerdict | None:
    """Return the prober's verdict from the fleet state. A verdict from another process has no addresses."""
    from wgmon_tui.doctor.server import verdict_from_round
    from wgmon_tui.protocols.wireguard.prober_verdict import make_prober_verdict

    if server_state.paused:
        return None
    if server_state.last:
        return verdict_from_round(server_state.last, server_state.since)
    return (
        make_prober_verdict(server_state.verdict, server_state.since or time.time())
        if server_state.verdict
        else None
    )


async def _run_app(
    controller: FleetController,
    arguments: argparse.Namespace,
    title: str,
    state: Path,
    ask_server: AskServer,
    config: Path | None = None,
    history_note: str = "",
) -> int:
    from wgmon_tui.config.tui_settings import TuiSettings
    from wgmon_tui.tui.app import WgmonApp
    from wgmon_tui.tui.theme.colour_depth import detect_depth

    settings = TuiSettings()
    if config:
        from wgmon_tui.config.config_toml import read_config

        settings = read_config(config, runs_commands=False).face
    app = WgmonApp(
        controller,
        title=title,
        ascii_only=arguments.ascii,
        theme=arguments.theme,
        ask_server=ask_server,
        open_history=partial(_open_history, state),
        history_note=history_note,
        state_dir=state,
        config_dir=config,
        settings=replace(settings, low_bandwidth=settings.low_bandwidth or arguments.low_bandwidth),
        depth=detect_depth(os.environ),
    )
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signal_number, partial(app.exit, None, 128 + signal_number))
    await app.run_async(mouse=not arguments.no_mouse)
    return app.return_code or 0


def _open_history(state: Path) -> History:
    from wgmon_tui.store.history import History
    from wgmon_tui.store.store_file import STORE

    return History(state / STORE)


async def _print_table_once(role_manager: RoleManager, ascii_only: bool) -> int:
    """Print the fleet as text: after one check round, or from the store if another process writes it."""
    from wgmon_tui.output.text_table import format_table, format_totals

    engine = role_manager.open()
    if engine and not role_manager.fleet_state.states:
        print("No servers yet. Type `wgmon-tui import FILE.conf`.")
        role_manager.close()
        return 0
    if engine:
        return await _print_tables(role_manager, engine, 1, ascii_only)
    async with role_manager.following_store():
        print(format_table(role_manager.fleet_state, ascii_only))
        print(
            format_totals(
                (server_state.severity for server_state in role_manager.fleet_state.states.values()),
                ascii_only,
            ),
            flush=True,
        )
        for line in filter(None, (role_manager.status, role_manager.warning)):
            print(f"wgmon-tui: {line}", file=sys.stderr)
    return 0


async def _print_tables(controller: FleetController, engine: Engine, rounds: int, ascii_only: bool) -> int:
    """Print the fleet as text after each of `rounds` check rounds of all servers."""
    from wgmon_tui.output.text_table import format_table, format_totals

    check_counts = dict.fromkeys(engine.fleet_state.states, 0)
    checked = asyncio.Event()

    def count(server_state: ServerState, outcome: Round | None, _: object) -> None:
        if outcome:
            check_counts[server_state.server.name] += 1
            checked.set()

    engine.listen(count)
    running = asyncio.create_task(controller.run())
    try:
        for number in range(1, rounds + 1):
            while min(check_counts.values()) < number:
                checked.clear()
                waiting = asyncio.create_task(checked.wait())
                await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    waiting.cancel()
                    running.result()
            print(format_table(engine.fleet_state, ascii_only))
            print(
                format_totals(
                    (server_state.severity for server_state in engine.fleet_state.states.values()), ascii_only
                ),
                flush=True,
            )
            if number < rounds:
                print()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return 0
