"""The screen around fields: judges while one types, saves with ctrl+s, leaves with esc and loses nothing."""

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
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, parse_pasted_conf
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.field_row import ChoiceInput, FieldRow, label
from wgmon_tui.tui.editing.fields import FieldSpec
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.scrollbar import WholeCellScrollbar

R = TypeVar("R")


class MoreFieldsLine(Static, can_focus=True):
    """The line behind which the fields are that are seldom needed."""

    app: AppContext

    class MoreToggled(Message):
        """Open it, or close it."""

        def __init__(self, line: MoreFieldsLine) -> None:
            super().__init__()
            self.line = line

    def __init__(self, count: int, in_use: int) -> None:
        super().__init__(markup=False)
        self._count = count
        self._in_use = in_use
        self.open = False

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Among fields no letter is a key of the program: `q` would quit with all that was written."""
        return character is not None and character.isprintable()

    def on_key(self, event: Key) -> None:
        """Take letters, and do nothing with them."""
        if event.is_printable:
            event.stop()

    def on_click(self, event: Click) -> None:
        """The mouse opens it too."""
        self.post_message(self.MoreToggled(self))

    def render(self) -> Text:
        """How many there are, and how many say something."""
        palette = self.app.palette
        used = f", {self._in_use} of them set" if self._in_use else ""
        key = key_of("enter_field", self.app.actions)
        return Text.assemble(
            label("more", self.app, highlighted=self.has_focus),
            (f"{self._count} settings{used}; press {key} to {'hide' if self.open else 'show'}", palette.muted),
        )


def priority_bindings() -> list[BindingType]:
    """The form's keys, before those of what has the focus: a line would take Enter for itself."""
    return [
        replace(binding, priority=True) for binding in bindings_for("form") if isinstance(binding, Binding)
    ]


class _FieldList(VerticalScroll, can_focus=False):
    """The fields, scrolled by the focus."""


class FormScreen(Screen[R | None], Generic[R]):
    """A form under `heading`; its result is what was saved, or None.

    A subclass makes the rows, says what is wrong with what stands in them, and writes it. The rows behind
    "more" are made when they are first shown: they are two thirds of the price of a form.
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
        """`in_use`: how many of the fields behind "more" say something."""
        super().__init__()
        self._heading = heading
        self._fields = fields
        self._in_use = in_use
        self._rows = {field.key: self.new_row(field) for field in fields if not field.more}
        self._initial_texts = self._current_texts()
        self._validated_keys: set[str] = set()
        self._error: str | None = None
        self._saving = False

    # What a subclass says

    def new_row(self, field: FieldSpec) -> FieldRow:
        """The row of a field, with what stands in it at first."""
        raise NotImplementedError

    def problems(self) -> Mapping[str, str]:
        """What is wrong now, by the key of the field."""
        raise NotImplementedError

    def open(self, row: FieldRow) -> bool:
        """Open what enter opens in this row; False where there is nothing behind it."""
        return False

    async def write(self) -> R | None:
        """Write what stands there; None where that did not come to pass, and `show_error` says why."""
        raise NotImplementedError

    # What is shown

    def compose(self) -> ComposeResult:
        """Heading, fields, what there is to say, keys."""
        more = sum(field.more for field in self._fields)
        yield Static(id="heading", markup=False)
        with _FieldList():
            yield from self._rows.values()
            if more:
                yield MoreFieldsLine(more, self._in_use)
        yield Static(id="said", markup=False)
        yield KeyHints()

    def on_mount(self) -> None:
        """Begin at the first field that can be written."""
        self.query_one(_FieldList).vertical_scrollbar.renderer = WholeCellScrollbar  # type: ignore[misc]  # Textual's own way
        self._draw_heading()
        self.validate_fields()
        next(row for row in self._rows.values() if row.is_editable).start()

    def notify_style_update(self) -> None:
        """A new theme: what the form itself says is written anew; each row sees to its own."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw_heading()
            self._show_message()

    def _draw_heading(self) -> None:
        palette = self.app.palette
        heading = Text(self._heading, palette.text + Style(bold=True))
        self.query_one("#heading", Static).update(heading.append(f"  {self.app.title}", palette.muted))

    def row(self, key: str) -> FieldRow:
        """The row of a key."""
        return self._rows[key]

    def show_error(self, line: str) -> None:
        """Say why nothing was saved, until the focus moves."""
        self._error = line
        self._show_message()

    def parse_conf(self, pasted: str) -> WgQuickFile | None:
        """What a wg-quick file says that was pasted; one that cannot stand is refused in its own line."""
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
    def changed(self) -> bool:
        """Whether leaving would lose something."""
        return self._current_texts() != self._initial_texts or any(row.secret for row in self._rows.values())

    def _current_texts(self) -> dict[str, str]:
        return {key: row.text for key, row in self._rows.items()}

    def validate_fields(self) -> Mapping[str, str]:
        """Show what is wrong, and give it. A field that nobody came to yet may still be empty."""
        problems = self.problems()
        for key, row in self._rows.items():
            waiting = not row.text and not row.secret and key not in self._validated_keys
            problem = None if waiting else problems.get(key)
            row.show_problem(problem, still_typing=row.has_focus_within and key not in self._validated_keys)
        return problems

    # What happens in the fields

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judge while it is typed."""
        event.stop()
        self.validate_fields()

    def on_choice_input_choice_changed(self, event: ChoiceInput.ChoiceChanged) -> None:
        """Judge what was chosen."""
        event.stop()
        self.validate_fields()

    def on_field_row_field_blurred(self, event: FieldRow.FieldBlurred) -> None:
        """Who leaves a field means what stands there."""
        if not event.row.has_focus_within:
            self._validated_keys.add(event.row.field.key)
            self.validate_fields()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """What the field is for that the focus came to."""
        self._error = None
        self._show_message()

    async def on_more_fields_line_more_toggled(self, event: MoreFieldsLine.MoreToggled) -> None:
        """Show the fields behind it, or hide them."""
        await self.show_more(not event.line.open)

    async def show_more(self, opened: bool) -> None:
        """Show the fields that are seldom needed, or hide them."""
        line = self.query_one(MoreFieldsLine)
        line.open = opened
        line.refresh()
        missing = [field for field in self._fields if field.key not in self._rows]
        if opened and missing:
            rows = {field.key: self.new_row(field) for field in missing}
            self._rows |= rows
            self._initial_texts |= {key: row.text for key, row in rows.items()}
            await self.query_one(_FieldList).mount_all(rows.values())
            self.validate_fields()
        for row in self._rows.values():
            if row.field.more:
                row.display = opened

    # What can be done

    async def _wait_for_layout(self) -> None:
        """Until new fields have their places, which the order of focus goes by. Not for the form itself."""
        done = asyncio.Event()
        self.call_after_refresh(done.set)
        await done.wait()

    async def action_next_field(self) -> None:
        """The field below."""
        self.focus_next()

    async def action_previous_field(self) -> None:
        """The field above."""
        self.focus_previous()

    async def action_enter(self) -> None:
        """Open what the focus is on, or go on to the next field."""
        if isinstance(self.focused, MoreFieldsLine):
            await self.show_more(not self.focused.open)
            await self._wait_for_layout()
        elif not (self._focused_row and self.open(self._focused_row)):
            self.focus_next()

    async def action_save(self) -> None:
        """Write it; or go to the first field that cannot be written, and say why."""
        await self._save_or_show()

    async def _save_or_show(self) -> None:
        if self._saving:
            return
        self._validated_keys.update(field.key for field in self._fields)
        problems = self.validate_fields()
        first = next((field for field in self._fields if field.key in problems), None)
        if first is not None:
            if first.more:
                await self.show_more(True)
                await self._wait_for_layout()
            self.row(first.key).start()
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
        """Back; asks where something would be lost."""
        self._confirm_before(lambda: self.dismiss(None))

    def action_leave_program(self) -> None:
        """Out of the program; asks where something would be lost."""
        self._confirm_before(self.app.exit)

    def _confirm_before(self, leave: Callable[[], object]) -> None:
        def on_answer(answer: bool | None) -> None:
            if answer:
                leave()
            elif answer is False:
                self.run_worker(self._save_or_show(), group="editing")

        if self.changed:
            question = ConfirmDialog(
                "There are unsaved changes.",
                yes="leave without saving",
                no="save",
                neither="keep editing",
            )
            self.app.push_screen(question, on_answer)
        else:
            leave()
