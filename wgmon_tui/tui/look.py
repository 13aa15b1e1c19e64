"""What decides how the dashboard looks when it starts: the command line, then choices, then config.toml."""

from __future__ import annotations

from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.records import dataclass
from wgmon_tui.tui.choices import Choices

BY_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class StartLook:
    """What config.toml and the command line say, before choices on the screen.

    `theme` and `low_bandwidth` are those of the command line.
    """

    configured: TuiSettings = TuiSettings()
    theme: str | None = None
    low_bandwidth: bool = False

    def theme_origin(self, choices: Choices) -> str:
        """What decides the theme."""
        return _origin("--theme" if self.theme else "", choices.theme, self.configured.theme)

    def low_bandwidth_origin(self, choices: Choices) -> str:
        """What decides whether the dashboard sends less data."""
        option = "--low-bandwidth" if self.low_bandwidth else ""
        configured = "on" if self.configured.low_bandwidth else None
        return _origin(option, choices.low_bandwidth, configured)

    def columns_origin(self, choices: Choices) -> str:
        """What decides the columns of the fleet table."""
        configured = ", ".join(self.configured.columns) or None
        return _origin("", choices.columns or None, configured) or "by the width of the terminal"

    def preview_origin(self, choices: Choices) -> str:
        """What decides whether the fleet screen has a preview. config.toml has no such setting."""
        return _origin("", choices.preview, None)


def _origin(option: str, chosen: object, configured: str | None) -> str:
    """The origin of a value; "" for the default of the program."""
    said = "" if configured is None else f"config.toml: {configured}"
    if chosen is not None:
        parts = ["chosen here", f"{option} overrides it at the start" if option else "", said]
        return "; ".join(filter(None, parts))
    if option:
        return "; ".join(filter(None, (f"{option} on the command line", said)))
    return "config.toml" if configured is not None else ""
