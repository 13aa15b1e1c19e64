"""Value types of settings: how each is read, written, described and edited.

Each type is declared once. The readers of servers.toml and config.toml, the writer, the forms, the reference
pages in docs/ and the JSON Schemas for editors use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum, auto
from functools import cache, partial
from pathlib import Path
from typing import Any

from wgmon_tui.config.http_targets import parse_http_target, parse_url, read_certificates
from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.config.secrets.sources import read_document, read_secret, read_text_secret
from wgmon_tui.config.toml_reader import (
    TomlTable,
    as_boolean,
    as_command,
    as_integer,
    as_list,
    as_name,
    as_parsed,
    as_seconds,
    as_text,
    describe,
)
from wgmon_tui.config.value_parsers import (
    NAME_LENGTH,
    WIREGUARD_PORT,
    InvalidValueError,
    format_duration,
    parse_address,
    parse_endpoint,
    parse_interface,
    parse_name,
    parse_name_server,
    parse_public_key,
    parse_tunnel_endpoint,
    parse_witness,
)
from wgmon_tui.records import dataclass
from wgmon_tui.text import did_you_mean

_DURATION_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,20})?(ms|s|m|h|d)$"
_NOT_BLANK = r"\S"
_WORDS: Mapping[str, object] = {"type": "array", "items": {"type": "string"}, "minItems": 1}


class FormFieldKind(Enum):
    """How a form asks for a value: a line to type, a choice, or the place of a secret."""

    TEXT = auto()
    NUMBER = auto()
    LIST = auto()
    COMMAND = auto()
    YES_NO = auto()
    CHOICE = auto()
    SECRET = auto()


def _unchanged(value: Any) -> object:
    return value


def _texts(values: Iterable[object]) -> object:
    return [str(value) for value in values]


@dataclass(frozen=True, slots=True)
class ValueType:
    """One type of value. `name` and `limits` appear in the reference pages; `schema` is JSON Schema.

    `read` raises InvalidValueError. `write` is the inverse of `read`. The schema accepts everything that
    `read` accepts. It may accept more: it has no limits for durations.
    """

    name: str
    read: Callable[[object], Any] = field(repr=False)
    schema: Mapping[str, object] = field(repr=False)
    limits: str = ""
    write: Callable[[Any], object] = field(default=_unchanged, repr=False)
    kind: FormFieldKind = FormFieldKind.TEXT


def _as_it_is(content: bytes, _: Path | None) -> bytes:
    return content


@dataclass(frozen=True, slots=True)
class SecretDocument:
    """A secret of several lines, such as a private key in PEM. `max_bytes` limits its file.

    `is_public` is for what comes from the same sources and is no secret: others may read its file.

    `complete` makes the secret from what was read, and gets the path of its file, for files that it names
    beside itself. It raises ConfigurationError, a phrase to put after the key.
    """

    max_bytes: int
    complete: Callable[[bytes, Path | None], bytes] = field(default=_as_it_is, repr=False)
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class SecretType:
    """A secret in one of five keys: `KEY_file`, `KEY_command`, … `find` returns its source.

    `document` is set for a secret of several lines.
    """

    find: Callable[[TomlTable, str], SecretSource | None] = field(repr=False)
    schemas: Mapping[SecretForm, Mapping[str, object]] = field(repr=False)
    name: str = "secret"
    limits: str = ""
    kind: FormFieldKind = FormFieldKind.SECRET
    document: SecretDocument | None = None


def text_type(
    name: str,
    parse: Callable[[str], Any],
    *,
    pattern: str = "",
    limits: str = "",
    write: Callable[[Any], object] = str,
    **schema: object,
) -> ValueType:
    """A text in the syntax of `parse`. `schema` adds keywords to its JSON Schema."""
    described = {"type": "string", **({"pattern": pattern} if pattern else {}), **schema}
    return ValueType(name, as_parsed(parse), described, limits, write)


def integer(least: int, most: int) -> ValueType:
    """An integer between two limits."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return ValueType(
        "integer", as_integer(least, most), schema, f"{least} to {most}", kind=FormFieldKind.NUMBER
    )


def duration(least: float, most: float) -> ValueType:
    """A duration with its unit, between two limits in seconds."""
    limits = f"{format_duration(least)} to {format_duration(most)}"
    schema = {"type": "string", "pattern": _DURATION_PATTERN}
    return ValueType("duration", as_seconds(least, most), schema, limits, format_duration)


def durations(least: float, most: float) -> ValueType:
    """A list of durations with their units, each between two limits in seconds."""
    one = duration(least, most)

    def write(values: Iterable[float]) -> object:
        return [format_duration(each) for each in values]

    schema = {"type": "array", "items": one.schema}
    return ValueType("list of durations", as_list(one.read), schema, one.limits, write, FormFieldKind.LIST)


def list_of(element: ValueType, names: str) -> ValueType:
    """A list of texts of the type `element`. `names` is the name of the list type."""
    # `element.read` takes a TOML value; `as_list` has checked that it is text.
    read = as_list(element.read)
    schema = {"type": "array", "items": element.schema}
    return ValueType(names, read, schema, element.limits, _texts, FormFieldKind.LIST)


def some_of(element: ValueType, names: str) -> ValueType:
    """Like `list_of`, with at least one element."""
    every = list_of(element, names)

    def read(value: object) -> tuple[Any, ...]:
        parsed: tuple[Any, ...] = every.read(value)
        if not parsed:
            raise InvalidValueError("expected a list with at least one element")
        return parsed

    limits = f"at least one: {element.limits}" if element.limits else "at least one"
    return ValueType(names, read, {**every.schema, "minItems": 1}, limits, _texts, FormFieldKind.LIST)


def one_of(words: Iterable[str]) -> ValueType:
    """One of a fixed set of words."""
    known = tuple(words)

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            raise InvalidValueError(_explain_unknown(value, known))
        return value

    return ValueType("word", read, {"enum": list(known)}, ", ".join(f'"{word}"' for word in known))


def _explain_unknown(value: object, known: tuple[str, ...]) -> str:
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    if hint:
        return f"there is no {describe(value)}; {hint}"
    return f"expected one of {', '.join(known)}, got {describe(value)}"


def command(example: str) -> ValueType:
    """A program and its arguments, run without a shell."""
    return ValueType(
        "command",
        as_command(example),
        _WORDS,
        f"a program and its arguments, such as {example}",
        list,
        FormFieldKind.COMMAND,
    )


BOOLEAN = ValueType("boolean", as_boolean, {"type": "boolean"}, "", kind=FormFieldKind.YES_NO)
TEXT = ValueType("text", as_text, {"type": "string"})
NAME = ValueType(
    "name",
    as_name,
    {"type": "string", "pattern": r"^\S(.*\S)?$", "maxLength": NAME_LENGTH},
    f"1 to {NAME_LENGTH} characters",
)
NAMES = list_of(text_type("name", parse_name, minLength=1, maxLength=NAME_LENGTH), "list of names")


@cache
def endpoint_type(usual_port: int) -> ValueType:
    """A host and a port, with this port in the examples of its messages."""
    return text_type(
        "endpoint",
        partial(parse_endpoint, usual_port=usual_port),
        pattern=r"^(\[[^\[\]]+\]|[^:]+):[0-9]{1,5}$",
        limits='"host:port"',
    )


ENDPOINT = endpoint_type(WIREGUARD_PORT)
WITNESS = text_type(
    "host, or host and port", parse_witness, pattern=_NOT_BLANK, limits='"host" or "host:port"'
)
PUBLIC_KEY = text_type(
    "public key", parse_public_key, pattern=r"^[A-Za-z0-9+/]{43}=$", limits="44 characters of base64"
)
PUBLIC_KEYS = list_of(PUBLIC_KEY, "list of public keys")
ADDRESSES = list_of(text_type("address", parse_address, pattern=r"^[0-9A-Fa-f:.]+$"), "list of addresses")
NAME_SERVERS = list_of(
    text_type("name server", parse_name_server, pattern=r"^([^@]+@)?[0-9A-Fa-f:.]+$"),
    'list of addresses or "name@address"',
)
INTERFACES = list_of(
    text_type("address", parse_interface, pattern=r"^[0-9A-Fa-f:.]+(/[0-9.]+)?$"),
    "list of addresses with a prefix length",
)
TUNNEL_ENDPOINTS = list_of(
    text_type("endpoint", parse_tunnel_endpoint, pattern=r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5}$"),
    'list of "address:port"',
)
HTTP_TARGETS = list_of(
    text_type("URL", parse_http_target, pattern=r"^https?://[^ ]+( .*)?$"),
    'list of "URL", "URL status=401", "URL address=10.8.0.5 text=ready"',
)
HTTP_URL = text_type("URL", parse_url, pattern=r"^https?://[^ ]+$", limits='"https://host[:port][/path]"')
CERTIFICATES = ValueType(
    "list of certificates",
    read_certificates,
    {"type": "array", "items": {"type": "string", "pattern": "BEGIN CERTIFICATE"}},
    "PEM",
    _texts,
    FormFieldKind.LIST,
)

_SECRET_SCHEMAS: Mapping[SecretForm, Mapping[str, object]] = {
    SecretForm.FILE: {"type": "string", "pattern": _NOT_BLANK},
    SecretForm.COMMAND: _WORDS,
    SecretForm.ENV: {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    SecretForm.CREDENTIAL: {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*$"},
    SecretForm.INLINE: {"type": "string", "pattern": _NOT_BLANK},
}

KEY_SECRET = SecretType(
    read_secret,
    {
        **_SECRET_SCHEMAS,
        SecretForm.FILE: {"type": "string", "minLength": 1},
        SecretForm.INLINE: PUBLIC_KEY.schema,
    },
)
"""A WireGuard key: private, or preshared."""

TEXT_SECRET = SecretType(read_text_secret, _SECRET_SCHEMAS)
"""An address, a token or a password."""

PEM_SECRET = SecretType(read_document, _SECRET_SCHEMAS, document=SecretDocument(1 << 16))
"""Keys or certificates in PEM."""

PEM_CERTIFICATES = SecretType(
    read_document, _SECRET_SCHEMAS, "certificates", document=SecretDocument(1 << 18, is_public=True)
)
"""Certificates in PEM, in a file that others may read."""
