"""First-run form: name, endpoint and public key of a first server. The program chooses the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from wgmon_tui.config.imports.conf_sources import CONF_SUFFIXES
from wgmon_tui.config.imports.new_identity import default_identity
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.monitoring_identity import identity_name_of_machine
from wgmon_tui.config.new_server import (
    AddedServer,
    NewServer,
    NewServerError,
    add_server,
    find_new_server_problems,
)
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.tui.editing.field_row import ConfPasted, FieldRow
from wgmon_tui.tui.editing.fields import SERVER_FIELDS, FieldSpec
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.text_style import TextStyle

_KEYS = ("name", "endpoint", "public_key")
_MARGINS = 3


@dataclass(frozen=True, slots=True)
class ConfSource:
    """A wg-quick file in place of the fields: its path, or its text, which holds a private key."""

    path: str = ""
    text: str = field(default="", repr=False)


class FirstServerForm(FormScreen[AddedServer | ConfSource]):
    """Form for a server of `fleet`. The result is the added server, or a file to import."""

    DEFAULT_CSS = """
    FirstServerForm {
        #about { height: auto; margin: 1 0 0 0; }
    }
    """

    def __init__(self, config_dir: Path, fleet: Fleet) -> None:
        self._config_dir = config_dir
        self._fleet = fleet
        super().__init__("Your first server", [each for each in SERVER_FIELDS if each.key in _KEYS])

    def on_mount(self) -> None:
        """Say below the fields what will be created."""
        super().on_mount()
        self.query_one(VerticalScroll).mount(Static(id="about", markup=False))
        self._draw_about()

    def on_resize(self) -> None:
        """Redraw: text is wrapped to the width."""
        self._draw_about()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw_about()

    def _draw_about(self) -> None:
        for about in self.query("#about").results(Static):
            about.update(self._about())

    def _about(self) -> Text:
        app = self.app
        style = TextStyle(app.palette, app.glyphs, app.size.width - _MARGINS)
        leave, enter = (key_of(name, app.actions) for name in ("leave", "enter_field"))
        identity = default_identity(self._fleet)
        checker = (
            f"Checks use the identity {identity.name}."
            if identity
            else f"This creates the identity {identity_name_of_machine()}: a key pair for monitoring."
        )
        lines = [
            f"{enter} in the last field adds the server. {checker}",
            f"Files: {shown(self._config_dir)}",
            f"To import a client's wg-quick file, paste its path into the first field. {leave}: other ways.",
        ]
        return Text("\n").join(text for line in lines for text in style.paragraph(line, app.palette.muted))

    def new_row(self, field: FieldSpec) -> FieldRow:
        """Build the row of a field."""
        return FieldRow(field, "", placeholder=field.example)

    def problems(self) -> Mapping[str, str]:
        """Validate with the rules of servers.toml."""
        if self._path:
            key = key_of("enter_field", self.app.actions)
            return {"name": f"this is a path, not a name; {key} imports the file"}
        return find_new_server_problems(self._fleet, self._entered)

    @property
    def _entered(self) -> NewServer:
        name, endpoint, public_key = (self.row(key).text.strip() for key in _KEYS)
        return NewServer(name, endpoint, public_key)

    @property
    def _path(self) -> str:
        """The path in the first field; "" if a name is there."""
        typed = self.row("name").text.strip()
        return typed if "/" in typed or typed.endswith(CONF_SUFFIXES) else ""

    def open(self, row: FieldRow) -> bool:
        """Import the file that was typed as a name, or add the server from the last field."""
        if row.field.key == "name" and self._path:
            self.dismiss(ConfSource(path=self._path))
            return True
        if row.field.key == _KEYS[-1]:
            self.run_worker(self.action_save(), group="editing")
            return True
        return False

    def on_conf_pasted(self, event: ConfPasted) -> None:
        """Import a pasted wg-quick file."""
        event.stop()
        self.dismiss(ConfSource(text=event.text))

    async def write(self) -> AddedServer | None:
        """Add the server, with an identity if there is none."""
        try:
            return await asyncio.to_thread(add_server, self._config_dir, self._entered)
        except NewServerError as error:
            key, problem = next(iter(error.problems.items()))
            self.show_error(problem if key in _KEYS else f"{key}: {problem}")
        except ConfigurationError as error:
            self.show_error(str(error))
        return None
