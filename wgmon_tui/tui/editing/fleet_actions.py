"""Actions that change servers.toml: new, edit, duplicate, delete, undo, import, external editor.

Screens that show servers inherit from `FleetActions`. Forms and file writers are imported on first use, so
that the first screen is painted without them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path

from textual.events import Paste
from textual.screen import Screen

from wgmon_tui.tui.context import AppContext

FLEET_ACTIONS = frozenset(
    {"add_first", "new", "edit", "duplicate", "delete", "undo", "import_files", "identities", "edit_file"}
)
_SINGLE_SERVER_ACTIONS = frozenset({"edit", "duplicate"})
_WITHOUT_FILE = {
    "add_first": "add servers",
    "new": "add servers",
    "edit": "edit servers",
    "duplicate": "copy servers",
    "delete": "delete servers",
    "undo": "delete servers, so there is nothing to restore",
    "import_files": "import servers",
    "identities": "show identities",
    "edit_file": "open a file",
}
"""What cannot be done without a servers.toml, as in the demo."""


class FleetActions(Screen[None]):
    """Base class of screens from which servers.toml can be changed."""

    app: AppContext

    def target_servers(self) -> Sequence[str]:
        """The names of the servers that an action changes."""
        raise NotImplementedError

    def current_server(self) -> str | None:
        """The server that can be edited here."""
        return next(iter(self.target_servers()), None)

    def can_change_fleet(self, action: str) -> bool:
        """Whether an action of `FLEET_ACTIONS` would do something now."""
        if self.app.config_dir is None:
            return False
        if action == "add_first":
            engine = self.app.engine
            return not engine.fleet_state.states and not engine.status and engine.loading is None
        if action in _SINGLE_SERVER_ACTIONS:
            return self.current_server() is not None
        if action == "delete":
            return bool(self.target_servers())
        return self.app.deleted is not None if action == "undo" else True

    def explain_no_server(self) -> str:
        """Why no server is selected."""
        return "No server is selected"

    def explain_refusal(self, action: str) -> str:
        """Why an action of `FLEET_ACTIONS` is refused now."""
        if self.app.config_dir is None and action in _WITHOUT_FILE:
            return f"The demo cannot {_WITHOUT_FILE[action]}: it has no servers.toml"
        return "Nothing was deleted that could be restored" if action == "undo" else self.explain_no_server()

    def action_add_first(self) -> None:
        """Open the form with three fields for a first server."""
        from wgmon_tui.tui.editing.first_server import add_first_server

        self._run_edit(partial(add_first_server, self.app))

    def action_new(self) -> None:
        """Open the form for a new server."""
        self._open_form(None)

    def action_edit(self) -> None:
        """Open the form for the current server."""
        self._open_form(self.current_server())

    def action_duplicate(self) -> None:
        """Open the form for a new server that starts as a copy of the current one."""
        self._open_form(self.current_server(), copied=True)

    def action_delete(self) -> None:
        """Ask, then delete the servers from the file."""
        from wgmon_tui.tui.editing.operations import delete

        names = tuple(self.target_servers())

        async def delete_them(config_dir: Path) -> None:
            await delete(self.app, config_dir, names)
            self.refresh_bindings()

        self._run_edit(delete_them)

    def action_undo(self) -> None:
        """Undo the last deletion."""
        from wgmon_tui.tui.editing.operations import undo

        self._run_edit(lambda _: undo(self.app))

    def action_edit_file(self) -> None:
        """Open servers.toml in an external editor."""
        from wgmon_tui.tui.editing.external_editor import edit_servers_file

        self._run_edit(lambda config_dir: edit_servers_file(self.app, config_dir))

    def action_import_files(self) -> None:
        """Open the import screen for wg-quick files."""
        self._open_import()

    def action_identities(self) -> None:
        """Open the screen of identities."""
        from wgmon_tui.tui.editing.identities_screen import IdentitiesScreen

        if self.app.config_dir:
            self.app.push_screen(IdentitiesScreen(self.app.config_dir))

    def on_paste(self, event: Paste) -> None:
        """Open the import screen with a pasted wg-quick file, or with share links."""
        from wgmon_tui.config.imports.pasted_text import is_share_link
        from wgmon_tui.config.imports.wg_quick_parser import is_importable_text

        if self.app.config_dir and (is_importable_text(event.text) or is_share_link(event.text)):
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
