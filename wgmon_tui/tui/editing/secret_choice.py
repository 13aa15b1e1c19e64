"""The choice of where a secret is: kept, typed, in a file, from a command, a variable or a credential."""

from __future__ import annotations

from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.config.protocol_settings import SecretText
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.tui.editing.field_row import FieldRow, Option
from wgmon_tui.tui.editing.field_values import to_value

KEEP, SET, NONE = "keep", "set", "none"
"""The secret stays, is typed, or is not set. Other values of the choice are those of `SecretForm`."""

TYPED = "typed"
"""The file of a typed secret while the form is checked: it is written when the form is saved."""

_KEPT = {
    SecretForm.COMMAND: "from a command",
    SecretForm.ENV: "from the environment",
    SecretForm.CREDENTIAL: "a systemd credential",
    SecretForm.INLINE: "in servers.toml itself",
}
_PLACES: tuple[Option, ...] = (
    (SecretForm.FILE.value, "in the file:"),
    (SecretForm.COMMAND.value, "from the command:"),
    (SecretForm.ENV.value, "from the variable:"),
    (SecretForm.CREDENTIAL.value, "systemd credential:"),
)
_WHAT_TO_TYPE = {
    SecretForm.FILE.value: "type the path of the file",
    SecretForm.COMMAND.value: "type the command and its arguments",
    SecretForm.ENV.value: "type the name of the variable",
    SecretForm.CREDENTIAL.value: "type the name of the credential",
}


def secret_options(source: SecretSource | None, *, is_document: bool = False) -> list[Option]:
    """The options of a secret with this source. Nobody types a document of several lines."""
    places = [*_PLACES] if is_document else [(SET, "set one:"), *_PLACES]
    if source is None:
        return [(NONE, "not set"), *places]
    if not is_document:
        places[0] = (SET, "replace it:")
    kept = f"in {source.value}" if source.form is SecretForm.FILE else _KEPT[source.form]
    return [(KEEP, f"set, {kept}"), *places, (NONE, "remove it")]


def shows_input(choice: str) -> bool:
    """Whether something is to be typed beside the choice."""
    return choice not in (KEEP, NONE)


def entry_of(key: str, row: FieldRow) -> dict[str, object]:
    """The key of servers.toml for what is chosen in a row; none for a secret that is kept or not set.

    Raises InvalidValueError if something is still to be typed.
    """
    if not shows_input(row.text):
        return {}
    typed = row.secret.strip()
    if row.text == SET:
        if not typed:
            raise InvalidValueError(f"type or paste {'the key' if key.endswith('key') else 'it'}")
        return {f"{key}{SecretForm.FILE.value}": TYPED}
    if not typed:
        raise InvalidValueError(_WHAT_TO_TYPE[row.text])
    kind = FormFieldKind.COMMAND if row.text == SecretForm.COMMAND.value else FormFieldKind.TEXT
    return {f"{key}{row.text}": to_value(kind, typed)}


def typed_secret(row: FieldRow) -> SecretText | None:
    """The secret that was typed, for a file of its own; None without one."""
    return SecretText(row.secret.strip()) if row.text == SET and row.secret.strip() else None
