"""Theme picker: applies the theme under the cursor at once; esc restores the previous theme."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for


class ThemeScreen(ModalScreen[None]):
    """List of themes at the right edge. The rest of the screen stays visible as a preview."""

    app: AppContext
    BINDINGS = bindings_for("theme")
    DEFAULT_CSS = """
    ThemeScreen {
        align: right middle;
        background: transparent;
        OptionList, OptionList:focus {
            width: 20;
            height: auto;
            max-height: 90%;
            margin: 0 2;
            border: none;
            padding: 1 0;
            background: $panel;
            background-tint: transparent;
            &:ansi {
                border: ascii ansi_default;
                padding: 0;
            }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._initial_theme = self.app.theme

    def compose(self) -> ComposeResult:
        """Yield the list of themes."""
        yield OptionList(*(Option(f"  {name}", id=name) for name in self.app.palettes), markup=False)

    def on_mount(self) -> None:
        """Put the cursor on the current theme."""
        self.query_one(OptionList).highlighted = list(self.app.palettes).index(self._initial_theme)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Apply the theme under the cursor."""
        if event.option_id is not None:
            self.app.theme = event.option_id

    def on_option_list_option_selected(self) -> None:
        """Keep the applied theme, and remember it."""
        self.dismiss()
        self.app.choose(theme=self.app.theme)
        self.app.show_notice(f"Theme: {self.app.theme}")

    def action_up(self) -> None:
        """Move up one line."""
        self.query_one(OptionList).action_cursor_up()

    def action_down(self) -> None:
        """Move down one line."""
        self.query_one(OptionList).action_cursor_down()

    def action_close(self) -> None:
        """Restore the previous theme and close."""
        self.app.theme = self._initial_theme
        self.dismiss()
