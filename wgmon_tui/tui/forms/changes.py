"""What changes the fleet from where it is seen: new, edit, duplicate, delete, undo, import, the editor.

The screens that show servers inherit this; it opens the forms, and says what came of them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.events import Paste
from textual.screen import Screen

from wgmon_tui.fleet.editing import Deleted, delete_servers, listed, restore
from wgmon_tui.fleet.servers_file import read, why_not_writable
from wgmon_tui.fleet.wgquick import looks_like_conf
from wgmon_tui.tui.forms.attempt import SAID_FOR_S, attempted
from wgmon_tui.tui.forms.question import Question
from wgmon_tui.tui.keymap import key_of

if TYPE_CHECKING:
    from wgmon_tui.tui.app import WgmonApp

CHANGES = frozenset({"new", "edit", "duplicate", "delete", "undo", "import_files", "identities", "edit_file"})
_OF_ONE = frozenset({"edit", "duplicate"})


def may_change(app: WgmonApp) -> bool:
    """Whether this account may write servers.toml; where not, it is told."""
    refusal = why_not_writable(app.config_dir) if app.config_dir else "There is no servers.toml here"
    if refusal:
        app.say(refusal, seconds=SAID_FOR_S)
    return refusal is None


async def undo(app: WgmonApp) -> None:
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


class ChangesFleet(Screen[None]):
    """A screen from which the fleet is changed."""

    app: WgmonApp

    def concerned(self) -> Sequence[str]:
        """The names of the servers that a change is about."""
        raise NotImplementedError

    def at_hand(self) -> str | None:
        """The one server that can be edited here."""
        return next(iter(self.concerned()), None)

    def offers_change(self, action: str) -> bool:
        """Whether one of CHANGES would do something now."""
        if self.app.config_dir is None:
            return False
        if action in _OF_ONE:
            return self.at_hand() is not None
        if action == "delete":
            return bool(self.concerned())
        return self.app.deleted is not None if action == "undo" else True

    def action_new(self) -> None:
        """A form for a new server."""
        self._start(lambda config_dir: self._open_form(config_dir, None))

    def action_edit(self) -> None:
        """A form for this one."""
        name = self.at_hand()
        self._start(lambda config_dir: self._open_form(config_dir, name))

    def action_duplicate(self) -> None:
        """A form for a new server that begins as this one."""
        name = self.at_hand()
        self._start(lambda config_dir: self._open_form(config_dir, name, copied=True))

    def action_delete(self) -> None:
        """Ask, and take them out of the file."""
        names = tuple(self.concerned())
        self._start(lambda config_dir: self._delete(config_dir, names))

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        self._start(lambda _: undo(self.app))

    def action_edit_file(self) -> None:
        """The whole file, in an editor."""
        from wgmon_tui.tui.forms.editor import edit_whole

        self._start(lambda config_dir: edit_whole(self.app, config_dir))

    def action_import_files(self) -> None:
        """Take servers from wg-quick files."""
        self._open_import()

    def action_identities(self) -> None:
        """The key pairs with which we check."""
        from wgmon_tui.tui.screens.identities import IdentitiesScreen

        if self.app.config_dir:
            self.app.push_screen(IdentitiesScreen(self.app.config_dir))

    def on_paste(self, event: Paste) -> None:
        """A wg-quick file that is pasted here is one to import."""
        if self.app.config_dir and looks_like_conf(event.text):
            event.stop()
            self._open_import(event.text)

    def _open_import(self, pasted: str = "") -> None:
        from wgmon_tui.tui.screens.import_conf import ImportScreen

        if self.app.config_dir and may_change(self.app):
            self.app.push_screen(ImportScreen(self.app.config_dir, pasted))

    def _start(self, work: Callable[[Path], Coroutine[None, None, None]]) -> None:
        if self.app.config_dir and may_change(self.app):
            self.run_worker(work(self.app.config_dir), group="editing")

    async def _open_form(self, config_dir: Path, name: str | None, *, copied: bool = False) -> None:
        from wgmon_tui.tui.forms.server import ServerForm

        stored = await attempted(self.app, partial(read, config_dir))
        if stored is None:
            return
        server = stored.fleet.server(name) if name is not None else None
        if name is not None and server is None:
            self.app.say(f"{name} is no longer in servers.toml", seconds=SAID_FOR_S)
            return
        form = ServerForm(config_dir, stored.fleet, server, copied=copied)
        changed = await self.app.push_screen_wait(form)
        if changed is not None:
            self.app.say(
                f"Saved {changed.server.name}", *changed.lines, seconds=SAID_FOR_S if changed.lines else 2
            )

    async def _delete(self, config_dir: Path, names: Sequence[str]) -> None:
        back = f"{key_of('undo', self.app.actions)} brings it back"
        question = Question(
            f"Delete {listed(names)}? The history stays, and so do key files.",
            yes=f"delete; {back}",
            neither="keep",
        )
        if not await self.app.push_screen_wait(question):
            return
        deleted = await attempted(self.app, partial(delete_servers, config_dir, names))
        if deleted is not None:
            self.app.deleted = deleted
            self.app.say(f"Deleted {deleted.names}; {back}", *deleted.lines, seconds=SAID_FOR_S)
            self.refresh_bindings()
