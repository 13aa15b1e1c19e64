"""servers.toml, from text to records and back. Strict: anything unknown is an error.

An error has the location (`servers.toml: line 12: server "fra1": key interval: …`), what was expected and
what was found. It never repeats a value that may be secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from wgmon_tui.checks.registry import control_plane_names, protocol_names
from wgmon_tui.config.control_planes import (
    CONTROL_PLANE,
    LOCAL_API,
    check_source,
    from_server_table,
    is_control_plane,
    to_server_table,
)
from wgmon_tui.config.control_planes import TABLE as PLANE
from wgmon_tui.config.error_list import ErrorList, KeyedError, RejectedTableError
from wgmon_tui.config.models import WIREGUARD, ConfigurationError, Fleet, Identity, Server
from wgmon_tui.config.protocol_keys import attributes, own_settings, reject_foreign_keys
from wgmon_tui.config.protocol_settings import find_own_table, known_protocols, read_own, settings_of
from wgmon_tui.config.server_settings import IDENTITY, SERVER, SETTINGS_KEYS, SHARED
from wgmon_tui.config.setting import (
    Section,
    read_valid_settings,
    reject_repeated_names,
    write_settings,
)
from wgmon_tui.config.shared_settings import (
    SharedValues,
    check_resolvers,
    check_times,
    check_window,
    in_force,
    server_table,
    shared_entries,
)
from wgmon_tui.config.toml_reader import TomlTable, as_name, as_table, as_tables, describe, load_toml
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.records import dataclass
from wgmon_tui.text import did_you_mean, format_list

HEADER = '# wgmon-tui writes this file. What you would put in a comment, put in a server as note = "…".'

SERVER_KEYS = SERVER.known_keys
"""All keys of a `[[server]]`, without the tables of protocols."""

_PROTOCOL = tuple(each for each in SERVER.settings if each.key == "protocol")
_PLANE_OWN = tuple(each for each in CONTROL_PLANE.settings if each not in SERVER.settings)
"""What is checked of a control plane before the rest of its keys."""

_TABLES = ("defaults", "identity", PLANE, "server")

_SERVER_LINE = re.compile(r"^(?=\[\[server\]\][ \t]*\r?$)", re.MULTILINE)

_NAMED = 5
_REMEMBERED = 32768
"""Cache size in parsed blocks: three times the servers of a large fleet."""

_FLEETS = 8

_PART = 500
"""Servers that are passed on together while a long file is read: about 25 ms of work."""

OnServersRead = Callable[[Sequence[Server], int, int], None]
"""Takes servers that were just read, how many are read by now, and how many the file has.

The file can still turn out to be invalid, or be read again.
"""


@dataclass(frozen=True, slots=True, eq=False)
class _KnownIdentities:
    """The names of all identities: in order, and to look one up. Cheap to hash, unlike thousands of names."""

    names: tuple[str, ...]
    index: frozenset[str]


@lru_cache(_FLEETS)
def _known_identities(names: tuple[str, ...]) -> _KnownIdentities:
    """The same object for the same names, so that `_block` finds what it parsed before."""
    return _KnownIdentities(names, frozenset(names))


def _known_keys() -> tuple[str, ...]:
    """The keys of a `[[server]]`, and the tables of the protocols."""
    return (*SERVER_KEYS, *protocol_names(), *control_plane_names())


def parse(text: str, source: str = "servers.toml", on_read: OnServersRead | None = None) -> Fleet:
    """Parse a servers.toml; `source` is the file name in messages. `on_read` gets the servers meanwhile.

    Raises InvalidFileError with all errors and their lines, or another ConfigurationError.
    """
    try:
        return _by_blocks(text, on_read)
    except ConfigurationError:
        return _whole(text, source)


def _by_blocks(text: str, on_read: OnServersRead | None) -> Fleet:
    """Same result as `_whole`, from blocks that begin with `[[server]]`; parsed blocks are cached.

    The result is the same because each block parses alone, so none ends inside a string or a list. Raises
    ConfigurationError if a block does not parse, or has more than one server.
    """
    head, *blocks = _SERVER_LINE.split(text)
    fleet = _whole(head, "")
    shared, identities = _shared(fleet), _known_identities(tuple(each.name for each in fleet.identities))
    servers: list[Server] = []
    for start in range(0, len(blocks), _PART):
        part = [_block(block, shared, identities) for block in blocks[start : start + _PART]]
        servers += part
        if on_read:
            on_read(part, len(servers), len(blocks))
    servers = [*fleet.servers, *servers]
    if len({server.name for server in servers}) < len(servers):
        raise ConfigurationError("not one block for each server")
    return replace(fleet, servers=tuple(servers))


@lru_cache(_REMEMBERED)
def _block(text: str, shared: SharedValues, identities: _KnownIdentities) -> Server:
    tables = TomlTable("", load_toml(text, ""), ("server",)).require("server", as_tables)
    if len(tables) > 1:
        raise ConfigurationError("more than one server in a block")
    return _server_of_file(TomlTable("", tables[0], _known_keys()), shared, identities)


def _whole(text: str, source: str) -> Fleet:
    errors = ErrorList()
    document = TomlTable(source, load_toml(text, source), _TABLES, errors=errors)
    identity_tables = errors.read(_named_tables, document, "identity", IDENTITY.known_keys) or []
    server_tables = errors.read(_named_tables, document, "server", _known_keys()) or []
    plane_tables = errors.read(_named_tables, document, PLANE, CONTROL_PLANE.known_keys) or []
    errors.read(reject_repeated_names, _of_one_name(plane_tables, server_tables))
    identities = [errors.read(_identity, table) for table in identity_tables]
    # An identity with an error is one that servers may name.
    known = _known_identities(tuple(name for table in identity_tables if (name := _name_of(table.raw))))
    defaults: dict[str, object] = errors.read(document.get, "defaults", as_table, {}) or {}
    shared = errors.read(_defaults, document, defaults, known) or ()
    planes = [errors.read(_control_plane, table, shared, known) for table in plane_tables]
    servers = [errors.read(_server_of_file, table, shared, known) for table in server_tables]
    errors.raise_errors(text, source)
    return Fleet(
        tuple(each for each in (*planes, *servers) if each),
        tuple(each for each in identities if each),
        defaults,
    )


def render(fleet: Fleet) -> str:
    """Inverse of `parse`. A server is written without values that equal `[defaults]`.

    Raises ConfigurationError if `fleet.defaults` is invalid.
    """
    shared = _shared(fleet)
    blocks = [HEADER + "\n"]
    if fleet.defaults:
        blocks.append("[defaults]\n" + _write_table(fleet.defaults))
    blocks += [
        "[[identity]]\n" + _write_table(write_settings(identity, IDENTITY.settings, IDENTITY.usual()))
        for identity in fleet.identities
    ]
    in_order = sorted(fleet.servers, key=lambda each: not is_control_plane(each))
    blocks += [_server_block(server, shared) for server in in_order]
    return "\n".join(blocks)


def _write_table(table: Mapping[str, object]) -> str:
    from tomli_w import dumps  # a start reads, and writes nothing

    return dumps(table)


def _server_block(server: Server, shared: SharedValues) -> str:
    table = server_table(server, shared)
    if is_control_plane(server):
        return f"[[{PLANE}]]\n" + _write_table(from_server_table(table, server.protocol))
    own = table.pop(server.protocol, None)
    block = "[[server]]\n" + _write_table(table)
    return f"{block}\n[server.{server.protocol}]\n{_write_table(own)}" if isinstance(own, dict) else block


def server_entries(fleet: Fleet, server: Server) -> dict[str, object]:
    """The table of this server in the file, without values that equal the fleet's defaults."""
    return server_table(server, _shared(fleet))


def usual_entries(fleet: Fleet) -> dict[str, object]:
    """The effective settings of a server with an empty table, as TOML entries."""
    entries = {"protocol": WIREGUARD, **shared_entries(_shared(fleet))}
    if entries["identity"] is None and len(fleet.identities) == 1:
        entries["identity"] = fleet.identities[0].name
    return entries


def read_server(fleet: Fleet, entries: Mapping[str, object], *, lacks_secrets: bool = False) -> Server:
    """Read a server of this fleet from its table. Raises ConfigurationError."""
    where = f"servers.toml: server {describe(entries.get('name', ''))}"
    table = TomlTable(where, entries, _known_keys(), lacks_secrets=lacks_secrets)
    return _server(table, _shared(fleet), _known_identities(tuple(each.name for each in fleet.identities)))


def _shared(fleet: Fleet) -> SharedValues:
    identities = _known_identities(tuple(each.name for each in fleet.identities))
    return _defaults(TomlTable("servers.toml", {}, ()), fleet.defaults, identities)


def _named_tables(document: TomlTable, kind: str, known: Collection[str]) -> list[TomlTable]:
    """Each table, labelled in errors by its name, or by its number if the name cannot be shown."""
    raw_tables: list[dict[str, object]] = document.get(kind, as_tables, [])
    tables = []
    for number, raw in enumerate(raw_tables):
        name = _name_of(raw)
        label = f'"{name}"' if name else number + 1
        elsewhere = partial(find_own_table, raw.get("protocol"))
        tables.append(document.child(f"{kind} {label}", raw, known, kind, number, elsewhere=elsewhere))
    reject_repeated_names(tables)
    return tables


def _of_one_name(planes: Sequence[TomlTable], servers: Sequence[TomlTable]) -> list[TomlTable]:
    """The tables of control planes and servers that share a name with one of the other kind."""
    names = {_name_of(each.raw) for each in planes} & {_name_of(each.raw) for each in servers} - {""}
    return [each for each in (*planes, *servers) if _name_of(each.raw) in names]


def _name_of(raw: Mapping[str, object]) -> str:
    """The name of a table; "" if it is not valid."""
    try:
        return as_name(raw.get("name"))
    except InvalidValueError:
        return ""


def _identity(table: TomlTable) -> Identity:
    values = read_valid_settings(table, IDENTITY.settings)
    if not any(key.startswith("private_key") for key in table.raw):
        phrase = "missing; name the file that holds the key, or type: wgmon-tui keygen NAME"
        table.reject(table.error("private_key_file", phrase))
    table.require_valid()
    return Identity(**values)


def _defaults(document: TomlTable, raw: dict[str, object], identities: _KnownIdentities) -> SharedValues:
    table = document.child("defaults", raw, SERVER_KEYS, "defaults")
    for key in raw:
        if key in SERVER_KEYS and key not in SETTINGS_KEYS:
            table.reject(table.error(key, "belongs in a [[server]]; servers cannot share it"))
    explicit = read_valid_settings(table, SHARED)
    if "identity" in explicit:
        try:
            _known_identity(table, explicit["identity"], identities)
        except KeyedError as error:
            table.reject(error)
    return tuple(explicit.items())


def _server(table: TomlTable, shared: SharedValues, identities: _KnownIdentities) -> Server:
    protocol = _protocol_of(table)
    settings = settings_of(protocol)
    reject_foreign_keys(table, protocol, settings)
    explicit = {**dict(shared), **read_valid_settings(table, SHARED)}
    having = attributes(settings.server_keys, settings.more_keys)
    values = in_force({key: value for key, value in explicit.items() if key in having})
    check_times(table, values)
    check_window(table, values)
    check_resolvers(table, values)
    values |= read_valid_settings(
        table, own_settings(settings.server_keys, settings.more_keys, settings.usual_port)
    )
    if "identity" in having and "identity" not in table.rejected:
        try:
            values["identity"] = _known_identity(table, values["identity"], identities)
        except KeyedError as error:
            table.reject(error)
    if settings.section is not None:
        values["protocol_settings"] = _protocol_settings(table, protocol, settings.section)
    table.require_valid()
    values["identity"] = values["identity"] or ""
    values["tunnel"] = values["tunnel"] and "tunnel" in having
    return Server(**values)


def _server_of_file(table: TomlTable, shared: SharedValues, identities: _KnownIdentities) -> Server:
    """Read a `[[server]]` of the file, which is no control plane."""
    kind = table.raw.get("protocol")
    if kind in control_plane_names():
        phrase = (
            f'a control plane is no [[server]]; write [[{PLANE}]] with type = "{kind}" and url = "https://…"'
        )
        table.reject(table.error("protocol", phrase))
        table.require_valid()
    read_valid_settings(table, _PROTOCOL)
    if "protocol" in table.rejected:
        table.require_valid()  # other errors would be about the keys of WireGuard
    return _server(table, shared, identities)


def _control_plane(table: TomlTable, shared: SharedValues, identities: _KnownIdentities) -> Server:
    """Read a `[[control_plane]]` of the file."""
    values = read_valid_settings(table, _PLANE_OWN)
    kind = values.get("type", "")
    if kind:
        check_source(table, kind)
    table.require_valid()
    if (identity := values.get("node_identity")) is not None:
        _known_identity(table, identity, identities, "node_identity")
    as_server = to_server_table(table.raw, kind, values.get("url", LOCAL_API))
    return _server(table.in_place(as_server, _known_keys()), shared, identities)


def _protocol_of(table: TomlTable) -> str:
    """The protocol of a server; WireGuard if the value is not valid, which is an error elsewhere."""
    protocol = table.raw.get("protocol")
    if protocol is None:
        return WIREGUARD
    known = isinstance(protocol, str) and protocol in (*known_protocols(), *control_plane_names())
    return str(protocol) if known else WIREGUARD


def _protocol_settings(table: TomlTable, protocol: str, section: Section) -> object:
    """The record of the server's `[server.PROTOCOL]`; None after an error."""
    raw: Mapping[str, object] = {}
    try:
        raw = table.get(protocol, as_table, {})
        if protocol in control_plane_names():  # the file has these keys in the table itself
            return read_own(protocol, table.in_place(raw, section.known_keys))
        return read_own(protocol, table.child(protocol, raw, section.known_keys, protocol))
    except KeyedError as error:
        table.reject(error)
    except RejectedTableError:
        table.rejected.add(protocol)
    return None


def _known_identity(
    table: TomlTable, name: str | None, identities: _KnownIdentities, key: str = "identity"
) -> str:
    """The identity to use: the named one, or the only one."""
    known = identities.names
    if not known:
        raise table.error(key, "there is no [[identity]] yet; make one: wgmon-tui keygen NAME")
    if name is None and len(known) == 1:
        return known[0]
    if name is None:
        raise table.error(key, f"missing, and there are several; choose one of {_listed(known)}")
    if name not in identities.index:
        hint = did_you_mean(name, known) or f"there is {_listed(known)}"
        raise table.error(key, f'no [[identity]] is named "{name}"; {hint}')
    return name


def _listed(names: Sequence[str]) -> str:
    return format_list((f'"{name}"' for name in names), most=_NAMED)
