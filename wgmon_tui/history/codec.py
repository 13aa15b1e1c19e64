"""A round with its packets as bytes and back: how exchanges are stored.

JSON that follows the records' own type hints, compressed: a new field or kind of evidence is stored without a
word here, under its name in the code. So those names are a form that lies in stores. What is read may be
older or newer than this program: fields and kinds of evidence that we do not know are left out, and absent
fields take their defaults.
"""

from __future__ import annotations

import json
import types
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wgmon_tui.monitor.board import Round
from wgmon_tui.probe.records import Check
from wgmon_tui.wireguard.keys import PublicKey

Json = Any
"""What `json` reads and writes."""

_VERSION = b"\x01"

_LOADED_LATER = {"Check": Check}
"""What the modules of our records do not import: faces are painted without it."""


class ForeignError(Exception):
    """A value that another version wrote, or nobody."""


def to_bytes(outcome: Round) -> bytes:
    """A round, to be stored. Holds no key but public ones and the sealed ones on the wire."""
    write, _ = form_of(Round)
    return _VERSION + zlib.compress(json.dumps(write(outcome), separators=(",", ":")).encode())


def from_bytes(data: bytes) -> Round | None:
    """The round of stored bytes; None where they are none of ours, or of a version that we cannot read."""
    _, read = form_of(Round)
    if data[:1] != _VERSION:
        return None
    try:
        outcome = read(json.loads(zlib.decompress(data[1:])))
    except (zlib.error, ValueError, RecursionError, ForeignError):
        return None
    if not isinstance(outcome, Round) or not len(outcome.checks) == len(outcome.diagnoses) > 0:
        return None
    return outcome


Form = tuple[Callable[[Any], Json], Callable[[Json], Any]]
"""How a type is written, and how it is read: that raises ForeignError for what is not of the type."""


@cache
def form_of(hint: Any) -> Form:
    """Raises TypeError for a type that has no form here: a secret has none, so that it cannot slip in."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _form_of_union(args)
    if origin is tuple and len(args) == 2 and args[1] is ...:
        return _form_of_tuple(args[0])
    if origin is Literal:
        return _as_it_is, _reading(lambda value: value in args)
    if hint in _LEAVES:
        return _LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda member: member.name, lambda name: _looked_up(hint.__members__, name)
    if isinstance(hint, type) and is_dataclass(hint):
        return _form_of_record(hint)
    raise TypeError(f"no stored form for {hint}")


def _form_of_record(kind: type[Any]) -> Form:
    """An object with the fields' names."""
    hints = get_type_hints(kind, localns=_LOADED_LATER)
    forms = {field.name: form_of(hints[field.name]) for field in fields(kind)}
    required = {
        field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING
    }

    def write(record: Any) -> Json:
        return {name: write_field(getattr(record, name)) for name, (write_field, _) in forms.items()}

    def read(value: Json) -> Any:
        if not isinstance(value, dict) or not required <= value.keys():
            raise ForeignError
        return kind(
            **{name: read_field(value[name]) for name, (_, read_field) in forms.items() if name in value}
        )

    return write, read


def _form_of_union(args: tuple[Any, ...]) -> Form:
    """One type or null; an address of either version; or one of several records, named: ["Silence", {…}]."""
    kinds = [arg for arg in args if arg is not types.NoneType]
    if len(kinds) < len(args):
        write, read = _form_of_union(tuple(kinds))
        return (
            lambda value: None if value is None else write(value),
            lambda value: None if value is None else read(value),
        )
    if len(kinds) == 1:
        return form_of(kinds[0])
    if set(kinds) == {IPv4Address, IPv6Address}:
        return str, _parsing(ip_address)
    if set(kinds) == {IPv4Interface, IPv6Interface}:
        return str, _parsing(ip_interface)
    forms = {kind.__name__: _form_of_record(kind) for kind in kinds}

    def write_named(record: Any) -> Json:
        name = type(record).__name__
        return [name, forms[name][0](record)]

    def read_named(value: Json) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            raise ForeignError
        _, read = _looked_up(forms, value[0])
        return read(value[1])

    return write_named, read_named


def _form_of_tuple(of: Any) -> Form:
    """An array; of named records, those that we do not know are left out."""
    write, read = form_of(of)
    named = get_origin(of) in (Union, types.UnionType) and all(map(is_dataclass, get_args(of)))

    def read_all(value: Json) -> Any:
        if not isinstance(value, list):
            raise ForeignError
        return tuple(_known(read, value) if named else map(read, value))

    return lambda values: [write(value) for value in values], read_all


def _known(read: Callable[[Json], Any], values: list[Json]) -> list[Any]:
    known = []
    for value in values:
        with suppress(ForeignError):
            known.append(read(value))
    return known


def _looked_up(table: Mapping[str, Any], name: Json) -> Any:
    if not isinstance(name, str) or name not in table:
        raise ForeignError
    return table[name]


def _as_it_is(value: Any) -> Json:
    return value


def _reading(fits: Callable[[Json], bool]) -> Callable[[Json], Any]:
    def read(value: Json) -> Any:
        if not fits(value):
            raise ForeignError
        return value

    return read


def _parsing(parse: Callable[[str], Any]) -> Callable[[Json], Any]:
    def read(value: Json) -> Any:
        if not isinstance(value, str):
            raise ForeignError
        try:
            return parse(value)
        except ValueError:
            raise ForeignError from None

    return read


_LEAVES: dict[Any, Form] = {
    bool: (_as_it_is, _reading(lambda value: type(value) is bool)),
    int: (_as_it_is, _reading(lambda value: type(value) is int)),
    float: (_as_it_is, _reading(lambda value: type(value) in (int, float))),
    str: (_as_it_is, _reading(lambda value: type(value) is str)),
    bytes: (lambda value: b64encode(value).decode(), _parsing(b64decode)),
    PublicKey: (str, _parsing(PublicKey.from_text)),
}
