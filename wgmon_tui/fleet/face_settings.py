"""What config.toml says of the face: `theme`, `low_bandwidth`, `[keys]`, `[columns]` and `[filters]`.

Only their shape is read here, so that whoever runs without a face needs none; which actions, keys, columns
and themes there are, the face knows, and refuses the others when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from wgmon_tui.fleet.tables import Table, as_boolean, as_list, as_table, as_text
from wgmon_tui.fleet.values import InvalidValueError, parse_text

FACE_KEYS = ("theme", "low_bandwidth", "keys", "columns", "filters")
"""What of config.toml's first level is read here."""


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """How somebody wants the face.

    `theme` is None where none is named. `keys` are those of single actions, by the action's id; `columns`
    those of the fleet table in their order, none where it is to choose by itself; `filters` are filter lines
    by the name under which they can be called up.
    """

    theme: str | None = None
    low_bandwidth: bool = False
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    columns: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def read_face(document: Table) -> FaceSettings:
    """The face's part of a whole config.toml. Raises ConfigurationError."""
    raw_keys: dict[str, object] = document.get("keys", as_table, {})
    keys = Table(f"{document.where}: keys", raw_keys, tuple(raw_keys))
    raw_columns: dict[str, object] = document.get("columns", as_table, {})
    columns = Table(f"{document.where}: columns", raw_columns, ("fleet",))
    raw_filters: dict[str, object] = document.get("filters", as_table, {})
    filters = Table(f"{document.where}: filters", raw_filters, tuple(raw_filters))
    theme = document.get("theme", as_text, "")
    return FaceSettings(
        theme=theme or None,
        low_bandwidth=document.get("low_bandwidth", as_boolean, False),
        keys=MappingProxyType({action: keys.require(action, _as_keys) for action in raw_keys}),
        columns=columns.get("fleet", _as_columns, ()),
        filters=MappingProxyType({name: filters.require(name, _as_filter) for name in raw_filters}),
    )


def _as_keys(value: object) -> tuple[str, ...]:
    """One key, or a list of them, the one to show first."""
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
    """A filter line. Which terms there are the face knows; none of them is an error."""
    line = " ".join(as_text(value).split())
    if not line:
        raise InvalidValueError('expected a filter line such as "state:down tag:eu"')
    return line
