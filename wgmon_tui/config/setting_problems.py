"""Problems of settings in config.toml that only the dashboard can judge, such as its keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.config.toml_positions import TomlPath


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """A setting that cannot be, and the path to it in config.toml."""

    path: TomlPath
    text: str


def raise_problems(problems: Iterable[SettingProblem], text: str = "") -> None:
    """Raise ConfigurationError if there are problems, with one line for each, by line of the `text`."""
    found = tuple(problems)
    if found:
        from wgmon_tui.config.toml_positions import find_positions

        positions = find_positions(text) if text else {}
        located = sorted(
            ((_line_of(each.path, positions), each.text) for each in found), key=lambda each: each[0]
        )
        lines = (f"config.toml: {f'line {line}: ' if line else ''}{words}" for line, words in located)
        raise ConfigurationError("\n".join(lines))


def _line_of(path: TomlPath, positions: dict[TomlPath, int]) -> int:
    """The line of the key, or of its table; 0 if it is at no line."""
    return positions.get(path) or positions.get(path[:-1]) or 0
