"""The dashboard, and the command `demo`: the same dashboard on the embedded lab."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, colour_option, display_options
from wgmon_tui.cli.commands_to_type import command_in
from wgmon_tui.cli.loading import (
    load_fleet,
    no_servers_message,
    print_owners,
    read_checked_config,
    require_directory,
)
from wgmon_tui.cli.progress import progress_line
from wgmon_tui.cli.terminal import show_progress
from wgmon_tui.cli.terminal_restore import terminal_restored_if_killed
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.deferred_modules import modules_deferred
from wgmon_tui.records import dataclasses_compiled_later
from wgmon_tui.shutdown import shutdown
from wgmon_tui.text import format_age

if TYPE_CHECKING:
    from wgmon_tui.checks.comparison import Finding
    from wgmon_tui.checks.prober_verdict import ProberVerdict
    from wgmon_tui.config.models import Fleet, Server
    from wgmon_tui.daemon.config_watcher import LoadedConfig
    from wgmon_tui.daemon.role import RoleManager
    from wgmon_tui.monitor.controller import FleetController
    from wgmon_tui.monitor.engine import Engine
    from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
    from wgmon_tui.store.history import History
    from wgmon_tui.terminal import Terminal
    from wgmon_tui.tui.context import AskServer

_DEMO_ROUNDS = 3
_LARGE_FILE = 256 * 1024
"""Size of servers.toml in bytes, about 1,000 servers, from which reading it is felt."""

_LARGEST_FILE = 16 << 20
"""A larger one is refused."""


def add_commands(subparsers: Subparsers) -> None:
    """Add `demo`. The dashboard itself runs without a command."""
    parser = subparsers.add_parser(
        "demo",
        parents=[display_options(suppressed=True), colour_option()],
        help="show the dashboard with built-in demo servers on loopback",
        description="Show the dashboard with built-in demo servers on loopback. "
        "Its history is deleted at the end.",
    )
    parser.set_defaults(run=demo)


def dashboard(arguments: argparse.Namespace) -> int:
    """Show the dashboard; print its table where the dashboard cannot be shown.

    If another process already writes the state directory, show the results of that process. With --read-only
    show what is stored, and never check.
    """
    from wgmon_tui.garbage_collection import collect_rarely, loaded_without_collection

    collect_rarely()
    with progress_line("start") as progress, loaded_without_collection(), modules_deferred():
        print_owners(arguments.config, arguments.state)
        reads_later = arguments.terminal.is_interactive and _is_slow_to_read(arguments.config)
        from wgmon_tui.daemon.role import RoleManager

        progress.show("reading the configuration")
        role_manager = RoleManager(
            arguments.config,
            arguments.state,
            arguments.shard,
            read_only=arguments.read_only,
            reads_later=reads_later,
        )
        if arguments.terminal.is_interactive:
            progress.show("loading the dashboard")
            _import_app()
    if role_manager.loaded is not None:  # a viewer does not read the directory
        try:
            require_directory(arguments.config)
        except ConfigurationError:
            role_manager.close()
            raise
    if not _can_show(arguments.terminal):
        return shutdown.run(_print_table_once(role_manager, arguments))
    ask_server = _ask_server(role_manager, lambda: role_manager.loaded, arguments.config)
    title, config = str(arguments.config), arguments.config
    code = shutdown.run(_run_app(role_manager, arguments, title, arguments.state, ask_server, config))
    if role_manager.load_error:
        raise role_manager.load_error
    return code


def _import_app() -> None:
    with dataclasses_compiled_later():
        import_module("textual.app")
    import_module("wgmon_tui.tui.app")


def _is_slow_to_read(config: Path) -> bool:
    """Whether servers.toml is so long that the dashboard should be painted before it is read.

    A command that prints a secret may ask for a passphrase, and needs the terminal for that.
    """
    from wgmon_tui.config import config_toml, servers_file
    from wgmon_tui.config.regular_files import read_regular

    try:
        if (config / servers_file.NAME).stat().st_size < _LARGE_FILE:
            return False
        texts = [
            read_regular(path, _LARGEST_FILE)[0]
            for path in (config / servers_file.NAME, config / config_toml.NAME)
            if path.is_file()
        ]
    except OSError:
        return False
    return not any(b"_command" in text for text in texts)


def demo(arguments: argparse.Namespace) -> int:
    """Show the dashboard on the embedded lab; print three tables where it cannot be shown."""
    from wgmon_tui.garbage_collection import loaded_without_collection

    can_show = _can_show(arguments.terminal)
    with loaded_without_collection(), modules_deferred():
        from wgmon_tui.lab.demo_fleet import DemoFleet
        from wgmon_tui.lab.demo_guests import explain_missing_addresses

        if can_show:
            _import_app()
    if note := explain_missing_addresses():
        show_progress(note)
    lab = DemoFleet()
    watch = _run_demo if can_show else _print_demo
    with _temporary_directory() as state:

        async def run() -> int:
            await lab.start()
            try:
                return await watch(arguments, lab.fleet, state)
            finally:
                await lab.stop()

        return shutdown.run(run())


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """A directory that is gone afterwards, also if a signal ends the process while it is made or removed."""
    from shutil import rmtree
    from tempfile import mkdtemp

    with ExitStack() as stack:
        with shutdown.deferred():
            directory = mkdtemp(prefix="wgmon-tui-")
            remove = partial(rmtree, directory, ignore_errors=True)
            stack.enter_context(shutdown.undone_if_killed(remove))
        stack.callback(remove)
        yield Path(directory)


def _can_show(terminal: Terminal) -> bool:
    """Return whether the dashboard can be shown. Say why not, unless the output is for a program."""
    if terminal.obstacle and terminal.is_output:
        show_progress(f"{terminal.obstacle}: this is a table instead of the dashboard")
    return terminal.is_interactive


async def _run_demo(arguments: argparse.Namespace, fleet: Fleet, state: Path) -> int:
    from wgmon_tui.daemon.demo.controller import NOTE, DemoController

    controller = DemoController(state, fleet)
    ask_server = _ask_server(controller, lambda: controller.loaded, Path())
    return await _run_app(controller, arguments, "demo", state, ask_server, history_note=NOTE)


async def _print_demo(arguments: argparse.Namespace, fleet: Fleet, state: Path) -> int:
    from wgmon_tui.daemon.config_watcher import load_from_fleet
    from wgmon_tui.daemon.writer_assembly import build_writer
    from wgmon_tui.lab.demo_guests import running_guests

    async with running_guests() as servers:
        whole = replace(fleet, servers=(*fleet.servers, *servers))
        writer = build_writer(state, load_from_fleet(whole), lock=None)
        await _print_tables(writer, writer.engine, _DEMO_ROUNDS, arguments)
    return 0


def _ask_server(
    controller: FleetController, loaded: Callable[[], LoadedConfig | None], config: Path
) -> AskServer:
    """Return the function that asks a server for its own view.

    A viewer holds neither the inspect commands nor the keys. It reads them on demand, if it has permission.
    """

    def ask_server(server: Server) -> tuple[Finding, ...]:
        from wgmon_tui.checks.comparison import ComparisonResult, Finding
        from wgmon_tui.doctor.server import inspect_and_compare

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
    from wgmon_tui.checks.prober_verdict import make_prober_verdict
    from wgmon_tui.doctor.server import verdict_from_round

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
    from wgmon_tui.child_processes import kill_all
    from wgmon_tui.config.paths import choices_path
    from wgmon_tui.config.tui_settings import TuiSettings
    from wgmon_tui.tui.app import WgmonApp
    from wgmon_tui.tui.choices import ChoicesFile, apply_choices
    from wgmon_tui.tui.fleet.columns import COLUMNS
    from wgmon_tui.tui.look import StartLook

    choices_file = ChoicesFile(choices_path(state))
    choices = choices_file.read()
    settings = TuiSettings()
    if config:
        settings = read_checked_config(config, runs_commands=False).face
    look = StartLook(settings, arguments.theme, arguments.low_bandwidth)
    settings = apply_choices(settings, choices, config, COLUMNS)
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
        terminal=arguments.terminal,
        read_only=arguments.read_only,
        is_first_run=config is not None and controller.loading is None and not controller.fleet_state.states,
        start_look=look,
        choices=choices,
        choices_file=None if arguments.read_only else choices_file,
    )
    shutdown.stop_with(app.exit)
    try:
        with terminal_restored_if_killed():
            await app.run_async(mouse=not arguments.no_mouse)
    finally:
        kill_all()  # or the end waits for threads, and they for commands that hang
    if app.fault is not None:
        raise app.fault
    return 0


def _open_history(state: Path) -> History:
    from wgmon_tui.store.history import History
    from wgmon_tui.store.store_version import STORE

    return History(state / STORE)


async def _print_table_once(role_manager: RoleManager, arguments: argparse.Namespace) -> int:
    """Print the fleet as text: after one check round, or from the store if another process writes it."""
    engine = role_manager.open()
    fleet_state = role_manager.fleet_state
    if engine:
        if not fleet_state.states:
            role_manager.close()
            raise ConfigurationError(no_servers_message(arguments.config / "servers.toml", arguments.config))
        await _print_tables(role_manager, engine, 1, arguments)
        return exit_code(fleet_state)
    async with role_manager.following_store():
        if fleet_state.states:
            _print_fleet(fleet_state, arguments)
        else:
            add = command_in(arguments.config, arguments.state, "add")
            print(f"No servers. To add one, type: {add} NAME ENDPOINT PUBLIC_KEY", flush=True)
        for line in filter(None, (f"{role_manager.status}{_age_of(fleet_state)}", role_manager.warning)):
            print(f"wgmon-tui: {line}", file=sys.stderr)
        return exit_code(fleet_state)


def _age_of(fleet_state: FleetState) -> str:
    """Return how old a table of stored results is, for the line about who checks."""
    states = fleet_state.states.values()
    oldest = min((each.last_check.at for each in states if each.last_check and not each.paused), default=None)
    return "" if oldest is None else f"; oldest result {format_age(time.time() - oldest)}"


def exit_code(fleet_state: FleetState) -> int:
    """Return the exit code of `probe` for the worst state or own check. Paused servers do not count."""
    from wgmon_tui.output.nagios import PluginState, state_of
    from wgmon_tui.output.text_table import printed_severity

    if not fleet_state.states:
        return PluginState.UNKNOWN.value
    counted = [each for each in fleet_state.states.values() if not each.paused]
    checks = [each.last.diagnosis.verdict.severity for each in counted if each.last]
    return state_of([*map(printed_severity, counted), *checks]).value


def _print_fleet(fleet_state: FleetState, arguments: argparse.Namespace) -> None:
    """Print the table and the totals, as wide as the terminal if there is one."""
    from wgmon_tui.cli.output_format import text_format
    from wgmon_tui.output.text_table import format_table, format_totals, printed_severity

    shown_as = text_format(arguments)
    print(format_table(fleet_state, shown_as))
    print(format_totals(map(printed_severity, fleet_state.states.values()), shown_as), flush=True)


async def _print_tables(
    controller: FleetController, engine: Engine, rounds: int, arguments: argparse.Namespace
) -> None:
    """Print the fleet as text after each of `rounds` check rounds of all servers."""
    import asyncio

    check_counts = {name: 0 for name, each in engine.fleet_state.states.items() if not each.paused}
    checked = asyncio.Event()

    def count(server_state: ServerState, outcome: Round | None, _: object) -> None:
        if outcome and server_state.server.name in check_counts:
            check_counts[server_state.server.name] += 1
            checked.set()

    engine.listen(count)
    running = asyncio.create_task(controller.run())
    try:
        for number in range(1, rounds + 1):
            with progress_line("start") as progress:
                while (done := sum(count >= number for count in check_counts.values())) < len(check_counts):
                    progress.count(done, len(check_counts), "server", "checked")
                    checked.clear()
                    waiting = asyncio.create_task(checked.wait())
                    await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
                    if running.done():
                        waiting.cancel()
                        running.result()
            _print_fleet(engine.fleet_state, arguments)
            if number < rounds:
                print()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
