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
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wgmon_tui.checks.check import Check
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.value_parsers import parse_name_server
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import NameServer, address_text
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.store.formats.compiled_records import (
    Form,
    Json,
    Reader,
    StoredField,
    UnreadableValueError,
    Writer,
    compile_reader,
    compile_row_reader,
    compile_row_writer,
    compile_writer,
)
from wgmon_tui.store.formats.stored_names import STORED_NAMES, StoredNames

__all__ = ["Json", "UnreadableValueError", "check_names", "codec_of", "from_bytes", "to_bytes"]

_VERSION = b"\x01"

_LOADED_LATER = {"Check": Check}
"""Types that the record modules do not import, so that screens start without them."""


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


def codec_of(hint: Any, names: StoredNames = STORED_NAMES) -> tuple[Writer, Reader]:
    """Return the encoder and decoder of a type, under the stored names of `names`.

    The decoder raises UnreadableValueError for a value of another type. Raises TypeError for a type without
    a stored form, so that no secret is stored by mistake. Also raises it for a record or enum whose stored
    names are missing, incomplete or not unique.
    """
    form = _form_of(hint, names)
    return form.write, form.read


@cache
def _form_of(hint: Any, names: StoredNames) -> Form:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _form_of_union(args, names)
    if origin is tuple and len(args) == 2 and args[1] is ...:
        return _form_of_tuple(args[0], names)
    if origin is Literal:
        return _form(_unchanged, _reading(lambda value: value in args))
    if hint in _LEAVES:
        return _LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _form_of_enum(hint, names)
    if isinstance(hint, type) and is_dataclass(hint):
        return _form_of_record(hint, names)
    raise TypeError(f"no stored form for {hint}")


def _form(write: Writer, read: Reader, *, of: Form | None = None, each: Form | None = None) -> Form:
    """A form whose functions exist already."""
    return Form(lambda: write, lambda: read, of=of, each=each)


def _form_of_types(*kinds: type) -> Form:
    """The form of values that JSON has, which are stored as they are."""
    return Form(lambda: _unchanged, lambda: _reading(lambda value: type(value) in kinds), kinds)


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
    texts = {member.name: name for member, name in stored.items()}  # a member's hash is a call in Python

    def write(member: Any) -> Json:
        return texts[member._name_]

    def read(name: Json) -> Any:
        try:
            return members[name]
        except (KeyError, TypeError):  # unknown, or no text
            raise UnreadableValueError from None

    return _form(write, read)


def _form_of_record(kind: type[Any], names: StoredNames) -> Form:
    """Encode a record as an object with the stored names of its fields."""
    if kind not in names.records:
        raise TypeError(f"no stored names for {kind}")
    keys, sparse = names.records[kind].fields, names.records[kind].sparse
    check_names(kind, keys, [field.name for field in fields(kind)])
    hints = get_type_hints(kind, localns=_LOADED_LATER)
    stored = {
        field.name: StoredField(
            field, keys[field.name], _form_of(hints[field.name], names), field.name in sparse
        )
        for field in fields(kind)
    }
    if names.as_rows:
        in_order = tuple(stored.values())
        return Form(lambda: compile_row_writer(in_order), lambda: compile_row_reader(kind, in_order))
    return Form(
        lambda: compile_writer([stored[name] for name in keys]),
        lambda: compile_reader(kind, tuple(stored.values())),
    )


def _form_of_union(args: tuple[Any, ...], names: StoredNames) -> Form:
    """Encode a union.

    It is one type or null; an address of either version; or one of several records, ["Silence", {…}].
    """
    kinds = [arg for arg in args if arg is not types.NoneType]
    if len(kinds) < len(args):
        return _form_or_none(_form_of_union(tuple(kinds), names))
    if len(kinds) == 1:
        return _form_of(kinds[0], names)
    if set(kinds) == {IPv4Address, IPv6Address}:
        return _form(address_text, _parsing(_ip_address))
    if set(kinds) == {IPv4Interface, IPv6Interface}:
        return _form(_interface_text, _parsing(_ip_interface))
    return _form_of_named(kinds, names)


def _form_or_none(form: Form) -> Form:
    if form.types:
        return _form_of_types(*form.types, types.NoneType)
    return _form(
        lambda value: None if value is None else form.write(value),
        lambda value: None if value is None else form.read(value),
        of=form,
    )


def _form_of_named(kinds: list[type[Any]], names: StoredNames) -> Form:
    """Encode one of several records, preceded by the stored name of its kind."""
    forms = {kind: _form_of_record(kind, names) for kind in kinds}
    stored = {kind: names.records[kind].kind for kind in kinds}
    if not all(stored.values()) or len(set(stored.values())) < len(stored):
        raise TypeError(f"expected a unique stored kind for each of {kinds}")
    of_name = {name: forms[kind] for kind, name in stored.items()}

    def write_named(record: Any) -> Json:
        kind = type(record)
        return [stored[kind], forms[kind].write(record)]

    def read_named(value: Json) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            raise UnreadableValueError
        return _lookup(of_name, value[0]).read(value[1])

    return _form(write_named, read_named)


def _form_of_tuple(of: Any, names: StoredNames) -> Form:
    """Encode a tuple as an array; unknown kinds of records are skipped on decoding."""
    form = _form_of(of, names)
    named = get_origin(of) in (Union, types.UnionType) and all(map(is_dataclass, get_args(of)))

    def write_all(values: Any) -> Json:
        write = form.write  # compiled now, if this is the first value
        return [write(value) for value in values]

    def read_all(value: Json) -> Any:
        if type(value) is not list:
            raise UnreadableValueError
        read = form.read
        return tuple(_known(read, value) if named else [read(each) for each in value])

    return _form(write_all, read_all, each=form)


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


_KEPT = 16_384
"""Parsed and written texts to keep: checks repeat the addresses and keys of servers. Parsing took half
of the time.
"""

_ip_address = lru_cache(_KEPT)(ip_address)
_ip_interface = lru_cache(_KEPT)(ip_interface)
_interface_text = lru_cache(_KEPT)(str)
_public_key = lru_cache(_KEPT)(PublicKey.from_text)


_LEAVES: dict[Any, Form] = {
    bool: _form_of_types(bool),
    int: _form_of_types(int),
    float: _form_of_types(float, int),
    str: _form_of_types(str),
    bytes: _form(lambda value: b2a_base64(value, newline=False).decode(), _parsing(a2b_base64)),
    PublicKey: _form(str, _parsing(_public_key)),
    NameServer: _form(str, _parsing(parse_name_server)),
    HttpTarget: _form(str, _parsing(parse_http_target)),
}
