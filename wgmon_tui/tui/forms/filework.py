"""What the screens do with servers.toml when they are asked to: open a form, delete, put back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from wgmon_tui.fleet.editing import Deleted, delete_servers, restore
from wgmon_tui.fleet.servers_file import read, why_not_writable
from wgmon_tui.text import FEW, format_list
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.forms.attempt import SAID_FOR_S, attempted
from wgmon_tui.tui.forms.question import Question
from wgmon_tui.tui.forms.server import ServerForm
from wgmon_tui.tui.keymap import key_of


def may_change(app: AppContext) -> bool:
    """Whether this account may write servers.toml; where not, it is told."""
    refusal = why_not_writable(app.config_dir) if app.config_dir else "There is no servers.toml here"
    if refusal:
        app.say(refusal, seconds=SAID_FOR_S)
    return refusal is None


async def open_form(app: AppContext, config_dir: Path, name: str | None, *, copied: bool = False) -> None:
    """A form for the server of this name, or for a new one, which begins as that one where it is `copied`."""
    stored = await attempted(app, partial(read, config_dir))
    if stored is None:
        return
    server = stored.fleet.server(name) if name is not None else None
    if name is not None and server is None:
        app.say(f"{name} is no longer in servers.toml", seconds=SAID_FOR_S)
        return
    changed = await app.push_screen_wait(ServerForm(config_dir, stored.fleet, server, copied=copied))
    if changed is not None:
        app.say(f"Saved {changed.server.name}", *changed.lines, seconds=SAID_FOR_S if changed.lines else 2)


async def delete(app: AppContext, config_dir: Path, names: Sequence[str]) -> None:
    """Ask, and take these servers out of the file."""
    question = Question(
        f"Delete {format_list(names, most=FEW)}? The history stays, and so do key files.",
        yes=f"delete; {_way_back(app)}",
        neither="keep",
    )
    if not await app.push_screen_wait(question):
        return
    deleted = await attempted(app, partial(delete_servers, config_dir, names))
    if deleted is not None:
        tell_deleted(app, deleted)


def tell_deleted(app: AppContext, deleted: Deleted) -> None:
    """Say what is gone, and keep it for `undo`."""
    app.deleted = deleted
    app.say(f"Deleted {deleted.names}; {_way_back(app)}", *deleted.lines, seconds=SAID_FOR_S)


def _way_back(app: AppContext) -> str:
    return f"{key_of('undo', app.actions)} brings it back"


async def undo(app: AppContext) -> None:
    """Put back what was deleted last."""
    deleted, config_dir = app.deleted, app.config_dir
    if deleted is None or config_dir is None:
        return
    lines = await attempted(app, partial(restore, config_dir, deleted))
    if lines is not None:
        app.deleted = None
        app.say(f"{deleted.names} {'is' if _is_one(deleted) else 'are'} back", *lines, seconds=SAID_FOR_S)


def _is_one(deleted: Deleted) -> bool:
    return len(deleted.servers) + len(deleted.identities) == 1
