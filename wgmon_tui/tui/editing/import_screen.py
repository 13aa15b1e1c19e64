"""Import screen: a path or pasted text of wg-quick files, a preview, and the import."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.events import Paste
from textual.screen import Screen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from wgmon_tui.config.imports.wg_quick_import import Preview, import_confs, preview, public_keys, read_conf
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, is_conf_text, parse_pasted_conf
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.servers_file import read
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.protocols.wireguard.keys import PublicKey
from wgmon_tui.text import FEW, format_list
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.field_row import ConfPasted, TextInput
from wgmon_tui.tui.editing.file_operation import ERROR_NOTICE_S, run_file_operation
from wgmon_tui.tui.editing.import_preview import preview_lines, refusal_lines
from wgmon_tui.tui.editing.path_completion import complete_path, path_completions, resolve_paths
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import ProseView

PASTED = "(pasted config)"
_DEBOUNCE_S = 0.1
"""Delay before the preview, in seconds. Input that changes within it is still being typed."""

_MAX_COMPLETIONS = 12


@dataclass(frozen=True, slots=True)
class _ServersFile:
    """The current servers.toml, and the public keys of its identities."""

    fleet: Fleet
    identity_keys: Mapping[str, PublicKey]


class _PathCompleter(Suggester):
    """Suggests a completion of the typed path."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        completions = await asyncio.to_thread(path_completions, value, Path.cwd())
        return completions[0] if completions else None


class ImportScreen(Screen[None]):
    """Imports into the servers.toml of `config_dir`. `pasted` is an optional pasted config."""

    app: AppContext
    ACTIONS_OF = "import"
    AUTO_FOCUS = "TextInput"
    BINDINGS = bindings_for("import")
    DEFAULT_CSS = """
    ImportScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        #line { height: 1; margin: 1 1; layout: horizontal; }
        #prompt { width: 8; }
        TextInput, TextInput:focus {
            width: 1fr;
            height: 1;
            border: none;
            padding: 0;
            background: $panel;
            background-tint: transparent;
            &:ansi { background: ansi_default; }
        }
        ProseView { height: 1fr; padding: 0 1; }
    }
    """

    def __init__(self, config_dir: Path, pasted: str = "") -> None:
        super().__init__()
        self._config_dir = config_dir
        self._pasted = pasted
        self._file: _ServersFile | None = None
        self._confs: tuple[WgQuickFile, ...] = ()
        self._preview: Preview | None = None
        self._refusal: tuple[str, Sequence[str]] | None = None
        self._importing = False

    def compose(self) -> ComposeResult:
        """Yield the input line, the preview and the key hints."""
        yield OutageBar(leave_first=True)
        yield Static(id="heading")
        with Static(id="line"):
            yield Static(id="prompt")
            yield TextInput(
                PASTED if self._pasted else "",
                placeholder="~/wg0.conf or /etc/wireguard/*.conf; or paste a config here",
                suggester=_PathCompleter(),
                compact=True,
                select_on_focus=False,
            )
        with ProseView():
            yield Static(id="preview")
        yield KeyHints()

    def on_mount(self) -> None:
        """Draw the heading, and read servers.toml for the preview."""
        self._draw_heading()
        self._refresh_preview()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw_heading()
            self._show_preview()

    def _draw_heading(self) -> None:
        palette = self.app.palette
        heading = Text("Import wg-quick files", palette.text + Style(bold=True))
        self.query_one("#heading", Static).update(heading.append(f"  {self.app.title}", palette.muted))
        mark = ">" if self.app.ascii_only else "▸"
        self.query_one("#prompt", Static).update(Text(f"{mark} files ", palette.accent))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Update the preview while the user types."""
        if event.value != PASTED:
            self._pasted = ""
        self._refresh_preview()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Import on enter."""
        self.action_take_in()

    def on_conf_pasted(self, event: ConfPasted) -> None:
        """Use a pasted config instead of a path."""
        self._use_pasted_text(event.text)

    def on_paste(self, event: Paste) -> None:
        """Use a pasted config if the input line does not have the focus."""
        if is_conf_text(event.text):
            self._use_pasted_text(event.text)

    def _use_pasted_text(self, text: str) -> None:
        self._pasted = text
        self.query_one(TextInput).value = PASTED
        self._refresh_preview()

    # The preview

    def _refresh_preview(self) -> None:
        self.run_worker(self._update_preview(), group="preview", exclusive=True)

    async def _update_preview(self) -> None:
        await asyncio.sleep(_DEBOUNCE_S)
        line = self.query_one(TextInput).value.strip()
        self._confs, self._preview, self._refusal = (), None, None
        try:
            if self._file is None:
                self._file = await asyncio.to_thread(self._read_file)
            if self._pasted:
                self._confs = (parse_pasted_conf(self._pasted),)
            elif line:
                self._confs = await asyncio.to_thread(_read_confs, line)
            if self._confs:
                self._preview = preview(
                    self._confs, self._config_dir, self._file.fleet, self._file.identity_keys
                )
        except (ConfigurationError, InvalidValueError) as error:
            completions = (
                await asyncio.to_thread(path_completions, line, Path.cwd()) if not self._pasted else []
            )
            completions = [completion for completion in completions if completion != line]
            self._refusal = str(error), completions[:_MAX_COMPLETIONS]
        self._show_preview()
        self.refresh_bindings()

    def _read_file(self) -> _ServersFile:
        fleet = read(self._config_dir).fleet
        return _ServersFile(fleet, public_keys(fleet, self._config_dir))

    def _show_preview(self) -> None:
        palette, glyphs = self.app.palette, self.app.glyphs
        if self._refusal:
            lines = refusal_lines(*self._refusal, palette, glyphs)
        else:
            lines = preview_lines(self._preview, self._confs, palette, glyphs, self.app.actions)
        self.query_one("#preview", Static).update(lines)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the import key until the preview has something to import."""
        if action == "take_in":
            return self._preview is not None and bool(self._preview.servers)
        return True

    def action_complete_path(self) -> None:
        """Complete the path as far as it is unambiguous."""
        entry = self.query_one(TextInput)
        entry.value = complete_path(entry.value, Path.cwd())
        entry.cursor_position = len(entry.value)

    def action_leave(self) -> None:
        """Leave without importing."""
        self.dismiss()

    def action_take_in(self) -> None:
        """Import the previewed configs."""
        if self._preview is not None and self._preview.servers and not self._importing:
            self._importing = True
            self.run_worker(self._import(self._confs), group="editing")

    async def _import(self, confs: tuple[WgQuickFile, ...]) -> None:
        report = await run_file_operation(self.app, partial(import_confs, confs, self._config_dir))
        self._importing = False
        if report is not None:
            added = format_list((server.name for server in report.added), most=FEW)
            self.dismiss()
            self.app.show_notice(
                f"Added {added}; checking now" if added else "Nothing new to import", seconds=ERROR_NOTICE_S
            )


def _read_confs(line: str) -> tuple[WgQuickFile, ...]:
    return tuple(read_conf(path) for path in resolve_paths(line, Path.cwd()))
