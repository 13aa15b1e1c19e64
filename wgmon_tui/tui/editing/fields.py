"""The fields of the forms, in the order in which a person fills them, from the declared settings."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.config.server_settings import IDENTITY, SERVER
from wgmon_tui.config.setting import Section
from wgmon_tui.config.value_types import FormFieldKind


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. `key` is the one in servers.toml (of a secret, without its form).

    `more` keeps it out of sight until it is asked for. `example` stands in an empty field of a new entry.
    """

    key: str
    kind: FormFieldKind
    help: str
    example: str = ""
    more: bool = False

    @property
    def label(self) -> str:
        """The key, as it is written for people."""
        return self.key.replace("_", " ")


_LISTS = "Separate several with commas; - alone means none."


def fields_of(section: Section) -> tuple[FieldSpec, ...]:
    """The fields of a section's settings, by their places in the form."""
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
