"""Form fields of servers and identities, derived from the declared settings, in form order.

A server has the fields of its protocol: those of `[[server]]` that it has, and those of its own table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from wgmon_tui.config.models import WIREGUARD
from wgmon_tui.config.protocol_settings import ProtocolSettings, settings_of
from wgmon_tui.config.server_settings import IDENTITY, SERVER
from wgmon_tui.config.setting import FormField, Section
from wgmon_tui.config.value_types import FormFieldKind, SecretType


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
    table: str = ""
    """The protocol whose table `[server.PROTOCOL]` has the key; "" for the table of the server itself."""
    is_document: bool = False
    """Whether it is a secret of several lines, which nobody types."""

    @property
    def row(self) -> str:
        """The name of the field's row, which no other field has."""
        return row_of(self.key, self.table)

    @property
    def label(self) -> str:
        """The key with spaces instead of underscores."""
        words = self.key.replace("_", " ")
        return words if len(words) <= _LABEL_LENGTH else f"{words[: _LABEL_LENGTH - 1]}…"


_LABEL_LENGTH = 16
_LAST = 1000
_LISTS = "Separate several with commas; - alone means none."


def row_of(key: str, table: str = "") -> str:
    """The name of the row of a key in a table."""
    return f"{table}.{key}" if table else key


def fields_of(section: Section, table: str = "") -> tuple[FieldSpec, ...]:
    """The fields of a section's settings, sorted by their position in the form.

    In the `table` of a protocol, a setting without a position is one of the last, behind "more".
    """
    forms = (
        (each.form or (FormField(_LAST + number, more=True) if table else None), each)
        for number, each in enumerate(section.settings)
    )
    placed = [(form.place, form, setting) for form, setting in forms if form is not None]
    return tuple(
        FieldSpec(
            setting.key,
            setting.type.kind,
            f"{setting.help} {_LISTS}" if setting.type.kind is FormFieldKind.LIST else setting.help,
            form.example,
            form.more,
            table,
            isinstance(setting.type, SecretType) and setting.type.document is not None,
        )
        for _, form, setting in sorted(placed, key=lambda each: each[0])
    )


SERVER_FIELDS = fields_of(SERVER)
IDENTITY_FIELDS = fields_of(IDENTITY)


def server_fields(protocol: str) -> tuple[FieldSpec, ...]:
    """The fields of a server with this protocol, whose own ones follow the endpoint.

    Of another protocol than WireGuard, the choice comes before them. The servers of most users are of
    WireGuard, and what they type first is the name, the endpoint and the key.
    """
    settings = settings_of(protocol)
    has = {each.key for each in SERVER.settings if settings.has_key(each)}
    shared = [each for each in SERVER_FIELDS if each.key in has]
    if protocol != WIREGUARD:
        shared.sort(key=lambda each: (each.key != "name", each.key != "protocol"))
    shared = [_with_usual_port(each, settings) for each in shared]
    after = 1 + [each.key for each in shared].index("endpoint")
    own = fields_of(settings.section, protocol) if settings.section else ()
    return tuple(sorted((*shared[:after], *own, *shared[after:]), key=lambda each: each.more))


def _with_usual_port(field: FieldSpec, settings: ProtocolSettings) -> FieldSpec:
    """The endpoint with an example of the protocol; any other field as it is."""
    is_endpoint = field.key == "endpoint"
    return replace(field, example=f"e.g. fra1.example.net:{settings.usual_port}") if is_endpoint else field
