"""Base class of form screens: validates while typing, saves with ctrl+s, asks before losing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Click, DescendantFocus, Key
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.imports.pasted_text import is_share_link
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, parse_pasted_conf
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.field_row import ChoiceInput, FieldRow, label
from wgmon_tui.tui.editing.fields import FieldSpec
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.status_line import StatusLine

R = TypeVar("R")


class MoreFieldsLine(Static, can_focus=True):
    """The line that shows or hides rarely used fields."""

    app: AppContext

    class MoreToggled(Message):
        """The line was clicked: show or hide the fields."""

        def __init__(self, line: MoreFieldsLine) -> None:
            super().__init__()
            self.line = line

    def __init__(self, count: int, in_use: int) -> None:
        super().__init__(markup=False)
        self._count = count
        self._in_use = in_use
        self.open = False

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Consume letters, so that `q` among the fields does not quit and lose the input."""
        return character is not None and character.isprintable()

    def on_key(self, event: Key) -> None:
        """Ignore letters."""
        if event.is_printable:
            event.stop()

    def on_click(self, event: Click) -> None:
        """Toggle the fields on a click."""
        self.post_message(self.MoreToggled(self))

    def render(self) -> Text:
        """Return the number of hidden fields, and how many are set."""
        palette = self.app.palette
        used = f", {self._in_use} set" if self._in_use else ""
        key = key_of("enter_field", self.app.actions)
        return Text.assemble(
            label("more", self.app, highlighted=self.has_focus),
            (
                f"{self._count} settings{used}; {key} to {'hide' if self.open else 'show'}",
                palette.muted,
            ),
        )


def priority_bindings() -> list[BindingType]:
    """The form's keys with priority over the focused widget: an input would consume Enter."""
    return [
        replace(binding, priority=True) for binding in bindings_for("form") if isinstance(binding, Binding)
    ]


class _FieldList(VerticalScroll, can_focus=False):
    """The fields. Moving the focus scrolls them."""


class FormScreen(Screen[R | None], Generic[R]):
    """A form with a `heading`. The result is the saved object, or None.

    A subclass builds the rows, validates them and saves them. The rows behind "more" are built when first
    shown: they are two thirds of the cost of a form.
    """

    app: AppContext
    ACTIONS_OF = "form"
    AUTO_FOCUS = ""
    BINDINGS = priority_bindings()
    DEFAULT_CSS = """
    FormScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        _FieldList { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
        #said { height: 2; padding: 0 1; }
        MoreFieldsLine { height: 1; }
    }
    """

    def __init__(self, heading: str, fields: Sequence[FieldSpec], in_use: int = 0) -> None:
        """`in_use` is the number of fields behind "more" that are set."""
        super().__init__()
        self._heading = heading
        self._fields = fields
        self._in_use = in_use
        self._rows = {field.row: self.new_row(field) for field in fields if not field.more}
        self._initial_texts = self._current_texts()
        self._validated_keys: set[str] = set()
        self._error: str | None = None
        self._saving = False

    # Overridden by subclasses

    def new_row(self, field: FieldSpec) -> FieldRow:
        """Build the row of a field, with its initial text."""
        raise NotImplementedError

    def problems(self) -> Mapping[str, str]:
        """The current problems, by field key."""
        raise NotImplementedError

    def open(self, row: FieldRow) -> bool:
        """Handle enter in this row. Returns False if enter does nothing special there."""
        return False

    async def write(self) -> R | None:
        """Save the form. Returns None if that failed, after `show_error` has shown why."""
        raise NotImplementedError

    # Display

    def compose(self) -> ComposeResult:
        """Yield heading, fields, message and key hints."""
        yield OutageBar(leave_first=True)
        more = sum(field.more for field in self._fields)
        yield Static(id="heading", markup=False)
        with _FieldList():
            yield from self._rows.values()
            if more:
                yield MoreFieldsLine(more, self._in_use)
        yield Static(id="said", markup=False)
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Focus the first editable field."""
        self._draw_heading()
        self.validate_fields()
        next(row for row in self._rows.values() if row.is_editable).start()

    def notify_style_update(self) -> None:
        """Redraw heading and message after a theme change. Each row redraws itself."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw_heading()
            self._show_message()

    def _draw_heading(self) -> None:
        palette = self.app.palette
        heading = Text(self._heading, palette.text + Style(bold=True))
        self.query_one("#heading", Static).update(heading.append(f"  {self.app.title}", palette.muted))

    def row(self, key: str) -> FieldRow:
        """The row of a field key."""
        return self._rows[key]

    def show_error(self, line: str) -> None:
        """Show why nothing was saved, until the focus moves."""
        self._error = line
        self._show_message()

    def parse_conf(self, pasted: str) -> WgQuickFile | None:
        """Parse a pasted wg-quick file. If it is invalid, show the error and return None."""
        if is_share_link(pasted):
            self.show_error("This is a share link: paste it on the fleet screen, or into the field link")
            return None
        try:
            return parse_pasted_conf(pasted)
        except ConfigurationError as error:
            self.show_error(str(error))
            return None

    def _show_message(self) -> None:
        palette, clean = self.app.palette, self.app.glyphs.clean
        row = self._focused_row
        if self._error is not None:
            message = Text(clean(self._error), palette.severity[Severity.DOWN])
        else:
            message = Text(clean(row.field.help) if row else "", palette.muted)
        self.query_one("#said", Static).update(message)

    @property
    def _focused_row(self) -> FieldRow | None:
        return next((row for row in self._rows.values() if row.has_focus_within), None)

    @property
    def is_changed(self) -> bool:
        """Whether there are unsaved changes."""
        return self._current_texts() != self._initial_texts or any(row.secret for row in self._rows.values())

    @property
    def unsaved(self) -> str:
        """What would be lost if the program ended now, as a clause; "" for nothing."""
        return "The changes in this form are not saved" if self.is_changed or self._saving else ""

    def _current_texts(self) -> dict[str, str]:
        return {key: row.text for key, row in self._rows.items()}

    def validate_fields(self) -> Mapping[str, str]:
        """Show and return the problems. An empty field that was not visited yet is not marked."""
        problems = self.problems()
        for key, row in self._rows.items():
            waiting = not row.text and not row.secret and key not in self._validated_keys
            problem = None if waiting else problems.get(key)
            row.show_problem(problem, still_typing=row.has_focus_within and key not in self._validated_keys)
        return problems

    # Events

    def on_input_changed(self, event: Input.Changed) -> None:
        """Validate while the user types."""
        event.stop()
        self.validate_fields()

    def on_choice_input_choice_changed(self, event: ChoiceInput.ChoiceChanged) -> None:
        """Validate the selection."""
        event.stop()
        self.validate_fields()

    def on_field_row_field_blurred(self, event: FieldRow.FieldBlurred) -> None:
        """Validate a field strictly once it lost the focus."""
        if not event.row.has_focus_within:
            self._validated_keys.add(event.row.field.row)
            self.validate_fields()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Show the help of the focused field."""
        self._error = None
        self._show_message()

    async def on_more_fields_line_more_toggled(self, event: MoreFieldsLine.MoreToggled) -> None:
        """Show or hide the fields of the line."""
        await self.show_more(not event.line.open)

    async def show_more(self, opened: bool) -> None:
        """Show or hide the rarely used fields."""
        line = self.query_one(MoreFieldsLine)
        line.open = opened
        line.refresh()
        missing = [field for field in self._fields if field.row not in self._rows]
        if opened and missing:
            rows = {field.row: self.new_row(field) for field in missing}
            self._rows |= rows
            self._initial_texts |= {key: row.text for key, row in rows.items()}
            await self.query_one(_FieldList).mount_all(rows.values())
            self.validate_fields()
        for row in self._rows.values():
            if row.field.more:
                row.display = opened

    async def show_fields(self, fields: Sequence[FieldSpec]) -> None:
        """Show other fields. What stands in those that remain is kept, and so is the focus."""
        focused = self._focused_row
        before, had_more = self._rows, any(each.field.more and each.display for each in self._rows.values())
        self._fields = fields
        shown = [field for field in fields if had_more or not field.more]
        self._rows = {field.row: self.new_row(field) for field in shown}
        initial = self._current_texts()
        for name, row in self._rows.items():
            if name in before:
                row.take(before[name])
        self._initial_texts = {
            **initial,
            **{key: self._initial_texts[key] for key in before if key in initial},
        }
        listed = self.query_one(_FieldList)
        await listed.remove_children()
        await listed.mount_all(row for row in self._rows.values() if not row.field.more)
        if hidden := sum(field.more for field in fields):
            line = MoreFieldsLine(hidden, self._in_use)
            line.open = had_more
            await listed.mount(line)
            await listed.mount_all(row for row in self._rows.values() if row.field.more)
        self.validate_fields()
        kept = self._rows.get(focused.field.row) if focused else None
        (kept or next(row for row in self._rows.values() if row.is_editable)).start()

    # Actions

    async def _wait_for_layout(self) -> None:
        """Wait until new fields are laid out, since focus order depends on positions."""
        done = asyncio.Event()
        self.call_after_refresh(done.set)
        await done.wait()

    async def action_next_field(self) -> None:
        """Focus the next field."""
        self.focus_next()

    async def action_previous_field(self) -> None:
        """Focus the previous field."""
        self.focus_previous()

    async def action_enter(self) -> None:
        """Open the focused item, or move to the next field."""
        if isinstance(self.focused, MoreFieldsLine):
            await self.show_more(not self.focused.open)
            await self._wait_for_layout()
        elif not (self._focused_row and self.open(self._focused_row)):
            self.focus_next()

    async def action_save(self) -> None:
        """Save the form, or focus the first invalid field."""
        await self._save_or_show()

    async def _save_or_show(self) -> None:
        if self._saving:
            return
        self._validated_keys.update(field.row for field in self._fields)
        problems = self.validate_fields()
        first = next((field for field in self._fields if field.row in problems), None)
        if first is not None:
            if first.more:
                await self.show_more(True)
                await self._wait_for_layout()
            self.row(first.row).start()
        elif problems:
            self.show_error(next(iter(problems.values())))
        else:
            self._saving = True
            self.run_worker(self._save(), group="editing")

    async def _save(self) -> None:
        # A fleet of thousands takes seconds to write.
        saving = self.app.glyphs.clean("Saving …")
        self.query_one("#said", Static).update(Text(saving, self.app.palette.muted))
        try:
            saved = await self.write()
        finally:
            self._saving = False
        if saved is not None:
            self.dismiss(saved)
        else:
            self._show_message()

    async def action_leave(self) -> None:
        """Leave the form. Asks if changes would be lost."""
        self._confirm_before(lambda: self.dismiss(None))

    def action_leave_program(self) -> None:
        """Quit the app. Asks if changes would be lost."""
        self._confirm_before(self.app.exit)

    def _confirm_before(self, leave: Callable[[], object]) -> None:
        def on_answer(answer: bool | None) -> None:
            if answer:
                leave()
            elif answer is False:
                self.run_worker(self._save_or_show(), group="editing")

        if self.is_changed:
            question = ConfirmDialog(
                "There are unsaved changes.",
                yes="leave without saving",
                no="save",
                neither="keep editing",
            )
            self.app.push_screen(question, on_answer)
        else:
            leave()
