"""Identities screen: the key pairs used for checks, the servers that use them, and their [Peer] sections."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from wgmon_tui.config.imports.new_identity import public_keys, stanza
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity
from wgmon_tui.config.server_edits import delete_identity, reject_if_used
from wgmon_tui.config.servers_file import read
from wgmon_tui.text import format_count
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.file_operation import run_file_operation
from wgmon_tui.tui.editing.operations import ensure_writable, report_deleted, undo
from wgmon_tui.tui.editing.peer_stanza import copy_stanza
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.line_list import LineList, ListLine
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.status_line import StatusLine

_WIDEST_NAME = 20
_USED_WIDTH = 11
_NEEDS_ONE = frozenset({"edit", "delete", "copy"})


class IdentitiesScreen(Screen[None]):
    """The identities of the servers.toml in `config_dir`."""

    app: AppContext
    ACTIONS_OF = "identities"
    AUTO_FOCUS = ""
    BINDINGS = bindings_for("identities")
    DEFAULT_CSS = """
    IdentitiesScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        LineList { height: 1fr; padding: 0 1; }
        #stanza { height: auto; max-height: 50%; padding: 1 1 0 1; }
    }
    """

    def __init__(self, config_dir: Path) -> None:
        super().__init__()
        self._config_dir = config_dir
        self._fleet = Fleet()
        self._public_keys: Mapping[str, PublicKey] = {}
        self._is_read = False

    def compose(self) -> ComposeResult:
        """Yield the list, the [Peer] section of the selected identity, and the key hints."""
        yield OutageBar()
        yield Static(Text("Identities", Style(bold=True)), id="heading")
        yield LineList(lambda: self.app.palette)
        yield Static(id="stanza", markup=False)
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Read servers.toml."""
        self._read_again()

    def on_screen_resume(self) -> None:
        """Read servers.toml again: a form may have changed it."""
        self._read_again()

    def _read_again(self) -> None:
        self.run_worker(self._read(), group="reading", exclusive=True)

    async def _read(self) -> None:
        def work() -> tuple[Fleet, Mapping[str, PublicKey]]:
            fleet = read(self._config_dir).fleet
            return fleet, public_keys(fleet, self._config_dir)

        found = await run_file_operation(self.app, work)
        if found is not None:
            self._fleet, self._public_keys = found
            self._is_read = True
            self._show()

    # Display

    def on_resize(self) -> None:
        """Redraw: lines are cut to the width."""
        self._show()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._show()
            self._show_stanza()

    def _show(self) -> None:
        if not self._is_read or not self.query(LineList):
            return  # the file is not read yet, or the screen was left meanwhile
        lines = [ListLine(self._line(identity), identity.name) for identity in self._fleet.identities]
        if not lines:
            key = key_of("new_identity", self.app.actions)
            said = f"No identity yet. Press {key} to create a key pair for monitoring."
            lines = [ListLine(Text(said, self.app.palette.muted))]
        self.query_one(LineList).show(lines)
        self.refresh_bindings()

    def _line(self, identity: Identity) -> Text:
        palette, glyphs = self.app.palette, self.app.glyphs
        users = sum(server.identity == identity.name for server in self._fleet.servers)
        used = format_count(users, "server") if users else "not used"
        addresses = ", ".join(str(each) for each in identity.addresses) or "no tunnel address"
        names = [cell_len(glyphs.clean(each.name)) for each in self._fleet.identities]
        width = min(_WIDEST_NAME, max(names))
        rest = max(0, self.size.width - width - _USED_WIDTH - 8)
        return Text.assemble(
            (fit(glyphs.clean(identity.name), width, glyphs), palette.text + Style(bold=True)),
            "  ",
            (fit(used, _USED_WIDTH, glyphs), palette.muted),
            "  ",
            (fit(addresses, rest, glyphs), palette.text),
        )

    def on_line_list_line_selected(self, event: LineList.LineSelected) -> None:
        """Show the [Peer] section of the selected identity."""
        self._show_stanza()

    def _show_stanza(self) -> None:
        palette, clean = self.app.palette, self.app.glyphs.clean
        section = self._stanza()
        said = Text()
        if section:
            said.append("Add this to the server's configuration:\n", palette.muted)
            said.append("\n".join(map(clean, section.splitlines())), palette.accent)
        elif identity := self._chosen:
            said.append(
                f"Cannot read the key of {clean(identity.name)}. Run: wgmon-tui doctor", palette.muted
            )
        self.query_one("#stanza", Static).update(said)

    def on_line_list_line_opened(self, event: LineList.LineOpened) -> None:
        """Edit the identity on a double click."""
        self.action_edit()

    @property
    def _chosen(self) -> Identity | None:
        return self._fleet.identity(self.query_one(LineList).cursor or "")

    def _stanza(self) -> str | None:
        identity = self._chosen
        key = self._public_keys.get(identity.name) if identity else None
        return stanza(identity, key) if identity and key else None

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide keys that would do nothing now."""
        if not self.is_mounted:
            return True
        if action in _NEEDS_ONE:
            return self._chosen is not None and (action != "copy" or self._stanza() is not None)
        return self.app.deleted is not None if action == "undo" else True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        if action == "undo":
            return "Nothing was deleted that could be restored"
        identity = self._chosen
        if identity is None:
            return f"No identity yet. Press {key_of('new_identity', self.app.actions)} to create one."
        return f"The key of {identity.name} cannot be read, so its section is not known"

    def action_back(self) -> None:
        """Return to the previous screen."""
        self.dismiss()

    def action_up(self) -> None:
        """Move up."""
        self.query_one(LineList).up()

    def action_down(self) -> None:
        """Move down."""
        self.query_one(LineList).down()

    def action_first(self) -> None:
        """Move to the first identity."""
        self.query_one(LineList).first()

    def action_last(self) -> None:
        """Move to the last identity."""
        self.query_one(LineList).last()

    def action_page_up(self) -> None:
        """Move up by a page."""
        self.query_one(LineList).page_up()

    def action_page_down(self) -> None:
        """Move down by a page."""
        self.query_one(LineList).page_down()

    def action_new(self) -> None:
        """Open the form for a new identity."""
        self._open_form(None)

    def action_edit(self) -> None:
        """Open the form for the selected identity."""
        if self._chosen is not None:
            self._open_form(self._chosen)

    def _open_form(self, identity: Identity | None) -> None:
        from wgmon_tui.tui.editing.identity_form import IdentityForm

        if ensure_writable(self.app):
            self.app.push_screen(IdentityForm(self._config_dir, self._fleet, identity))

    def action_copy(self) -> None:
        """Copy the [Peer] section of the selected identity."""
        identity, section = self._chosen, self._stanza()
        if identity and section:
            copy_stanza(self.app, identity.name, section)

    def action_delete(self) -> None:
        """Ask, then delete the identity from the file, unless servers use it."""
        identity = self._chosen
        if identity is not None and ensure_writable(self.app):
            self.run_worker(self._delete(identity), group="editing")

    async def _delete(self, identity: Identity) -> None:
        try:
            reject_if_used(self._fleet, identity.name)
        except ConfigurationError as error:
            self.app.show_error(str(error))
            return
        question = ConfirmDialog(
            f"Delete the identity {identity.name}? Its key file is kept.", yes="delete it", neither="keep it"
        )
        if not await self.app.push_screen_wait(question):
            return
        deleted = await run_file_operation(
            self.app, partial(delete_identity, self._config_dir, identity.name)
        )
        if deleted is not None:
            report_deleted(self.app, deleted)
            await self._read()

    def action_undo(self) -> None:
        """Undo the last deletion."""
        self.run_worker(self._undo(), group="editing")

    async def _undo(self) -> None:
        await undo(self.app)
        await self._read()
