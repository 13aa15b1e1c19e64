"""What the app wears: a palette, the others to choose from, and what is written to theme files meanwhile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from textual.app import App

from wgmon_tui.fleet.face_settings import FaceSettings
from wgmon_tui.fleet.records import ConfigurationError
from wgmon_tui.tui.depth import Depth, suited, usual_theme
from wgmon_tui.tui.themes import COLOURLESS_THEME, Palette
from wgmon_tui.tui.user_themes import Shelf, palette_for, read_shelf, stamps_of

_THEMES_READ_EVERY_S = 2.0
_TROUBLES_SAID_FOR_S = 10


class Coloured(App[None]):
    """An app in the colours of a palette. The others are read behind the first paint."""

    def __init__(
        self, theme: str | None, settings: FaceSettings, depth: Depth, config_dir: Path | None
    ) -> None:
        """`theme` is the name of a shipped theme, or of one in `config_dir`, or the path of a theme file.

        NO_COLOR overrules it. Raises ConfigurationError for one that is not there or cannot stand.
        """
        self.colourless = _no_color_asked()
        self.depth = depth
        self.config_dir = config_dir
        chosen = self._first_palette(theme, settings)
        super().__init__(ansi_color=True if self.colourless else None)
        self._shelf = Shelf({})
        self.palettes: dict[str, Palette] = {}
        self._take_palettes({chosen.name: chosen})
        self.theme = chosen.name

    @property
    def palette(self) -> Palette:
        """The colours of the theme in force."""
        return self.palettes[self.theme]

    def say(self, *lines: str, seconds: float = 2) -> None:
        """A notice, in place of the one before."""
        raise NotImplementedError

    def follow_themes(self) -> None:
        """Read all there are to choose from, and from now on what somebody writes to theme files."""
        chosen, self.palettes = self.palettes, {}
        self._read_shelf()
        self._take_palettes(chosen)  # it may be the file of a path, and have the name of another
        if self.config_dir is not None:
            self.set_interval(_THEMES_READ_EVERY_S, self.reload_themes)

    def reload_themes(self) -> None:
        """Take what somebody has written to theme files since, and put it on."""
        if self.colourless or stamps_of(self.config_dir) == self._shelf.stamps:
            return
        worn = self.palette
        self._read_shelf()
        if self.palette != worn:
            self.set_reactive(App.theme, "")  # the name is the same, so Textual would see no change
            self.theme = worn.name

    def use_theme(self, name: str) -> None:
        """Change the colours, and say which they are."""
        self.theme = name
        self.say(f"Theme: {name}")

    def _read_shelf(self) -> None:
        self._shelf = read_shelf(self.config_dir, self._shelf)
        self._take_palettes(self._shelf.palettes)
        if self._shelf.troubles:
            self.say(*self._shelf.troubles, seconds=_TROUBLES_SAID_FOR_S)

    def _first_palette(self, theme: str | None, settings: FaceSettings) -> Palette:
        """What NO_COLOR, the command line, config.toml and the terminal say, in this order."""
        if self.colourless:
            return palette_for(COLOURLESS_THEME, self.config_dir)
        if theme or settings.theme is None:
            usual = usual_theme(self.depth, low_bandwidth=settings.low_bandwidth)
            return palette_for(theme or usual, self.config_dir)
        try:
            return palette_for(settings.theme, self.config_dir)
        except ConfigurationError as error:
            raise ConfigurationError(f"config.toml: {error}") from None

    def _take_palettes(self, palettes: Mapping[str, Palette]) -> None:
        for name, palette in palettes.items():
            self.palettes[name] = suited(palette, self.depth)
            self.register_theme(self.palettes[name].textual_theme())


def _no_color_asked() -> bool:
    """Whether NO_COLOR is set, which by its standard means: and not empty.

    Textual takes an empty one for set, so it must not see it.
    """
    if not os.environ.get("NO_COLOR", "unset"):
        del os.environ["NO_COLOR"]
    return "NO_COLOR" in os.environ
