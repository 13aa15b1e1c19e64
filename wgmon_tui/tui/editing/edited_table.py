"""The table of servers.toml that a form's rows describe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wgmon_tui.config.secrets.sources import secret_keys
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.tui.editing.field_row import FieldRow
from wgmon_tui.tui.editing.field_values import to_value
from wgmon_tui.tui.editing.secret_choice import KEEP, entry_of

ALWAYS_WRITTEN = "identity"
"""Its field shows the default, which is written: a second identity must not change this server's."""


def edited_table(
    original: Mapping[str, object], rows: Iterable[FieldRow], initial: Mapping[str, str]
) -> tuple[dict[str, object], dict[str, str]]:
    """The table, and the problems by row. A field that still has its `initial` text keeps its value."""
    table, problems = dict(original), dict[str, str]()
    for row in rows:
        field = row.field
        is_secret = field.kind is FormFieldKind.SECRET
        is_kept = row.text == KEEP if is_secret else row.text == initial[field.row]
        if is_kept and field.key != ALWAYS_WRITTEN:
            continue
        for key in secret_keys(field.key) if is_secret else (field.key,):
            table.pop(key, None)
        try:
            if is_secret:
                table |= entry_of(field.key, row)
            elif (value := to_value(field.kind, row.text)) is not None:
                table[field.key] = value
        except InvalidValueError as error:
            problems[field.row] = str(error)
    return table, problems
