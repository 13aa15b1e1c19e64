"""The available themes: the shipped ones, and custom theme files in the configuration directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.setting_problems import SettingProblem
from wgmon_tui.records import dataclass
from wgmon_tui.tui.theme.palette import SHIPPED_THEMES, Palette, load_palette, read_palette, shipped_palettes

THEMES_DIRECTORY = "themes"
"""The directory of custom themes inside the configuration directory."""

Stamps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class ThemeCatalog:
    """The palettes by name, the problems of invalid files, and the stamps of the files at that time."""

    palettes: Mapping[str, Palette]
    problems: tuple[str, ...] = ()
    stamps: Stamps = ()


def find_palette(theme: str, config_dir: Path | None) -> Palette:
    """Load one theme by name or path. Raises ConfigurationError.

    An invalid custom file with the name of a shipped theme is reported when all themes are loaded. Until then
    the shipped theme is used.
    """
    own = {path.stem: path for path in _files(config_dir)}
    if theme in own:
        try:
            return read_palette(own[theme])
        except ConfigurationError:
            if theme not in SHIPPED_THEMES:
                raise
    return load_palette(theme, other_names=own)


def theme_problems(theme: str, config_dir: Path | None) -> list[SettingProblem]:
    """All problems of `theme` in config.toml."""
    try:
        find_palette(theme, config_dir)
    except ConfigurationError as error:
        return [SettingProblem(("theme",), f"key theme: {error}")]
    return []


def load_theme_catalog(config_dir: Path | None, before: ThemeCatalog | None = None) -> ThemeCatalog:
    """Load the shipped themes and those in `config_dir`/themes. A custom theme overrides a shipped one.

    For a file that has become invalid the palette of `before` stays.
    """
    palettes = dict(shipped_palettes())
    stamps = read_stamps(config_dir)
    problems = []
    for path in _files(config_dir):
        try:
            palettes[path.stem] = read_palette(path)
        except ConfigurationError as error:
            problems.append(str(error))
            if before and path.stem in before.palettes:
                palettes[path.stem] = before.palettes[path.stem]
    return ThemeCatalog(palettes, tuple(problems), stamps)


def read_stamps(config_dir: Path | None) -> Stamps:
    """Name, modification time and size of every theme file, to detect changes."""
    stamps = []
    for path in _files(config_dir):
        try:
            found = path.stat()
        except OSError:
            continue
        stamps.append((path.name, found.st_mtime_ns, found.st_size))
    return tuple(stamps)


def _files(config_dir: Path | None) -> list[Path]:
    return sorted((config_dir / THEMES_DIRECTORY).glob("*.toml")) if config_dir else []
