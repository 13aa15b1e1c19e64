"""The themes to choose from: those that are shipped, and the files that somebody wrote beside config.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.theme.palette import SHIPPED_THEMES, Palette, load_palette, read_palette, shipped_palettes

THEMES_DIRECTORY = "themes"
"""The directory of them in the configuration directory."""

Stamps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class ThemeCatalog:
    """The palettes by name, the lines about files that are none, and what the files were when read."""

    palettes: Mapping[str, Palette]
    problems: tuple[str, ...] = ()
    stamps: Stamps = ()


def find_palette(theme: str, config_dir: Path | None) -> Palette:
    """One alone: the theme of this name, or in the file of this path. Raises ConfigurationError.

    A file of one's own that cannot stand is told of when all are read; until then the shipped theme of that
    name is worn, where there is one.
    """
    own = {path.stem: path for path in _files(config_dir)}
    if theme in own:
        try:
            return read_palette(own[theme])
        except ConfigurationError:
            if theme not in SHIPPED_THEMES:
                raise
    return load_palette(theme, other_names=own)


def load_theme_catalog(config_dir: Path | None, before: ThemeCatalog | None = None) -> ThemeCatalog:
    """The shipped themes and those in `config_dir`/themes. One's own may have the name of a shipped one.

    Of a file that has become unreadable the palette `before` stays.
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
    """Name, time and size of every theme file: they differ when somebody wrote one."""
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
