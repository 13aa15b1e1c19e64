"""TUI settings of config.toml: `theme`, `low_bandwidth`, `[keys]`, `[columns]`, `[filters]` and `[[action]]`.

Only their types are checked here, so that a process without the TUI does not import it. The TUI knows its
actions, keys, columns and themes, and refuses unknown ones when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wgmon_tui.config.setting import (
    Section,
    Setting,
    read_section,
    read_settings,
    read_valid_settings,
    section_table,
)
from wgmon_tui.config.toml_reader import TomlTable, as_list, as_text
from wgmon_tui.config.value_parsers import InvalidValueError, parse_text
from wgmon_tui.config.value_types import BOOLEAN, ValueType
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.config.user_actions import UserAction


@dataclass(frozen=True, slots=True)
class TuiSettings:
    """The user's settings for the TUI.

    `theme` is None if none is set. `keys` are by action id. `columns` are those of the fleet table in order;
    empty means that the table chooses. `filters` are saved filter lines by name. `user_actions` are not run
    if `untrusted` says who else can write the file.
    """

    theme: str | None = None
    low_bandwidth: bool = False
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    columns: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    user_actions: tuple[UserAction, ...] = ()
    untrusted: str = ""


def _as_keys(value: object) -> tuple[str, ...]:
    """One key, or a list of keys. The first one is shown on the screen."""
    names = (as_text(value),) if isinstance(value, str) else as_list(parse_text)(value)
    if not names or not all(names):
        raise InvalidValueError('expected a key such as "x" or a list such as ["x", "ctrl+x"]')
    return names


def _as_columns(value: object) -> tuple[str, ...]:
    names = as_list(parse_text)(value)
    if not names:
        raise InvalidValueError("expected at least one column")
    return names


def _as_filter(value: object) -> str:
    """A filter line that is not blank. The TUI checks its terms."""
    line = " ".join(as_text(value).split())
    if not line:
        raise InvalidValueError('expected a filter line such as "state:down tag:eu"')
    return line


_NOT_EMPTY = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_THEME = ValueType("text", lambda value: as_text(value) or None, {"type": "string"})
_KEYS = ValueType(
    "key, or list of keys",
    _as_keys,
    {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {**_NOT_EMPTY, "items": {"type": "string", "minLength": 1}},
        ]
    },
)
_COLUMNS = ValueType("list of columns", _as_columns, _NOT_EMPTY, "at least one", list)
_FILTER = ValueType("filter line", _as_filter, {"type": "string", "pattern": r"\S"})

LOOK = Section(
    "",
    "How the dashboard looks.",
    TuiSettings,
    (
        Setting(
            "theme",
            _THEME,
            "The name of a built-in theme, or of your own file in `themes/`, without `.toml`.",
            default="`night`, or a theme that fits the terminal's colours",
        ),
        Setting(
            "low_bandwidth",
            BOOLEAN,
            "Whether the dashboard sends less data, for a slow connection, as with `--low-bandwidth`.",
        ),
    ),
)
KEYS = Section(
    "keys",
    "Your own keys. keys.md lists the actions and their default keys.",
    TuiSettings,
    any_key=Setting(
        "ACTION",
        _KEYS,
        "The keys of this action. The first one is shown on the screen.",
        default="as in keys.md",
    ),
)
COLUMNS = Section(
    "columns",
    "The columns of tables.",
    TuiSettings,
    (
        Setting(
            "fleet",
            _COLUMNS,
            "The columns of the fleet table, in their order. `name` must be among them.",
            stored_as="columns",
            default="chosen by the width of the terminal",
        ),
    ),
)
FILTERS = Section(
    "filters",
    "Saved filter lines, by name.",
    TuiSettings,
    any_key=Setting("NAME", _FILTER, 'A filter line, such as "state:down tag:eu".', default="none"),
)


def read_face(document: TomlTable) -> TuiSettings:
    """Read the TUI settings from config.toml. Its errors go to the list of the document."""
    from wgmon_tui.config.user_actions_toml import read_user_actions

    read = document.errors.read
    return TuiSettings(
        **read_valid_settings(document, LOOK.settings),
        **(read(read_section, document, COLUMNS) or {}),
        keys=MappingProxyType(read(_read_named, document, KEYS) or {}),
        filters=MappingProxyType(read(_read_named, document, FILTERS) or {}),
        user_actions=read_user_actions(document),
    )


def _read_named(document: TomlTable, section: Section) -> dict[str, Any]:
    """The values of a table whose keys the user chooses."""
    table = section_table(document, section)
    any_key = section.any_key
    return read_settings(table, [replace(any_key, key=key) for key in table.raw] if any_key else ())
