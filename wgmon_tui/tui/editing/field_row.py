"""Widget of one form field: its label, its input, and the problem below it."""

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
from wgmon_tui.config.imports.pasted_text import is_share_link
from wgmon_tui.config.imports.wg_quick_parser import is_importable_text
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.fields import FieldSpec

LABEL_WIDTH = 17

Option = tuple[str, str]
"""The value of an option, and its text."""


class ConfPasted(Message):
    """The user pasted a wg-quick file or share links. They hold secrets, so no repr shows the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class TextInput(Input):
    """A text input. It does not insert a pasted wg-quick file or share link, but posts `ConfPasted`."""

    is_for_secrets = False
    # A blinking cursor sends an update twice a second without any information.
    cursor_blink = var(False, init=False)

    def _on_paste(self, event: Paste) -> None:
        is_hidden = self.is_for_secrets or not is_share_link(event.text)
        if is_importable_text(event.text) or not is_hidden:
            event.stop()
            event.prevent_default()
            self.post_message(ConfPasted(event.text))


class SecretInput(TextInput):
    """An input that shows dots. Its text cannot be copied. A share link is one that it takes."""

    is_for_secrets = True

    def __init__(self) -> None:
        super().__init__(password=True, compact=True)

    def action_copy(self) -> None:
        """Do nothing: secrets are not copied."""

    def action_cut(self) -> None:
        """Do nothing: secrets are not copied."""

    def __rich_repr__(self) -> list[str]:
        return []


class ChoiceInput(Static, can_focus=True):
    """A choice of options. Space and arrows step through them; a letter selects the next match."""

    app: AppContext
    value: reactive[str] = reactive("")

    class ChoiceChanged(Message):
        """Another option was selected."""

        def __init__(self, choice: ChoiceInput) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, options: Sequence[Option], value: str) -> None:
        super().__init__(markup=False)
        self.options = list(options)
        self.set_reactive(ChoiceInput.value, value)

    def set_options(self, options: Sequence[Option], value: str) -> None:
        """Replace the options."""
        self.options = list(options)
        self.value = value
        self.refresh(layout=True)

    def watch_value(self) -> None:
        """Post the change, as a text input does."""
        if self.is_mounted:
            self.refresh(layout=True)
            self.post_message(self.ChoiceChanged(self))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Use letters to select an option, not as keys of the app."""
        return character is not None and character.isprintable()

    def on_key(self, event: Key) -> None:
        """Select an option."""
        if event.key in ("left", "right", "space"):
            self._select_by(-1 if event.key == "left" else 1)
        elif event.is_printable and event.character:
            self._select_by_letter(event.character.casefold())
        else:
            return
        event.stop()
        event.prevent_default()

    def on_click(self, event: Click) -> None:
        """Select the next option."""
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
        """Return the option, between arrows if there are others."""
        palette, glyphs = self.app.palette, self.app.glyphs
        shown = next((shown for value, shown in self.options if value == self.value), "")
        left, right = ("<", ">") if glyphs.ascii_only else ("‹", "›")
        mark = palette.accent + Style(bold=True) if self.has_focus else palette.muted
        if len(self.options) < 2:
            return Text(glyphs.clean(shown), palette.text)
        return Text.assemble((f"{left} ", mark), (glyphs.clean(shown), palette.text), (f" {right}", mark))


def label(words: str, app: AppContext, *, highlighted: bool) -> Text:
    """The label of a line, highlighted if it has the focus."""
    mark = (">" if app.glyphs.ascii_only else "▸") if highlighted else " "
    style = app.palette.accent + Style(bold=True) if highlighted else app.palette.muted
    return Text(f"{mark} {words:<{LABEL_WIDTH}}", style)


class FieldRow(Vertical):
    """A field with the content `text`. The label of the focused field is highlighted.

    With `options` it is a choice among them. A `read_only` field cannot be edited.
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
        """The field lost the focus: its text is final."""

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
        """The second input: a secret, or the place where it is."""
        if self._secret is not None:
            self._secret.can_focus = False
        self._problem: str | None = None
        self._still_typing = False

    def compose(self) -> ComposeResult:
        """Yield label and control on one line, and the problem below."""
        with Horizontal(classes="secret" if self._secret is not None else ""):
            yield Static(classes="label", markup=False)
            yield self._control
            if self._secret is not None:
                yield self._secret
        yield Static(classes="problem", markup=False)

    def on_mount(self) -> None:
        """Draw the parts that use theme colours."""
        self._draw()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw()

    @property
    def text(self) -> str:
        """The text of the field."""
        return self._control.value

    @text.setter
    def text(self, text: str) -> None:
        self._control.value = text

    @property
    def secret(self) -> str:
        """What was typed into the second input: mostly a secret, which must never be shown."""
        return self._secret.value if self._secret is not None else ""

    def set_secret(self, secret: str) -> None:
        """Set the text of the secret input."""
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
        """Whether the field can be edited."""
        return self._control.can_focus

    def show_secret_input(self, visible: bool, *, is_masked: bool = True) -> None:
        """Show the secret input, or hide and clear it. Where a secret is may be seen (not `is_masked`)."""
        if self._secret_input.password != is_masked:
            self.set_secret("")
        self._secret_input.password = is_masked
        self.set_class(visible, "-secret")
        # The input keeps its position while hidden: focus order depends on positions, and a tab in the same
        # burst of keys arrives before a new layout.
        self._secret_input.can_focus = visible
        if not visible:
            self.set_secret("")

    def take(self, other: FieldRow) -> None:
        """Take what stands in another row of the same field."""
        if isinstance(self._control, ChoiceInput) and isinstance(other._control, ChoiceInput):
            self._control.set_options(other._control.options, other.text)
        else:
            self.text = other.text
        if self._secret is not None and other.has_class("-secret"):
            self.show_secret_input(True, is_masked=other._secret_input.password)
            self.set_secret(other.secret)

    def on_click(self) -> None:
        """Focus the input of a label that was clicked."""
        if self.is_editable and not self.has_focus_within:
            self.start()

    def start(self) -> None:
        """Focus the input of this field."""
        target: Widget = self._secret_input if self.has_class("-secret") and self._problem else self._control
        target.focus()

    def show_problem(self, problem: str | None, *, still_typing: bool) -> None:
        """Show the problem, in a muted colour while the user is still typing."""
        if (problem, still_typing) != (self._problem, self._still_typing):
            self._problem, self._still_typing = problem, still_typing
            if self.is_mounted:
                self._draw()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Highlight the label."""
        self._draw(focused=True)

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """Remove the highlight, and report that the field lost the focus."""
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
