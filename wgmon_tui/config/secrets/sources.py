"""Sources of secrets, in the five forms of servers.toml. No message repeats their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wgmon_tui.child_processes import hide_variables
from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.config.toml_reader import TomlTable, as_command, as_secret_text
from wgmon_tui.config.value_parsers import InvalidValueError, is_key
from wgmon_tui.text import looks_like_secret

_Readers = Mapping[SecretForm, Callable[[object], str | tuple[str, ...]]]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def secret_keys(prefix: str) -> tuple[str, ...]:
    """The five keys that may hold a secret: private_key_file, private_key_command …"""
    return tuple(prefix + form.value for form in SecretForm)


def read_secret(table: TomlTable, prefix: str) -> SecretSource | None:
    """The source of a WireGuard key; None if no form is present. Raises ConfigurationError."""
    return _read(table, prefix, _KEY_READERS)


def read_text_secret(table: TomlTable, prefix: str) -> SecretSource | None:
    """The source of a secret text: an address, a token, a password. Raises ConfigurationError."""
    return _read(table, prefix, _TEXT_READERS)


def read_document(table: TomlTable, prefix: str) -> SecretSource | None:
    """The source of a text of several lines: a private key, certificates. Raises ConfigurationError."""
    return _read(table, prefix, _DOCUMENT_READERS)


def _read(table: TomlTable, prefix: str, readers: _Readers) -> SecretSource | None:
    forms = [form for form in SecretForm if prefix + form.value in table.raw]
    if not forms:
        return None
    if len(forms) > 1:
        first, second = (prefix + form.value for form in forms[:2])
        raise table.error(second, f"{first} is set too; keep only one of them")
    form = forms[0]
    source = SecretSource(form, table.require(prefix + form.value, readers[form]))
    if form is SecretForm.ENV and isinstance(source.value, str):
        hide_variables((source.value,))
    return source


def secret_entry(prefix: str, source: SecretSource) -> dict[str, object]:
    """Inverse of `read_secret`: the TOML key and value of a source."""
    value = source.value if isinstance(source.value, str) else list(source.value)
    return {prefix + source.form.value: value}


def _inline_key(value: object) -> str:
    text = as_secret_text(value)
    if not is_key(text):
        raise InvalidValueError("not a WireGuard key: expected 44 characters of base64 that end in '='")
    return text


def _file_path(value: object) -> str:
    text = as_secret_text(value)
    if not text.strip() or looks_like_secret(text):
        raise InvalidValueError("expected the path of the file that holds the secret, not the secret itself")
    return text


def _variable_name(value: object) -> str:
    text = as_secret_text(value)
    if not _VARIABLE.fullmatch(text):
        raise InvalidValueError("expected the name of an environment variable: letters, digits and _")
    return text


def _credential_name(value: object) -> str:
    text = as_secret_text(value)
    if not _CREDENTIAL.fullmatch(text) or looks_like_secret(text):
        raise InvalidValueError(
            "expected the name of a systemd credential: letters, digits, '.', '_' and '-'"
        )
    return text


def _non_empty_text(value: object) -> str:
    text = as_secret_text(value)
    if not text.strip():
        raise InvalidValueError("expected text that is not empty")
    return text


def _document(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidValueError("expected text that is not empty, in quotes")
    for line in value.splitlines():
        as_secret_text(line)
    return value


_KEY_READERS: _Readers = {
    SecretForm.FILE: _file_path,
    SecretForm.COMMAND: as_command('["pass", "show", "wg/bastion"]'),
    SecretForm.ENV: _variable_name,
    SecretForm.CREDENTIAL: _credential_name,
    SecretForm.INLINE: _inline_key,
}

_TEXT_READERS: _Readers = {
    **_KEY_READERS,
    SecretForm.COMMAND: as_command('["pass", "show", "alerts/pager"]'),
    SecretForm.INLINE: _non_empty_text,
}

_DOCUMENT_READERS: _Readers = {
    **_TEXT_READERS,
    SecretForm.COMMAND: as_command('["pass", "show", "vpn/monitor.pem"]'),
    SecretForm.INLINE: _document,
}
