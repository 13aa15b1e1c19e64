"""servers.toml, from text to records and back. Strict: anything unknown is a one-line error.

The line has the location (`servers.toml: server "fra1": key interval: …`), what was expected and what was
found. It never repeats a value that may be secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar

import tomli_w

from wgmon_tui.config.models import WIREGUARD, ConfigurationError, Fleet, Identity, Server
from wgmon_tui.config.server_settings import IDENTITY, SERVER, SETTINGS_KEYS, SHARED
from wgmon_tui.config.setting import read_settings, write_settings
from wgmon_tui.config.shared_settings import (
    SharedValues,
    check_times,
    check_window,
    in_force,
    server_table,
    shared_entries,
)
from wgmon_tui.config.toml_reader import TomlTable, as_name, as_table, as_tables, describe, load_toml
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.text import format_list

HEADER = '# wgmon-tui writes this file. What you would put in a comment, put in a server as note = "…".'

SERVER_KEYS = SERVER.known_keys
"""All keys of a `[[server]]`."""

_REQUIRED = tuple(setting for setting in SERVER.settings if setting.required)
_OPTIONAL = tuple(setting for setting in SERVER.settings if not (setting.required or setting.shared))

_SERVER_LINE = re.compile(r"^(?=\[\[server\]\][ \t]*\r?$)", re.MULTILINE)

_NAMED = 5
_REMEMBERED = 32768
"""Cache size in parsed blocks: three times the servers of a large fleet."""

_FLEETS = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _KnownIdentities:
    """The names of all identities: in order, and to look one up. Cheap to hash, unlike thousands of names."""

    names: tuple[str, ...]
    index: frozenset[str]


@lru_cache(_FLEETS)
def _known_identities(names: tuple[str, ...]) -> _KnownIdentities:
    """The same object for the same names, so that `_block` finds what it parsed before."""
    return _KnownIdentities(names, frozenset(names))


def parse(text: str, source: str = "servers.toml") -> Fleet:
    """Parse a servers.toml; `source` is the file name in messages.

    Raises ConfigurationError for the first error.
    """
    try:
        return _by_blocks(text)
    except ConfigurationError:
        return _whole(text, source)


def _by_blocks(text: str) -> Fleet:
    """Same result as `_whole`, from blocks that begin with `[[server]]`; parsed blocks are cached.

    The result is the same because each block parses alone, so none ends inside a string or a list. Raises
    ConfigurationError if a block does not parse, or has more than one server.
    """
    head, *blocks = _SERVER_LINE.split(text)
    fleet = _whole(head, "")
    shared, identities = _shared(fleet), _known_identities(tuple(each.name for each in fleet.identities))
    servers = tuple(_block(block, shared, identities) for block in blocks)
    if fleet.servers or len({server.name for server in servers}) < len(servers):
        raise ConfigurationError("not one block for each server")
    return replace(fleet, servers=servers)


@lru_cache(_REMEMBERED)
def _block(text: str, shared: SharedValues, identities: _KnownIdentities) -> Server:
    tables = TomlTable("", load_toml(text, ""), ("server",)).require("server", as_tables)
    if len(tables) > 1:
        raise ConfigurationError("more than one server in a block")
    return _server(TomlTable("", tables[0], SERVER_KEYS), shared, identities)


def _whole(text: str, source: str) -> Fleet:
    document = TomlTable(source, load_toml(text, source), ("defaults", "identity", "server"))
    identities = _by_name(
        [(table, _identity(table)) for table in _named_tables(document, "identity", IDENTITY.known_keys)]
    )
    defaults: dict[str, object] = document.get("defaults", as_table, {})
    known = _known_identities(tuple(identities))
    shared = _defaults(defaults, source, known)
    servers = _by_name(
        [(table, _server(table, shared, known)) for table in _named_tables(document, "server", SERVER_KEYS)]
    )
    return Fleet(tuple(servers.values()), tuple(identities.values()), defaults)


def render(fleet: Fleet) -> str:
    """Inverse of `parse`. A server is written without values that equal `[defaults]`.

    Raises ConfigurationError if `fleet.defaults` is invalid.
    """
    shared = _shared(fleet)
    blocks = [HEADER + "\n"]
    if fleet.defaults:
        blocks.append("[defaults]\n" + tomli_w.dumps(fleet.defaults))
    blocks += [
        "[[identity]]\n" + tomli_w.dumps(write_settings(identity, IDENTITY.settings, IDENTITY.usual()))
        for identity in fleet.identities
    ]
    blocks += ["[[server]]\n" + tomli_w.dumps(server_table(server, shared)) for server in fleet.servers]
    return "\n".join(blocks)


def server_entries(fleet: Fleet, server: Server) -> dict[str, object]:
    """The table of this server in the file, without values that equal the fleet's defaults."""
    return server_table(server, _shared(fleet))


def usual_entries(fleet: Fleet) -> dict[str, object]:
    """The effective settings of a server with an empty table, as TOML entries."""
    entries = {"protocol": WIREGUARD, **shared_entries(_shared(fleet))}
    if entries["identity"] is None and len(fleet.identities) == 1:
        entries["identity"] = fleet.identities[0].name
    return entries


def read_server(fleet: Fleet, entries: Mapping[str, object]) -> Server:
    """Read a server of this fleet from its table. Raises ConfigurationError."""
    table = TomlTable(f"servers.toml: server {describe(entries.get('name', ''))}", entries, SERVER_KEYS)
    return _server(table, _shared(fleet), _known_identities(tuple(each.name for each in fleet.identities)))


def _shared(fleet: Fleet) -> SharedValues:
    identities = _known_identities(tuple(each.name for each in fleet.identities))
    return _defaults(fleet.defaults, "servers.toml", identities)


def _named_tables(document: TomlTable, kind: str, known: Iterable[str]) -> Iterable[TomlTable]:
    """Each table, labelled in errors by its name, or by its number if the name cannot be shown."""
    tables: list[dict[str, object]] = document.get(kind, as_tables, [])
    for number, raw in enumerate(tables, start=1):
        try:
            label = f'"{as_name(raw.get("name"))}"'
        except InvalidValueError:
            label = str(number)
        yield TomlTable(f"{document.where}: {kind} {label}", raw, known)


def _by_name(entries: Iterable[tuple[TomlTable, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for table, entry in entries:
        name = table.require("name", as_name)
        if name in found:
            raise table.error("name", "this name is used twice; give each its own name")
        found[name] = entry
    return found


def _identity(table: TomlTable) -> Identity:
    values = read_settings(table, [each for each in IDENTITY.settings if each.required])
    if "private_key" not in values:
        raise table.error(
            "private_key_file", "missing; name the file that holds the key, or type: wgmon-tui keygen NAME"
        )
    return Identity(
        **values, **read_settings(table, [each for each in IDENTITY.settings if not each.required])
    )


def _defaults(raw: dict[str, object], source: str, identities: _KnownIdentities) -> SharedValues:
    where = f"{source}: defaults"
    for key in raw:
        if key in SERVER_KEYS and key not in SETTINGS_KEYS:
            raise ConfigurationError(f"{where}: key {key}: belongs in a [[server]]; servers cannot share it")
    table = TomlTable(where, raw, SETTINGS_KEYS)
    explicit = read_settings(table, SHARED)
    if "identity" in explicit:
        _known_identity(table, explicit["identity"], identities)
    return tuple(explicit.items())


def _server(table: TomlTable, shared: SharedValues, identities: _KnownIdentities) -> Server:
    values = in_force({**dict(shared), **read_settings(table, SHARED)})
    check_times(table, values)
    check_window(table, values)
    values |= read_settings(table, _REQUIRED)
    values["identity"] = _known_identity(table, values["identity"], identities)
    return Server(**values, **read_settings(table, _OPTIONAL))


def _known_identity(table: TomlTable, name: str | None, identities: _KnownIdentities) -> str:
    """The identity to use: the named one, or the only one."""
    known = identities.names
    if not known:
        raise table.error("identity", "there is no [[identity]] yet; make one: wgmon-tui keygen NAME")
    if name is None and len(known) == 1:
        return known[0]
    if name is None:
        raise table.error("identity", f"missing, and there are several; choose one of {_listed(known)}")
    if name not in identities.index:
        nearest = get_close_matches(name, known, n=1) or known
        raise table.error("identity", f'no [[identity]] is named "{name}"; there is {_listed(nearest)}')
    return name


def _listed(names: Sequence[str]) -> str:
    return format_list((f'"{name}"' for name in names), most=_NAMED)
