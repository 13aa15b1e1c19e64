"""Theme selection and live reload of theme files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from textual.app import App
from textual.reactive import Initialize, Reactive
from textual.scrollbar import ScrollBar
from textual.theme import Theme

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.terminal import ColourDepth, Terminal, detect_terminal, hide_misleading_variables
from wgmon_tui.tui.theme.colour_depth import adapt_palette, default_theme
from wgmon_tui.tui.theme.palette import COLOURLESS_THEME, Palette
from wgmon_tui.tui.theme.scrollbar import WholeCellScrollbar
from wgmon_tui.tui.theme.theme_files import ThemeCatalog, find_palette, load_theme_catalog, read_stamps

_THEME_RELOAD_INTERVAL_S = 2.0


class ThemedApp(App[None]):
    """An app with a theme. The other themes are loaded after the first paint."""

    # Textual would parse its style sheets for its own theme first, and then again for the chosen one.
    theme: Reactive[str] = Reactive(Initialize(attrgetter("first_theme.name")))

    def __init__(
        self, theme: str | None, settings: TuiSettings, terminal: Terminal | None, config_dir: Path | None
    ) -> None:
        """`theme` is the name of a shipped theme, or of one in `config_dir`, or the path of a theme file.

        NO_COLOR overrides it. Raises ConfigurationError if the theme is missing or invalid.
        """
        hide_misleading_variables()
        ScrollBar.renderer = WholeCellScrollbar
        self.terminal = terminal or replace(detect_terminal(), colours=ColourDepth.TRUE)
        self.colourless = self.terminal.no_colour
        self.config_dir = config_dir
        chosen = self._initial_palette(theme, settings)
        self.palettes: dict[str, Palette] = {}
        self.first_theme = adapt_palette(chosen, self.terminal.colours).textual_theme()
        super().__init__(ansi_color=True if self.colourless else None)
        self._theme_catalog = ThemeCatalog({})
        self._register_palettes({chosen.name: chosen})

    def get_theme(self, theme_name: str) -> Theme | None:
        """A registered theme, or the first one: Textual asks for it before themes can be registered."""
        if not self.palettes and theme_name == self.first_theme.name:
            return self.first_theme
        return super().get_theme(theme_name)

    @property
    def palette(self) -> Palette:
        """The colours of the current theme."""
        return self.palettes[self.theme]

    def show_notice(self, *lines: str) -> None:
        """Show a notice in place of the previous one."""
        raise NotImplementedError

    def show_error(self, *lines: str) -> None:
        """Show a notice that stays until a key is pressed."""
        raise NotImplementedError

    def follow_themes(self) -> None:
        """Load all themes, and reload theme files when they change."""
        chosen, self.palettes = self.palettes, {}
        self._load_themes()
        self._register_palettes(chosen)  # it may come from a path, with the name of another theme
        if self.config_dir is not None:
            self.set_interval(_THEME_RELOAD_INTERVAL_S, self.reload_themes)

    def reload_themes(self) -> None:
        """Reload the theme files if one has changed, and apply the current theme again."""
        if self.colourless or read_stamps(self.config_dir) == self._theme_catalog.stamps:
            return
        current = self.palette
        self._load_themes()
        if self.palette != current:
            self.set_reactive(App.theme, "")  # the name is the same, so Textual would see no change
            self.theme = current.name

    def use_theme(self, name: str) -> None:
        """Switch to a theme and show a notice with its name."""
        self.theme = name
        self.show_notice(f"Theme: {name}")

    def _load_themes(self) -> None:
        self._theme_catalog = load_theme_catalog(self.config_dir, self._theme_catalog)
        self._register_palettes(self._theme_catalog.palettes)
        if self._theme_catalog.problems:
            self.show_error(*self._theme_catalog.problems)

    def _initial_palette(self, theme: str | None, settings: TuiSettings) -> Palette:
        """The theme chosen by NO_COLOR, the command line, config.toml or the terminal, in this order."""
        if self.colourless:
            return find_palette(COLOURLESS_THEME, self.config_dir)
        if theme or settings.theme is None:
            usual = default_theme(self.terminal.colours, low_bandwidth=settings.low_bandwidth)
            return find_palette(theme or usual, self.config_dir)
        try:
            return find_palette(settings.theme, self.config_dir)
        except ConfigurationError as error:
            raise ConfigurationError(f"config.toml: {error}") from None

    def _register_palettes(self, palettes: Mapping[str, Palette]) -> None:
        for name, palette in palettes.items():
            self.palettes[name] = adapt_palette(palette, self.terminal.colours)
            self.register_theme(self.palettes[name].textual_theme())
