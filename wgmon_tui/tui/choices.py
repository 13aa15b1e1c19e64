"""What the operator chose on the screen, remembered in one state file of the user.

config.toml belongs to people and is never written. A choice on the screen overrides it, and the command line
overrides both. A damaged file counts as empty. What a later version has stored there is kept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.ownership import require_own
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import replace_private
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.records import dataclass
from wgmon_tui.tui.theme.theme_files import find_palette

Json: TypeAlias = Any
"""A value of a JSON document."""

_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen on the screen. None or empty means not chosen.

    `theme` is the name of a theme, `columns` are those of the fleet table in order, `preview` is whether the
    fleet screen shows the preview pane.
    """

    theme: str | None = None
    columns: tuple[str, ...] = ()
    low_bandwidth: bool | None = None
    preview: bool | None = None


class ChoiceChanges(TypedDict, total=False):
    """New values of some choices; None or empty takes a choice back."""

    theme: str | None
    columns: tuple[str, ...]
    low_bandwidth: bool | None
    preview: bool | None


class ChoicesFile:
    """The file of the choices. Several processes may write it: each changes only what was chosen in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: dict[str, Json] = {}
        self._lock = threading.Lock()
        self.is_damaged = False
        """Whether `read` found a file without usable content."""

    def read(self) -> Choices:
        """The stored choices. Never raises: what cannot be read counts as not chosen."""
        document = self._read_json()
        self.is_damaged = document is None
        return _from_json(document or {})

    def record(self, choices: Choices, changed: Iterable[str]) -> None:
        """Note the fields that `flush` has to write. Does not block."""
        values = _to_json(choices)
        self._pending.update({field: values[field] for field in changed})

    def flush(self) -> None:
        """Write the noted changes, in a thread. Raises OSError or ConfigurationError; they stay noted."""
        with self._lock:
            changes, self._pending = self._pending, {}
            if not changes:
                return
            try:
                self._write(changes)
            except BaseException:
                self._pending = {**changes, **self._pending}
                raise

    def _write(self, changes: Mapping[str, Json]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_own(self.path.parent)
        document = {**(self._read_json() or {}), **changes}
        chosen = {key: value for key, value in document.items() if not (key in changes and value is None)}
        replace_private(self.path, json.dumps(chosen, indent=2) + "\n")

    def _read_json(self) -> Mapping[str, Json] | None:
        """The content of the file, empty if there is none; None if it is damaged."""
        try:
            content, _ = read_regular(self.path, _MAX_BYTES)
            document = json.loads(content)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None


def apply_choices(
    settings: TuiSettings, choices: Choices, config_dir: Path | None, known_columns: Container[str]
) -> TuiSettings:
    """The settings of config.toml, overridden by what was chosen and still exists."""
    changes: dict[str, Any] = {}
    columns = tuple(dict.fromkeys(column for column in choices.columns if column in known_columns))
    if choices.theme is not None and _is_usable(choices.theme, config_dir):
        changes["theme"] = choices.theme
    if "name" in columns:
        changes["columns"] = columns
    if choices.low_bandwidth is not None:
        changes["low_bandwidth"] = choices.low_bandwidth
    return replace(settings, **changes)


def _is_usable(theme: str, config_dir: Path | None) -> bool:
    try:
        find_palette(theme, config_dir)
    except ConfigurationError:
        return False
    return True


def _to_json(choices: Choices) -> Mapping[str, Json]:
    """The value of each field; None where nothing is chosen."""
    return {
        "theme": choices.theme,
        "columns": list(choices.columns) or None,
        "low_bandwidth": choices.low_bandwidth,
        "preview": choices.preview,
    }


def _from_json(document: Mapping[str, Json]) -> Choices:
    theme, columns = document.get("theme"), document.get("columns")
    is_list = isinstance(columns, list) and all(isinstance(each, str) for each in columns)
    return Choices(
        theme=theme if isinstance(theme, str) and theme else None,
        columns=tuple(columns or ()) if is_list else (),
        low_bandwidth=_flag(document.get("low_bandwidth")),
        preview=_flag(document.get("preview")),
    )


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
