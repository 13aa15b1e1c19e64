"""What changes the fleet from where it is seen: new, edit, duplicate, delete, undo, import, the editor.

The screens that show servers inherit this. The forms, and what writes the files, are loaded when they are
asked for: the first screen is painted without them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from textual.events import Paste
from textual.screen import Screen

from wgmon_tui.tui.context import AppContext

FLEET_ACTIONS = frozenset(
    {"new", "edit", "duplicate", "delete", "undo", "import_files", "identities", "edit_file"}
)
_SINGLE_SERVER_ACTIONS = frozenset({"edit", "duplicate"})


class FleetActions(Screen[None]):
    """A screen from which the fleet is changed."""

    app: AppContext

    def target_servers(self) -> Sequence[str]:
        """The names of the servers that a change is about."""
        raise NotImplementedError

    def current_server(self) -> str | None:
        """The one server that can be edited here."""
        return next(iter(self.target_servers()), None)

    def can_change_fleet(self, action: str) -> bool:
        """Whether one of CHANGES would do something now."""
        if self.app.config_dir is None:
            return False
        if action in _SINGLE_SERVER_ACTIONS:
            return self.current_server() is not None
        if action == "delete":
            return bool(self.target_servers())
        return self.app.deleted is not None if action == "undo" else True

    def action_new(self) -> None:
        """A form for a new server."""
        self._open_form(None)

    def action_edit(self) -> None:
        """A form for this one."""
        self._open_form(self.current_server())

    def action_duplicate(self) -> None:
        """A form for a new server that begins as this one."""
        self._open_form(self.current_server(), copied=True)

    def action_delete(self) -> None:
        """Ask, and take them out of the file."""
        from wgmon_tui.tui.editing.operations import delete

        names = tuple(self.target_servers())

        async def delete_them(config_dir: Path) -> None:
            await delete(self.app, config_dir, names)
            self.refresh_bindings()

        self._run_edit(delete_them)

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        from wgmon_tui.tui.editing.operations import undo

        self._run_edit(lambda _: undo(self.app))

    def action_edit_file(self) -> None:
        """The whole file, in an editor."""
        from wgmon_tui.tui.editing.external_editor import edit_servers_file

        self._run_edit(lambda config_dir: edit_servers_file(self.app, config_dir))

    def action_import_files(self) -> None:
        """Take servers from wg-quick files."""
        self._open_import()

    def action_identities(self) -> None:
        """The key pairs with which we check."""
        from wgmon_tui.tui.editing.identities_screen import IdentitiesScreen

        if self.app.config_dir:
            self.app.push_screen(IdentitiesScreen(self.app.config_dir))

    def on_paste(self, event: Paste) -> None:
        """A wg-quick file that is pasted here is one to import."""
        from wgmon_tui.config.imports.wg_quick_parser import is_conf_text

        if self.app.config_dir and is_conf_text(event.text):
            event.stop()
            self._open_import(event.text)

    def _open_import(self, pasted: str = "") -> None:
        from wgmon_tui.tui.editing.import_screen import ImportScreen
        from wgmon_tui.tui.editing.operations import ensure_writable

        if self.app.config_dir and ensure_writable(self.app):
            self.app.push_screen(ImportScreen(self.app.config_dir, pasted))

    def _open_form(self, name: str | None, *, copied: bool = False) -> None:
        from wgmon_tui.tui.editing.operations import open_form

        self._run_edit(lambda config_dir: open_form(self.app, config_dir, name, copied=copied))

    def _run_edit(self, work: Callable[[Path], Coroutine[None, None, None]]) -> None:
        from wgmon_tui.tui.editing.operations import ensure_writable

        if self.app.config_dir and ensure_writable(self.app):
            self.run_worker(work(self.app.config_dir), group="editing")
