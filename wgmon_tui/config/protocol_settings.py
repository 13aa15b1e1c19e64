"""What each protocol reads of a `[[server]]`: its own table `[server.PROTOCOL]`, and keys beside it.

The settings of a protocol are a frozen record, `Server.protocol_settings`. The contract is in
checks/protocol.py; this module asks the registry, so that no protocol is imported before a server has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, fields
from typing import Any

from wgmon_tui.checks.registry import UnknownProtocolError, find_settings, protocol_names
from wgmon_tui.config.models import WIREGUARD, SecretSource, Server
from wgmon_tui.config.setting import Section, Setting, defaults_of, read_settings, write_settings
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_parsers import WIREGUARD_PORT
from wgmon_tui.config.value_types import FormFieldKind, SecretType
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class SecretText:
    """A secret of an imported server. Its repr hides it."""

    text: str = field(repr=False)

    def to_text(self) -> str:
        """The secret, for the file that holds it."""
        return self.text


@dataclass(frozen=True, slots=True)
class ImportedServer:
    """A server that a link or a file of another format describes.

    `name` is a suggestion. `settings` are keys of its `[server.PROTOCOL]`. `secrets` by such a key, without
    the suffix of a form: each is written to a file. `notices` are lines to print.

    `protocol` is "" for the one that read it: protocols that share a format have one reader.
    `is_same_by_secrets`: several servers may share an endpoint, and only their secrets tell whether one is
    there already.
    """

    name: str
    endpoint: str
    settings: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, SecretText] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    protocol: str = ""
    is_same_by_secrets: bool = False


@dataclass(frozen=True, slots=True)
class ImportedConf:
    """A WireGuard or AmneziaWG server in a list of another format, as a wg-quick text."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnreadServer:
    """A server of a file that cannot be imported: its name there, and a phrase without secrets."""

    name: str
    reason: str


Imported = ImportedServer | ImportedConf | UnreadServer


ReadBeside = Callable[[str], bytes]
"""Reads a file beside the one that is imported. Raises ConfigurationError, one phrase."""


@dataclass(frozen=True, slots=True)
class ProtocolSettings:
    """The settings of one protocol.

    `section` declares its table; None if it has none. `read` and `write` convert between the table and the
    record; by default they follow the section. `server_keys` names the protocol whose keys stand beside the
    table, at the level of the server; "" if there are none, and no identity either. `more_keys` are keys of
    WireGuard, such as tunnel_ping, that a protocol without an identity has too.

    `usual_port` is that of most such servers: forms and messages have it in their examples.

    `read_import` gets the text and the name of a file that somebody imports. It returns the servers in it, or
    none if it is not a format of this protocol. Raises ConfigurationError, one phrase, if it is damaged.
    `read_import_with_files` does the same for formats that name other files.
    """

    section: Section | None = None
    read: Callable[[TomlTable], Any] | None = None
    write: Callable[[Any], Mapping[str, object]] | None = None
    server_keys: str = ""
    more_keys: frozenset[str] = frozenset()
    read_import: Callable[[str, str], Sequence[Imported]] | None = None
    read_import_with_files: Callable[[str, str, ReadBeside], Sequence[Imported]] | None = None
    usual_port: int = WIREGUARD_PORT

    def has_key(self, setting: Setting) -> bool:
        """Whether a server of the protocol has this key beside its table."""
        return setting.protocol in (None, self.server_keys) or setting.key in self.more_keys


TUNNEL_KEY, SOAK_KEY = "tunnel", "tunnel_soak"

NO_SETTINGS = ProtocolSettings()
WIREGUARD_KEYS = ProtocolSettings(server_keys=WIREGUARD)


def settings_of(protocol: str) -> ProtocolSettings:
    """The settings of a protocol. One that this version cannot check has the keys of WireGuard."""
    try:
        return find_settings(protocol)
    except UnknownProtocolError:
        return WIREGUARD_KEYS


def known_protocols() -> tuple[str, ...]:
    """The words that `protocol` may have."""
    return protocol_names()


def read_own(protocol: str, table: TomlTable) -> Any:
    """Read the table of a server's protocol. Raises ConfigurationError."""
    settings = settings_of(protocol)
    if settings.section is None:
        return None
    if settings.read is not None:
        return settings.read(table)
    return settings.section.record(**read_settings(table, settings.section.settings))


def find_own_table(protocol: object, key: str) -> str:
    """The table of a protocol that has this key, such as `[server.trojan]`; "" if none has."""
    section = settings_of(protocol).section if protocol in known_protocols() else None
    return f"[server.{protocol}]" if section and key in section.known_keys else ""


def needs_identity(server: Server) -> bool:
    """Whether the protocol of a server probes with an identity."""
    return bool(settings_of(server.protocol).server_keys)


def has_soak(server: Server) -> bool:
    """Whether checks of a server can run a soak: its protocol has the key for that."""
    settings = settings_of(server.protocol)
    return settings.server_keys == WIREGUARD or SOAK_KEY in settings.more_keys


def lets_soak(server: Server) -> bool:
    """Whether a soak can run on a server: `tunnel` is on, or its protocol has soaks and no such key."""
    settings = settings_of(server.protocol)
    if settings.server_keys == WIREGUARD or TUNNEL_KEY in settings.more_keys:
        return server.tunnel and has_soak(server)
    return has_soak(server)


def write_own(server: Server) -> dict[str, object]:
    """The table of a server's protocol, without defaults; empty if it has none."""
    return write_settings_of(server.protocol, server.protocol_settings)


def write_settings_of(protocol: str, record: Any) -> dict[str, object]:
    """The table of a record of this protocol's settings, without defaults; empty if there is none."""
    settings = settings_of(protocol)
    if settings.section is None or record is None:
        return {}
    if settings.write is not None:
        return dict(settings.write(record))
    section = settings.section
    written = write_settings(record, section.settings, section.usual())
    return {key: value for key, value in written.items() if value is not None}


def own_table(entries: Mapping[str, object], protocol: str) -> dict[str, object]:
    """The table of a protocol in the table of a server; empty if it has none."""
    table = entries.get(protocol)
    return dict(table) if isinstance(table, Mapping) else {}


def usual_own_entries(protocol: str) -> dict[str, object]:
    """The defaults of a protocol's own table."""
    section = settings_of(protocol).section
    return section.usual() if section else {}


def secrets_of(server: Server) -> Iterator[tuple[Setting, SecretSource]]:
    """The secrets in the settings of a server's protocol, with their sources."""
    if server.protocol_settings is None:
        return
    section = settings_of(server.protocol).section
    for setting in section.settings if section else ():
        source = getattr(server.protocol_settings, setting.attribute, None)
        if isinstance(setting.type, SecretType) and isinstance(source, SecretSource):
            yield setting, source


def _commands_of(protocol: str) -> tuple[Setting, ...]:
    """The settings of a protocol that name a program of this machine."""
    section = settings_of(protocol).section
    own = section.settings if section else ()
    return tuple(each for each in own if each.type.kind is FormFieldKind.COMMAND)


def runs_commands(protocol: str) -> bool:
    """Whether the checks of a protocol run a program that servers.toml names."""
    return bool(_commands_of(protocol))


def _local_settings_of(server: Server) -> tuple[Setting, ...]:
    """The settings of a server's protocol that each machine has for itself."""
    section = settings_of(server.protocol).section
    own = section.settings if section else ()
    return tuple(each for each in own if each.is_local or each.type.kind is FormFieldKind.COMMAND)


def without_secrets(server: Server) -> dict[str, object]:
    """The table of a server's protocol as other accounts may see it, and other machines.

    Without keys that lead to a secret, and without commands: they may contain one, and are for this machine.
    """
    hidden = {key for setting, _ in secrets_of(server) for key in setting.keys}
    hidden |= {each.key for each in _commands_of(server.protocol)}
    return {key: value for key, value in write_own(server).items() if key not in hidden}


def copied_secrets(server: Server, local: Server | None) -> Any:
    """The settings of a server's protocol with the secrets and the commands that a `local` entry of it names.

    So are settings that each machine has for itself. Without such an entry, secrets stay, and the others are
    the default ones: a program that another machine names never runs here.
    """
    record = server.protocol_settings
    if record is None:
        return None
    named: dict[str, object] = {}
    for each in _local_settings_of(server):
        usual = defaults_of(type(record))[each.attribute]
        named[each.attribute] = getattr(local.protocol_settings, each.attribute, usual) if local else usual
    if local:
        named |= {setting.attribute: source for setting, source in secrets_of(local)}
    values = {each.name: getattr(record, each.name) for each in fields(record)}
    return type(record)(**{**values, **{key: source for key, source in named.items() if key in values}})
