"""servers.toml, from text to records and back. Strict: what is not understood is an error, on one line.

The line says where (`servers.toml: server "fra1": key interval: …`), what was expected and what stood there;
a value that may be secret it never repeats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar

import tomli_w

from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, Server
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
"""So many blocks that were read are known again: three times the servers of a large fleet."""

T = TypeVar("T")


def parse(text: str, source: str = "servers.toml") -> Fleet:
    """The fleet that a servers.toml describes; `source` is the file's name in messages.

    Raises ConfigurationError for the first thing that cannot stand.
    """
    try:
        return _by_blocks(text)
    except ConfigurationError:
        return _whole(text, source)


def _by_blocks(text: str) -> Fleet:
    """The fleet of `_whole`, by blocks that begin with `[[server]]`: one that is known is not read again.

    That comes to the same: each block can be read alone, so none ends within a string or a list. Raises
    ConfigurationError where one cannot, or says more than one server, whatever the reason.
    """
    head, *blocks = _SERVER_LINE.split(text)
    fleet = _whole(head, "")
    shared, identities = _shared(fleet), tuple(identity.name for identity in fleet.identities)
    servers = tuple(_block(block, shared, identities) for block in blocks)
    if fleet.servers or len({server.name for server in servers}) < len(servers):
        raise ConfigurationError("not one block for each server")
    return replace(fleet, servers=servers)


@lru_cache(_REMEMBERED)
def _block(text: str, shared: SharedValues, identities: tuple[str, ...]) -> Server:
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
    shared = _defaults(defaults, source, list(identities))
    servers = _by_name(
        [
            (table, _server(table, shared, list(identities)))
            for table in _named_tables(document, "server", SERVER_KEYS)
        ]
    )
    return Fleet(tuple(servers.values()), tuple(identities.values()), defaults)


def render(fleet: Fleet) -> str:
    """The text of which `parse` makes this fleet again; a server stands without what its defaults say.

    Raises ConfigurationError where `fleet.defaults` cannot stand.
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
    """The table that the file has for this server: without what the fleet's defaults say."""
    return server_table(server, _shared(fleet))


def usual_entries(fleet: Fleet) -> dict[str, object]:
    """What is in force for a server that says nothing itself, as its table would say it."""
    entries = shared_entries(_shared(fleet))
    if entries["identity"] is None and len(fleet.identities) == 1:
        entries["identity"] = fleet.identities[0].name
    return entries


def read_server(fleet: Fleet, entries: Mapping[str, object]) -> Server:
    """The server that such a table describes in this fleet. Raises ConfigurationError."""
    table = TomlTable(f"servers.toml: server {describe(entries.get('name', ''))}", entries, SERVER_KEYS)
    return _server(table, _shared(fleet), [identity.name for identity in fleet.identities])


def _shared(fleet: Fleet) -> SharedValues:
    return _defaults(fleet.defaults, "servers.toml", [identity.name for identity in fleet.identities])


def _named_tables(document: TomlTable, kind: str, known: Iterable[str]) -> Iterable[TomlTable]:
    """Each table with its name in its errors, or its number where it has no name that can be shown."""
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


def _defaults(raw: dict[str, object], source: str, identities: Sequence[str]) -> SharedValues:
    where = f"{source}: defaults"
    for key in raw:
        if key in SERVER_KEYS and key not in SETTINGS_KEYS:
            raise ConfigurationError(f"{where}: key {key}: belongs in a [[server]]; servers cannot share it")
    table = TomlTable(where, raw, SETTINGS_KEYS)
    said = read_settings(table, SHARED)
    if "identity" in said:
        _known_identity(table, said["identity"], identities)
    return tuple(said.items())


def _server(table: TomlTable, shared: SharedValues, identities: Sequence[str]) -> Server:
    values = in_force({**dict(shared), **read_settings(table, SHARED)})
    check_times(table, values)
    check_window(table, values)
    values |= read_settings(table, _REQUIRED)
    values["identity"] = _known_identity(table, values["identity"], identities)
    return Server(**values, **read_settings(table, _OPTIONAL))


def _known_identity(table: TomlTable, name: str | None, known: Sequence[str]) -> str:
    """The identity that is meant: the named one, or the only one there is."""
    if not known:
        raise table.error("identity", "there is no [[identity]] yet; make one: wgmon-tui keygen NAME")
    if name is None and len(known) == 1:
        return known[0]
    if name is None:
        raise table.error("identity", f"missing, and there are several; choose one of {_listed(known)}")
    if name not in known:
        nearest = get_close_matches(name, known, n=1) or known
        raise table.error("identity", f'no [[identity]] is named "{name}"; there is {_listed(nearest)}')
    return name


def _listed(names: Sequence[str]) -> str:
    return format_list((f'"{name}"' for name in names), most=_NAMED)
