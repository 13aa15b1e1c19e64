"""Form fields of servers and identities, derived from the declared settings, in form order."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.config.server_settings import IDENTITY, SERVER
from wgmon_tui.config.setting import Section
from wgmon_tui.config.value_types import FormFieldKind


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. `key` is the key in servers.toml; for a secret, without the suffix of its form.

    `more` hides the field until the user opens the "more" section. `example` is the placeholder of an empty
    field in a new entry: it begins with "e.g.", so that nobody takes it for a value.
    """

    key: str
    kind: FormFieldKind
    help: str
    example: str = ""
    more: bool = False

    @property
    def label(self) -> str:
        """The key with spaces instead of underscores."""
        return self.key.replace("_", " ")


_LISTS = "Separate several with commas; - alone means none."


def fields_of(section: Section) -> tuple[FieldSpec, ...]:
    """The fields of a section's settings, sorted by their position in the form."""
    placed = [(each.form.place, each.form, each) for each in section.settings if each.form is not None]
    return tuple(
        FieldSpec(
            setting.key,
            setting.type.kind,
            f"{setting.help} {_LISTS}" if setting.type.kind is FormFieldKind.LIST else setting.help,
            form.example,
            form.more,
        )
        for _, form, setting in sorted(placed, key=lambda each: each[0])
    )


SERVER_FIELDS = fields_of(SERVER)
IDENTITY_FIELDS = fields_of(IDENTITY)
