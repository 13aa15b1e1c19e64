"""One field on screen: its label, where it is written, and under it what is wrong with that."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Click, DescendantBlur, DescendantFocus, Key, Paste
from textual.message import Message
from textual.reactive import reactive, var
from textual.widget import Widget
from textual.widgets import Input, Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.imports.wg_quick_parser import is_conf_text
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.fields import FieldSpec

LABEL_WIDTH = 17

Option = tuple[str, str]
"""What an option of a choice stands for, and what is shown for it."""


class ConfPasted(Message):
    """Somebody pasted a whole wg-quick file. Its text holds a private key, so no repr shows it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class TextInput(Input):
    """A line to write. Of a whole wg-quick file that is pasted into it, it takes nothing and says so."""

    # A cursor that blinks is sent over the line twice a second, and says nothing.
    cursor_blink = var(False, init=False)

    def _on_paste(self, event: Paste) -> None:
        if is_conf_text(event.text):
            event.stop()
            event.prevent_default()
            self.post_message(ConfPasted(event.text))


class SecretInput(TextInput):
    """A line that shows dots. What stands in it cannot be copied out again."""

    def __init__(self) -> None:
        super().__init__(password=True, compact=True)

    def action_copy(self) -> None:
        """Not a secret."""

    def action_cut(self) -> None:
        """Not a secret."""

    def __rich_repr__(self) -> list[str]:
        return []


class ChoiceInput(Static, can_focus=True):
    """One of several. Space and arrows go through them; a letter goes to the next that begins with it."""

    app: AppContext
    value: reactive[str] = reactive("")

    class ChoiceChanged(Message):
        """Another option is chosen."""

    def __init__(self, options: Sequence[Option], value: str) -> None:
        super().__init__(markup=False)
        self.options = list(options)
        self.set_reactive(ChoiceInput.value, value)

    def set_options(self, options: Sequence[Option], value: str) -> None:
        """Put other options in place."""
        self.options = list(options)
        self.value = value
        self.refresh(layout=True)

    def watch_value(self) -> None:
        """Told like a text that was typed."""
        if self.is_mounted:
            self.refresh(layout=True)
            self.post_message(self.ChoiceChanged())

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Letters choose, and are no keys of the program here."""
        return character is not None and character.isprintable()

    def on_key(self, event: Key) -> None:
        """Choose."""
        if event.key in ("left", "right", "space"):
            self._select_by(-1 if event.key == "left" else 1)
        elif event.is_printable and event.character:
            self._select_by_letter(event.character.casefold())
        else:
            return
        event.stop()
        event.prevent_default()

    def on_click(self, event: Click) -> None:
        """The next one."""
        self._select_by(1)

    def _select_by(self, step: int) -> None:
        values = [value for value, _ in self.options]
        at = values.index(self.value) if self.value in values else -step
        self.value = values[(at + step) % len(values)]

    def _select_by_letter(self, letter: str) -> None:
        at = [value for value, _ in self.options].index(self.value)
        following = (*self.options[at + 1 :], *self.options[: at + 1])
        found = next((value for value, shown in following if shown.casefold().startswith(letter)), None)
        if found is not None:
            self.value = found

    def render(self) -> Text:
        """The option, between marks that say there are others."""
        palette, glyphs = self.app.palette, self.app.glyphs
        shown = next((shown for value, shown in self.options if value == self.value), "")
        left, right = ("<", ">") if glyphs.ascii_only else ("‹", "›")
        mark = palette.accent + Style(bold=True) if self.has_focus else palette.muted
        if len(self.options) < 2:
            return Text(glyphs.clean(shown), palette.text)
        return Text.assemble((f"{left} ", mark), (glyphs.clean(shown), palette.text), (f" {right}", mark))


def label(words: str, app: AppContext, *, highlighted: bool) -> Text:
    """What stands at the left of a line: marked and lit where the focus is."""
    mark = (">" if app.glyphs.ascii_only else "▸") if highlighted else " "
    style = app.palette.accent + Style(bold=True) if highlighted else app.palette.muted
    return Text(f"{mark} {words:<{LABEL_WIDTH}}", style)


class FieldRow(Vertical):
    """A field: `text` is what stands in it. The label of the one that has the focus is lit.

    With `options` it is a choice among them; a `read_only` one is only shown.
    """

    app: AppContext
    DEFAULT_CSS = """
    FieldRow {
        height: auto;
        max-width: 110;
        Horizontal { height: 1; }
        .label { width: 19; }
        TextInput, TextInput:focus {
            width: 1fr;
            height: 1;
            border: none;
            padding: 0;
            background: $panel;
            background-tint: transparent;
            &:ansi { background: ansi_default; }
            .input--placeholder { color: $footer-description-foreground; }
        }
        SecretInput, SecretInput:focus { padding: 0 0 0 1; }
        .secret ChoiceInput { width: auto; }
        ChoiceInput { width: 1fr; height: 1; background: $panel; }
        .problem { display: none; padding: 0 0 0 19; height: auto; }
        &.-problem .problem { display: block; }
    }
    """

    class FieldBlurred(Message):
        """The focus went elsewhere: what stands there is meant."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self,
        field: FieldSpec,
        text: str,
        *,
        placeholder: str = "",
        options: Sequence[Option] = (),
        read_only: bool = False,
    ) -> None:
        super().__init__()
        self.field = field
        self._control: TextInput | ChoiceInput = (
            ChoiceInput(options, text)
            if options
            else TextInput(text, placeholder=placeholder, compact=True, select_on_focus=False)
        )
        self._control.can_focus = not read_only
        self._secret = SecretInput() if field.kind is FormFieldKind.SECRET else None
        if self._secret is not None:
            self._secret.can_focus = False
        self._problem: str | None = None
        self._still_typing = False

    def compose(self) -> ComposeResult:
        """Label and control in a line, the problem below."""
        with Horizontal(classes="secret" if self._secret is not None else ""):
            yield Static(classes="label", markup=False)
            yield self._control
            if self._secret is not None:
                yield self._secret
        yield Static(classes="problem", markup=False)

    def on_mount(self) -> None:
        """Draw what has the theme's colours."""
        self._draw()

    def notify_style_update(self) -> None:
        """A new theme: drawn anew."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw()

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self._control.value

    @text.setter
    def text(self, text: str) -> None:
        self._control.value = text

    @property
    def secret(self) -> str:
        """What was typed out of sight. Not to be shown."""
        return self._secret.value if self._secret is not None else ""

    def set_secret(self, secret: str) -> None:
        """Put a secret into the hidden entry."""
        self._secret_input.value = secret

    @property
    def _secret_input(self) -> SecretInput:
        if self._secret is None:
            raise TypeError(f"{self.field.key} is no secret")
        return self._secret

    @property
    def choice(self) -> ChoiceInput:
        """The control of a field with options."""
        if not isinstance(self._control, ChoiceInput):
            raise TypeError(f"{self.field.key} has no options")
        return self._control

    @property
    def is_editable(self) -> bool:
        """Whether anything can be written here."""
        return self._control.can_focus

    def show_secret_input(self, visible: bool) -> None:
        """Show the hidden entry, or take it away with what stood in it."""
        self.set_class(visible, "-secret")
        # It has its place all the time, and looks like nothing: the order of focus goes by places, and a tab
        # in the same burst of keys does not wait until a new place is found.
        self._secret_input.can_focus = visible
        if not visible:
            self.set_secret("")

    def start(self) -> None:
        """Put the focus where this field is written."""
        target: Widget = self._secret_input if self.has_class("-secret") and self._problem else self._control
        target.focus()

    def show_problem(self, problem: str | None, *, still_typing: bool) -> None:
        """Say what is wrong; in a quiet colour while it is being typed, since it may yet become right."""
        if (problem, still_typing) != (self._problem, self._still_typing):
            self._problem, self._still_typing = problem, still_typing
            if self.is_mounted:
                self._draw()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Light the label."""
        self._draw(focused=True)

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """Put the label out."""
        self._draw(focused=False)
        self.post_message(self.FieldBlurred(self))

    def _draw(self, focused: bool | None = None) -> None:
        palette, glyphs = self.app.palette, self.app.glyphs
        highlighted = self.has_focus_within if focused is None else focused
        self.query_one(".label", Static).update(label(self.field.label, self.app, highlighted=highlighted))
        self.set_class(self._problem is not None, "-problem")
        if self._problem is not None:
            down = palette.severity[Severity.DOWN]
            sign = f"{glyphs.of(Severity.DOWN)} " if not self._still_typing else ""
            said = Text(glyphs.clean(sign + self._problem), palette.muted if self._still_typing else down)
            self.query_one(".problem", Static).update(said)
