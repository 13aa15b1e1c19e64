"""Converts records to JSON and back, and a round with its packets to compressed bytes.

The JSON follows the type hints of the records. Its names come from the table in stored_names.py, never from
the code. A record, field or enum member that the table lacks raises TypeError.

The data may come from an older or newer version. Unknown fields and unknown kinds of evidence are left out,
and absent fields take their defaults.
"""

from __future__ import annotations

import json
import types
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wgmon_tui.checks.check import Check
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.value_parsers import parse_name_server
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import NameServer
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.store.formats.stored_names import STORED_NAMES, StoredNames

Json = Any
"""A value that `json` reads and writes."""

_VERSION = b"\x01"

_ALWAYS = object()
"""Differs from every value of a field: the field is always written."""

_LOADED_LATER = {"Check": Check}
"""Types that the record modules do not import, so that screens start without them."""


class UnreadableValueError(Exception):
    """A stored value that this version cannot read, or that is damaged."""


def to_bytes(outcome: Round) -> bytes:
    """Encode a round for the store. It contains only public keys, and the sealed ones on the wire."""
    write, _ = codec_of(Round)
    return _VERSION + zlib.compress(json.dumps(write(outcome), separators=(",", ":")).encode())


def from_bytes(data: bytes) -> Round | None:
    """Decode a stored round; None if it is damaged or of a version that this one cannot read."""
    _, read = codec_of(Round)
    if data[:1] != _VERSION:
        return None
    try:
        outcome = read(json.loads(zlib.decompress(data[1:])))
    except (zlib.error, ValueError, RecursionError, UnreadableValueError):
        return None
    if not isinstance(outcome, Round) or not len(outcome.checks) == len(outcome.diagnoses) > 0:
        return None
    return outcome


Form = tuple[Callable[[Any], Json], Callable[[Json], Any]]
"""Encoder and decoder of a type. The decoder raises UnreadableValueError for a value of another type."""


@cache
def codec_of(hint: Any, names: StoredNames = STORED_NAMES) -> Form:
    """Return the encoder and decoder of a type, under the stored names of `names`.

    Raises TypeError for a type without a stored form, so that no secret is stored by mistake. Also raises it
    for a record or enum whose stored names are missing, incomplete or not unique.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _form_of_union(args, names)
    if origin is tuple and len(args) == 2 and args[1] is ...:
        return _form_of_tuple(args[0], names)
    if origin is Literal:
        return _unchanged, _reading(lambda value: value in args)
    if hint in _LEAVES:
        return _LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _form_of_enum(hint, names)
    if isinstance(hint, type) and is_dataclass(hint):
        return _form_of_record(hint, names)
    raise TypeError(f"no stored form for {hint}")


def check_names(kind: type[Any], stored: Mapping[Any, str], members: Collection[Any]) -> None:
    """Check that `stored` has one name for each field or member of a type, none twice. Raises TypeError."""
    if missing := [member for member in members if member not in stored]:
        raise TypeError(f"{kind.__name__}: no stored name for {missing}")
    if unknown := [member for member in stored if member not in members]:
        raise TypeError(f"{kind.__name__}: stored names for {unknown}, which do not exist")
    if len(set(stored.values())) < len(stored):
        raise TypeError(f"{kind.__name__}: a stored name is used twice")


def _form_of_enum(kind: type[Enum], names: StoredNames) -> Form:
    """Encode an enum as the stored name of its member."""
    stored = names.enums.get(kind)
    if stored is None:
        raise TypeError(f"no stored names for {kind}")
    check_names(kind, stored, tuple(kind))
    members = {name: member for member, name in stored.items()}

    def read(name: Json) -> Any:
        try:
            return members[name]
        except (KeyError, TypeError):  # unknown, or no text
            raise UnreadableValueError from None

    return stored.__getitem__, read


def _form_of_record(kind: type[Any], names: StoredNames) -> Form:
    """Encode a record as an object with the stored names of its fields."""
    if kind not in names.records:
        raise TypeError(f"no stored names for {kind}")
    stored = names.records[kind].fields
    check_names(kind, stored, [field.name for field in fields(kind)])
    hints = get_type_hints(kind, localns=_LOADED_LATER)
    forms = [(name, key, codec_of(hints[name], names)) for name, key in stored.items()]
    required = {
        stored[field.name]
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    }

    unset = {field.name: field.default for field in fields(kind) if field.name in names.records[kind].sparse}

    def write(record: Any) -> Json:
        return {
            key: write_field(value)
            for name, key, (write_field, _) in forms
            if (value := getattr(record, name)) != unset.get(name, _ALWAYS)
        }

    def read(value: Json) -> Any:
        if not isinstance(value, dict) or not required <= value.keys():
            raise UnreadableValueError
        return kind(**{name: read_field(value[key]) for name, key, (_, read_field) in forms if key in value})

    return write, read


def _form_of_union(args: tuple[Any, ...], names: StoredNames) -> Form:
    """Encode a union: one type or null; an address of either version; or one of several records, ["Silence",
    {…}].
    """
    kinds = [arg for arg in args if arg is not types.NoneType]
    if len(kinds) < len(args):
        write, read = _form_of_union(tuple(kinds), names)
        return (
            lambda value: None if value is None else write(value),
            lambda value: None if value is None else read(value),
        )
    if len(kinds) == 1:
        return codec_of(kinds[0], names)
    if set(kinds) == {IPv4Address, IPv6Address}:
        return str, _parsing(_ip_address)
    if set(kinds) == {IPv4Interface, IPv6Interface}:
        return str, _parsing(_ip_interface)
    return _form_of_named(kinds, names)


def _form_of_named(kinds: list[type[Any]], names: StoredNames) -> Form:
    """Encode one of several records, preceded by the stored name of its kind."""
    forms = {kind: _form_of_record(kind, names) for kind in kinds}
    stored = {kind: names.records[kind].kind for kind in kinds}
    if not all(stored.values()) or len(set(stored.values())) < len(stored):
        raise TypeError(f"expected a unique stored kind for each of {kinds}")
    readers = {name: forms[kind][1] for kind, name in stored.items()}

    def write_named(record: Any) -> Json:
        kind = type(record)
        return [stored[kind], forms[kind][0](record)]

    def read_named(value: Json) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            raise UnreadableValueError
        return _lookup(readers, value[0])(value[1])

    return write_named, read_named


def _form_of_tuple(of: Any, names: StoredNames) -> Form:
    """Encode a tuple as an array; unknown kinds of records are skipped on decoding."""
    write, read = codec_of(of, names)
    named = get_origin(of) in (Union, types.UnionType) and all(map(is_dataclass, get_args(of)))

    def read_all(value: Json) -> Any:
        if not isinstance(value, list):
            raise UnreadableValueError
        return tuple(_known(read, value) if named else map(read, value))

    return lambda values: [write(value) for value in values], read_all


def _known(read: Callable[[Json], Any], values: list[Json]) -> list[Any]:
    known = []
    for value in values:
        with suppress(UnreadableValueError):
            known.append(read(value))
    return known


def _lookup(table: Mapping[str, Any], name: Json) -> Any:
    if not isinstance(name, str) or name not in table:
        raise UnreadableValueError
    return table[name]


def _unchanged(value: Any) -> Json:
    return value


def _reading(fits: Callable[[Json], bool]) -> Callable[[Json], Any]:
    def read(value: Json) -> Any:
        if not fits(value):
            raise UnreadableValueError
        return value

    return read


def _parsing(parse: Callable[[str], Any]) -> Callable[[Json], Any]:
    def read(value: Json) -> Any:
        if not isinstance(value, str):
            raise UnreadableValueError
        try:
            return parse(value)
        except ValueError:
            raise UnreadableValueError from None

    return read


_PARSED_TEXTS = 16_384
"""Parsed texts to keep: checks repeat the addresses and keys of servers, and parsing took half the time."""

_ip_address = lru_cache(_PARSED_TEXTS)(ip_address)
_ip_interface = lru_cache(_PARSED_TEXTS)(ip_interface)
_public_key = lru_cache(_PARSED_TEXTS)(PublicKey.from_text)


def _read_number(value: Json) -> Any:
    if type(value) in (float, int):
        return value
    raise UnreadableValueError


def _read_text(value: Json) -> Any:
    if type(value) is str:
        return value
    raise UnreadableValueError


_LEAVES: dict[Any, Form] = {
    bool: (_unchanged, _reading(lambda value: type(value) is bool)),
    int: (_unchanged, _reading(lambda value: type(value) is int)),
    float: (_unchanged, _read_number),
    str: (_unchanged, _read_text),
    bytes: (lambda value: b2a_base64(value, newline=False).decode(), _parsing(a2b_base64)),
    PublicKey: (str, _parsing(_public_key)),
    NameServer: (str, _parsing(parse_name_server)),
    HttpTarget: (str, _parsing(parse_http_target)),
}
