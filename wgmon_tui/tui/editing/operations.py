"""Operations on servers.toml that the screens share: open a form, delete, undo."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from wgmon_tui.config.control_planes import TABLE as PLANE
from wgmon_tui.config.control_planes import explain_node
from wgmon_tui.config.protocol_settings import known_protocols
from wgmon_tui.config.server_edits import DeletedServer, delete_servers, restore
from wgmon_tui.config.servers_file import NAME, explain_not_writable, read
from wgmon_tui.text import FEW, format_list
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.file_operation import run_file_operation
from wgmon_tui.tui.editing.server_form import ServerForm
from wgmon_tui.tui.keys.keymap import key_of


def ensure_writable(app: AppContext) -> bool:
    """Whether this account may write servers.toml. If not, show why."""
    if app.read_only:
        app.show_read_only_notice("a change of servers.toml")
        return False
    refusal = explain_not_writable(app.config_dir) if app.config_dir else "There is no servers.toml here"
    if refusal:
        app.show_error(refusal)
    return refusal is None


def is_node(app: AppContext, names: Sequence[str]) -> bool:
    """Whether one of these is a node that a rule watches. Then a notice says how to change the rule."""
    states = app.engine.fleet_state.states
    for name in names:
        if (state := states.get(name)) and state.server.control_plane:
            app.show_error(explain_node(state.server))
            return True
    return False


async def open_form(app: AppContext, config_dir: Path, name: str | None, *, copied: bool = False) -> None:
    """Open a form for the server `name`, or for a new server. With `copied`, start from that server."""
    if name is not None and is_node(app, [name]):
        return
    stored = await run_file_operation(app, partial(read, config_dir))
    if stored is None:
        return
    server = stored.fleet.server(name) if name is not None else None
    if name is not None and server is None:
        app.show_error(f"{name} is no longer in servers.toml")
        return
    if server is not None and server.protocol not in known_protocols():
        app.show_error(f"{name} is a control plane: edit its [[{PLANE}]] in {config_dir / NAME}")
        return
    changed = await app.push_screen_wait(ServerForm(config_dir, stored.fleet, server, copied=copied))
    if changed is not None:
        _report(app, f"Saved {changed.server.name}", changed.lines)


async def delete(app: AppContext, config_dir: Path, names: Sequence[str]) -> None:
    """Ask, then delete these servers from the file."""
    if is_node(app, names):
        return
    question = ConfirmDialog(
        f"Delete {format_list(names, most=FEW)}? History and key files are kept.",
        yes=f"delete ({_undo_hint(app)})",
        neither="keep",
    )
    if not await app.push_screen_wait(question):
        return
    deleted = await run_file_operation(app, partial(delete_servers, config_dir, names))
    if deleted is not None:
        report_deleted(app, deleted)


def report_deleted(app: AppContext, deleted: DeletedServer) -> None:
    """Show what was deleted, and keep it for `undo`."""
    app.deleted = deleted
    _report(app, f"Deleted {deleted.names}; {_undo_hint(app)}", deleted.lines)


def _report(app: AppContext, done: str, lines: Sequence[str]) -> None:
    """Show what was done. What else happened to the file stays until a key is pressed."""
    if lines:
        app.show_error(done, *lines)
    else:
        app.show_notice(done)


def _undo_hint(app: AppContext) -> str:
    return f"press {key_of('undo', app.actions)} to undo"


async def undo(app: AppContext) -> None:
    """Restore the last deletion."""
    deleted, config_dir = app.deleted, app.config_dir
    if deleted is None or config_dir is None:
        return
    lines = await run_file_operation(app, partial(restore, config_dir, deleted))
    if lines is not None:
        app.deleted = None
        _report(app, f"Restored {deleted.names}", lines)
