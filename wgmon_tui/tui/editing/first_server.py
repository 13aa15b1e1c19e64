"""The way to a first server: the form with three fields, then its first check or the import of a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from wgmon_tui.config.new_server import AddedServer
from wgmon_tui.config.servers_file import read
from wgmon_tui.text import format_count
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.file_operation import run_file_operation
from wgmon_tui.tui.editing.first_check_screen import FirstCheckScreen
from wgmon_tui.tui.editing.first_server_form import FirstServerForm
from wgmon_tui.tui.editing.import_screen import ImportScreen


async def add_first_server(app: AppContext, config_dir: Path) -> None:
    """Ask for a server, or for a wg-quick file. Then show the first check, or the import."""
    stored = await run_file_operation(app, partial(read, config_dir))
    if stored is None:
        return
    if stored.fleet.servers:  # another process has added them, or they belong to another shard
        there = format_count(len(stored.fleet.servers), "server")
        app.show_error(f"servers.toml has {there}, but this process checks none of them")
        return
    result = await app.push_screen_wait(FirstServerForm(config_dir, stored.fleet))
    if isinstance(result, AddedServer):
        app.push_screen(FirstCheckScreen(result))
    elif result is not None:
        app.push_screen(ImportScreen(config_dir, result.text, result.path))
