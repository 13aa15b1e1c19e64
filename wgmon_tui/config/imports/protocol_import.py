"""Servers in the formats of other protocols: share links and configuration files that a protocol can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from wgmon_tui.checks.registry import find_settings, protocol_names
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.models import ConfigurationError, Fleet, SecretForm, SecretSource, Server
from wgmon_tui.config.protocol_settings import (
    Imported,
    ImportedConf,
    ImportedServer,
    ReadBeside,
    UnreadServer,
    secrets_of,
)
from wgmon_tui.config.secrets.key_files import KeyFileStore
from wgmon_tui.config.secrets.secret_reader import read_text
from wgmon_tui.config.servers_toml import read_server
from wgmon_tui.config.value_parsers import parse_endpoint
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

_Place = tuple[str, Endpoint]


@dataclass(frozen=True, slots=True)
class ProtocolImport:
    """A server of another protocol, and the source that it was read from."""

    source: str
    protocol: str
    server: ImportedServer

    def make_server(self, fleet: Fleet, name: str, files: KeyFileStore) -> Server:
        """The server under this name, with its secrets in files. Raises ConfigurationError."""
        own = dict(self.server.settings)
        for key, secret in self.server.secrets.items():
            own[f"{key}_file"] = files.write(name, f".{key}", secret)
        entries: dict[str, object] = {
            "name": name,
            "endpoint": self.server.endpoint,
            "protocol": self.protocol,
            **({self.protocol: own} if own else {}),
        }
        return read_server(fleet, entries)


class KnownServers:
    """The servers that are there, and those that an import adds, by protocol and endpoint.

    Servers that share an endpoint differ in their secrets. Only secrets in files are compared, because a
    command may ask for a password.
    """

    def __init__(self, servers: Iterable[Server], config_dir: Path) -> None:
        self._config_dir = config_dir
        self._at: dict[_Place, list[tuple[Server, ImportedServer | None]]] = {}
        for each in servers:
            self._at.setdefault((each.protocol, each.endpoint), []).append((each, None))

    def find(self, item: ProtocolImport) -> Server | None:
        """The server that the import would add again. Raises InvalidValueError."""
        for server, origin in self._at.get(_place(item), ()):
            if not item.server.is_same_by_secrets or self._secrets(server, origin) == _texts(item.server):
                return server
        return None

    def add(self, item: ProtocolImport, server: Server) -> None:
        """Note a server that was added."""
        self._at.setdefault(_place(item), []).append((server, item.server))

    def _secrets(self, server: Server, origin: ImportedServer | None) -> Mapping[str, str | None]:
        if origin:
            return _texts(origin)
        return {
            setting.key: self._read(source)
            for setting, source in secrets_of(server)
            if source.form is SecretForm.FILE
        }

    def _read(self, source: SecretSource) -> str | None:
        try:
            return read_text(source, self._config_dir)
        except ConfigurationError:
            return None


def _texts(server: ImportedServer) -> Mapping[str, str | None]:
    return {key: secret.text for key, secret in server.secrets.items()}


def _place(item: ProtocolImport) -> _Place:
    return item.protocol, parse_endpoint(item.server.endpoint)


def read_nothing_beside(name: str) -> bytes:
    """For a source without files beside it. Raises ConfigurationError."""
    raise ConfigurationError(f"it names the file {quoted(name)}, and no file is beside it; put it inline")


def read_of_protocols(
    text: str, name: str, label: str, read_beside: ReadBeside = read_nothing_beside
) -> tuple[ProtocolImport | ImportedConf | Remark, ...]:
    """The servers in a text of another format; empty if no protocol knows it. `name` is that of the file."""
    for protocol in protocol_names():
        settings = find_settings(protocol)
        try:
            found = settings.read_import(text, name) if settings.read_import else ()
            if not found and settings.read_import_with_files:
                found = settings.read_import_with_files(text, name, read_beside)
        except ConfigurationError as error:
            return (Remark(label, str(error)),)
        if found:
            return tuple(_item(label, protocol, each) for each in found)
    return ()


def _item(label: str, protocol: str, found: Imported) -> ProtocolImport | ImportedConf | Remark:
    match found:
        case ImportedServer():
            return ProtocolImport(label, found.protocol or protocol, found)
        case ImportedConf():
            return found
        case UnreadServer(name, reason):
            return Remark(label, f"{quoted(name)}: {reason}", kind=reason)
