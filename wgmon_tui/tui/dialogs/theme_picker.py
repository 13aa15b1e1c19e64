"""The theme chooser: what the cursor is on is tried on at once, and esc takes it off again."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for


class ThemeScreen(ModalScreen[None]):
    """Stands at the right and leaves the rest in sight, since that is what one wants to see."""

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
        """The themes, the one in force under the cursor."""
        yield OptionList(*(Option(f"  {name}", id=name) for name in self.app.palettes), markup=False)

    def on_mount(self) -> None:
        """Start where the face is."""
        self.query_one(OptionList).highlighted = list(self.app.palettes).index(self._initial_theme)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Try it on."""
        if event.option_id is not None:
            self.app.theme = event.option_id

    def on_option_list_option_selected(self) -> None:
        """Keep what is on."""
        self.dismiss()
        self.app.show_notice(f"Theme: {self.app.theme}")

    def action_up(self) -> None:
        """One line up."""
        self.query_one(OptionList).action_cursor_up()

    def action_down(self) -> None:
        """One line down."""
        self.query_one(OptionList).action_cursor_down()

    def action_close(self) -> None:
        """The colours as they were."""
        self.app.theme = self._initial_theme
        self.dismiss()
