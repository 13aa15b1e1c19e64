"""Import screen: a path or pasted text of wg-quick files, the identity that checks, and a preview."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Paste
from textual.screen import Screen
from textual.widgets import Input, Static

from wgmon_tui.config.imports.conf_reading import ReadConfs, read_confs
from wgmon_tui.config.imports.new_identity import default_identity
from wgmon_tui.config.imports.pasted_text import is_share_link, read_pasted
from wgmon_tui.config.imports.wg_quick_import import ImportOptions, Preview, import_confs, preview
from wgmon_tui.config.imports.wg_quick_parser import is_importable_text
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.value_parsers import InvalidValueError, parse_name
from wgmon_tui.text import FEW, format_count, format_list
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.field_row import ChoiceInput, ConfPasted, Option, TextInput, label
from wgmon_tui.tui.editing.file_operation import run_file_operation
from wgmon_tui.tui.editing.import_preview import preview_lines, refusal_lines
from wgmon_tui.tui.editing.import_target import ImportTarget, read_import_target
from wgmon_tui.tui.editing.path_completer import PathCompleter
from wgmon_tui.tui.editing.path_completion import complete_path, path_completions, resolve_paths
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine

PASTED = "(pasted config)"
FILE_KEY = ""
"""Value of the choice for the key in the file: a name is never empty."""

_DEBOUNCE_S = 0.1
"""Delay before the preview, in seconds. Input that changes within it is still being typed."""

_STILL_READING = "Reading the files; press {key} when the preview is shown"

_BETWEEN_PROGRESS_S = 0.5

_MAX_COMPLETIONS = 12


class ImportScreen(Screen[None]):
    """Imports into the servers.toml of `config_dir`. It starts with a pasted config or a path, if given."""

    app: AppContext
    ACTIONS_OF = "import"
    AUTO_FOCUS = "#files"
    BINDINGS = bindings_for("import")
    DEFAULT_CSS = """
    ImportScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        #first-gap { height: 1; }
        .line { height: 1; margin: 0 1; }
        .label { width: 19; }
        TextInput, TextInput:focus {
            width: 1fr;
            height: 1;
            border: none;
            padding: 0;
            background: $panel;
            background-tint: transparent;
            &:ansi { background: ansi_default; }
        }
        ChoiceInput { width: 1fr; height: 1; background: $panel; }
        ProseView { height: 1fr; padding: 1 1 0 1; }
    }
    """

    def __init__(self, config_dir: Path, pasted: str = "", path: str = "") -> None:
        super().__init__()
        self._path = path
        self._config_dir = config_dir
        self._pasted = pasted
        self._file: ImportTarget | None = None
        self._read: ReadConfs | None = None
        """What the path line names; None until it is read."""
        self._preview: Preview | None = None
        self._previewed_options: ImportOptions | None = None
        self._refusal: tuple[str, Sequence[str]] | None = None
        self._offered_name = ""
        self._is_importing = False
        self._is_shown = False
        """Whether the preview is on the screen: nothing is imported that nobody could see."""
        self._done = 0

    def compose(self) -> ComposeResult:
        """Yield the fields, the preview and the key hints."""
        yield OutageBar(leave_first=True)
        yield Static(id="heading")
        yield Static(id="first-gap")
        with Horizontal(classes="line", id="files-line"):
            yield Static(classes="label")
            yield TextInput(
                PASTED if self._pasted else self._path,
                placeholder="e.g. ~/wg0.conf, a directory or a .zip; or paste a config",
                suggester=PathCompleter(),
                compact=True,
                select_on_focus=False,
                id="files",
            )
        with Horizontal(classes="line", id="identity-line"):
            yield Static(classes="label")
            yield ChoiceInput([(FILE_KEY, "")], FILE_KEY)
        with Horizontal(classes="line", id="name-line"):
            yield Static(classes="label")
            yield TextInput(compact=True, select_on_focus=False, id="name")
        with ProseView():
            yield Static(id="preview")
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Draw the heading, and read servers.toml for the preview."""
        self._show_fields(False)
        self._draw()
        self._refresh_preview()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw()
            self._show_preview()

    def on_descendant_focus(self) -> None:
        """Highlight the label of the field."""
        self._draw()

    def _draw(self) -> None:
        palette = self.app.palette
        heading = Text("Import wg-quick files", palette.text + Style(bold=True))
        self.query_one("#heading", Static).update(heading.append(f"  {self.app.title}", palette.muted))
        for words in ("files", "identity", "name"):
            line = self.query_one(f"#{words}-line", Horizontal)
            mark = label(words, self.app, highlighted=line.has_focus_within)
            line.query_one(".label", Static).update(mark)

    # Fields

    @property
    def _choice(self) -> ChoiceInput:
        return self.query_one(ChoiceInput)

    @property
    def _name_input(self) -> TextInput:
        return self.query_one("#name", TextInput)

    def _show_fields(self, visible: bool) -> None:
        """Show identity and name if there is something to import."""
        for line in ("#identity-line", "#name-line"):
            self.query_one(line).display = visible

    def on_input_changed(self, event: Input.Changed) -> None:
        """Update the preview while the user types."""
        if event.input.id == "files":
            if self._pasted and event.value == PASTED:
                return  # already being read: this event may arrive when its preview is on the screen
            self._pasted = ""
            self._read = self._preview = None
            self._refresh_preview()
        else:
            self._refresh_if_changed()

    def on_choice_input_choice_changed(self, event: ChoiceInput.ChoiceChanged) -> None:
        """Update the preview with the chosen identity."""
        self._refresh_if_changed()

    def _refresh_if_changed(self) -> None:
        """Update the preview unless it shows these options: the screen itself sets the fields too."""
        if self._options() != self._previewed_options:
            self._preview = None
            self._refresh_preview()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Import on enter."""
        self.action_take_in()

    def on_conf_pasted(self, event: ConfPasted) -> None:
        """Use a pasted config instead of a path."""
        self._use_pasted_text(event.text)

    def on_paste(self, event: Paste) -> None:
        """Use a pasted config if no field has the focus."""
        if is_importable_text(event.text) or is_share_link(event.text):
            self._use_pasted_text(event.text)

    def _use_pasted_text(self, text: str) -> None:
        self._pasted = text
        self._read = self._preview = None
        self.query_one("#files", TextInput).value = PASTED
        self._refresh_preview()

    # The preview

    def _refresh_preview(self) -> None:
        self.run_worker(self._update_preview(), group="preview", exclusive=True)

    async def _update_preview(self) -> None:
        await asyncio.sleep(_DEBOUNCE_S)
        line = self.query_one("#files", TextInput).value.strip()
        self._clear_preview()
        try:
            if self._file is None:
                self._file = await asyncio.to_thread(read_import_target, self._config_dir)
            if self._read is None and (self._pasted or line):
                with self._progress("read"):
                    self._read = await asyncio.to_thread(self._read_sources, line)
                self._offer_identity(self._read, self._file)
            if self._read is not None:
                await self._update_from(self._read, self._file)
        except (ConfigurationError, InvalidValueError) as error:
            self._refusal = str(error), await self._completions(line)
        self._show_fields(self._is_choice_useful)
        self._draw()
        self._show_preview()
        self.refresh_bindings()
        self._is_shown = self._preview is not None

    def _clear_preview(self) -> None:
        self._preview = self._refusal = self._previewed_options = None
        self._is_shown = False

    @property
    def _is_choice_useful(self) -> bool:
        """Whether identity or name can matter: there are servers to add, or faults that may concern a key."""
        return self._preview is not None and bool(self._preview.servers or self._preview.faults)

    async def _completions(self, line: str) -> list[str]:
        if self._pasted:
            return []
        found = await asyncio.to_thread(path_completions, line, Path.cwd())
        return [completion for completion in found if completion != line][:_MAX_COMPLETIONS]

    def _read_sources(self, line: str) -> ReadConfs:
        if self._pasted:
            return read_pasted(self._pasted)
        named = resolve_paths(line, Path.cwd())
        found = read_confs(named.paths, on_read=self._count_done)
        return ReadConfs((*found.items, *named.faults))

    def _count_done(self, count: int) -> None:
        """Note that so much is done; called in the thread that works."""
        self._done = count

    @contextmanager
    def _progress(self, verb: str) -> Iterator[None]:
        """Show twice a second how much is done. Most work ends before the first time."""
        self._done = 0

        def show() -> None:
            said = f"{format_count(self._done, 'file' if verb == 'read' else 'server')} {verb} so far"
            self.query_one("#preview", Static).update(Text(said, self.app.palette.muted))

        timer = self.set_interval(_BETWEEN_PROGRESS_S, show)
        try:
            yield
        finally:
            timer.stop()

    async def _update_from(self, found: ReadConfs, file: ImportTarget) -> None:
        """Preview what was read, as the fields say. Raises ConfigurationError, InvalidValueError."""
        make = partial(preview, found, self._config_dir, file.fleet, file.identity_keys)
        self._preview = await asyncio.to_thread(make, ImportOptions(self._choice.value or None))
        servers = self._preview.servers
        is_single = len(servers) == 1
        name = self._name_input
        name.disabled = not is_single
        name.placeholder = "" if is_single else "the names come from the files"
        suggested = servers[0].name if is_single else ""
        if suggested != self._offered_name:
            self._offered_name, name.value = suggested, suggested
        if name.value != suggested:
            self._check_name(name.value, file.fleet)
            self._preview = await asyncio.to_thread(make, self._options())
        self._previewed_options = self._options()

    def _options(self) -> ImportOptions:
        name = self._name_input.value
        renames = {self._offered_name: name} if self._offered_name and name != self._offered_name else {}
        return ImportOptions(self._choice.value or None, renames)

    def _check_name(self, name: str, fleet: Fleet) -> None:
        if fleet.server(parse_name(name)):
            raise InvalidValueError(f'another server has the name "{name}"')

    def _offer_identity(self, found: ReadConfs, file: ImportTarget) -> None:
        """Offer the identities; first one that exists, unless it has the key in the file."""
        keys = {conf.private_key.public for conf in found.confs if conf.private_key}
        options: list[Option] = [(each.name, each.name) for each in file.fleet.identities]
        if keys or not options:
            options.append((FILE_KEY, "the key in the file"))
        default = default_identity(file.fleet)
        is_known = bool(keys) and keys <= set(file.identity_keys.values())
        self._choice.set_options(options, FILE_KEY if is_known or default is None else default.name)

    def _show_preview(self) -> None:
        palette, glyphs = self.app.palette, self.app.glyphs
        if self._refusal:
            lines = refusal_lines(*self._refusal, palette, glyphs)
        else:
            fleet = self._file.fleet if self._file else Fleet()
            lines = preview_lines(self._preview, fleet, palette, glyphs, self.app.actions)
        self.query_one("#preview", Static).update(lines)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the import key until the preview has something to import."""
        return self._can_import if action == "take_in" else True

    def explain_refusal(self, _action: str) -> str:
        """Why nothing can be imported now."""
        if self._refusal:
            return self._refusal[0]
        if self.query_one("#files", TextInput).value.strip() and self._preview is None:
            return _STILL_READING.format(key=key_of("take_in", self.app.actions))
        return "There is nothing to import yet: the preview shows no server"

    @property
    def _can_import(self) -> bool:
        has_servers = self._preview is not None and bool(self._preview.servers)
        return has_servers and self._refusal is None

    def action_complete_path(self) -> None:
        """Complete the path as far as it is unambiguous; in another field, or at its end, go to the next."""
        entry = self.query_one("#files", TextInput)
        completed = complete_path(entry.value, Path.cwd()) if entry.has_focus else entry.value
        if completed == entry.value and (self._preview is not None or not entry.has_focus):
            self.focus_next()
        else:
            entry.value = completed
            entry.cursor_position = len(entry.value)

    def action_next_field(self) -> None:
        """Focus the next field."""
        self.focus_next()

    def action_previous_field(self) -> None:
        """Focus the previous field."""
        self.focus_previous()

    def action_page_down(self) -> None:
        """Scroll the preview down."""
        self.query_one(ProseView).page_down()

    def action_page_up(self) -> None:
        """Scroll the preview up."""
        self.query_one(ProseView).page_up()

    def action_leave(self) -> None:
        """Leave without importing."""
        self.dismiss()

    def action_take_in(self) -> None:
        """Import the previewed configs, once their preview is on the screen."""
        has_input = bool(self._pasted or self.query_one("#files", TextInput).value.strip())
        if has_input and self._refusal is None and not self._is_shown:
            self.app.show_notice(_STILL_READING.format(key=key_of("take_in", self.app.actions)))
        elif self._read is not None and self._can_import and not self._is_importing:
            self._is_importing = True
            self.run_worker(self._import(self._read, self._options()), group="editing")

    async def _import(self, found: ReadConfs, options: ImportOptions) -> None:
        work = partial(import_confs, found, self._config_dir, options, self._count_done)
        with self._progress("added"):
            report = await run_file_operation(self.app, work)
        self._is_importing = False
        if report is None:
            self._show_preview()
        else:
            added = format_list((server.name for server in report.added), most=FEW)
            said = f"Added {added}; checking now" if added else "Nothing new to import"
            if report.faults:
                files = dict.fromkeys(fault.source for fault in report.faults)
                said += f". Not imported: {format_list(files, most=FEW)}"
            self.dismiss()
            self.app.show_notice(said)
