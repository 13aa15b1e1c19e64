"""Servers in the formats of other protocols: share links and configuration files that a protocol can read."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.checks.registry import find_settings, protocol_names
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.protocol_settings import ImportedServer, ReadBeside
from wgmon_tui.config.secrets.key_files import KeyFileStore
from wgmon_tui.config.servers_toml import read_server
from wgmon_tui.config.value_parsers import parse_endpoint
from wgmon_tui.text import quoted


@dataclass(frozen=True, slots=True)
class ProtocolImport:
    """A server of another protocol, and the source that it was read from."""

    source: str
    protocol: str
    server: ImportedServer

    def find_existing(self, fleet: Fleet) -> Server | None:
        """The server of the fleet with the same protocol and endpoint. Raises InvalidValueError."""
        place = self.protocol, parse_endpoint(self.server.endpoint)
        return next((each for each in fleet.servers if (each.protocol, each.endpoint) == place), None)

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


def read_nothing_beside(name: str) -> bytes:
    """For a source without files beside it. Raises ConfigurationError."""
    raise ConfigurationError(f"it names the file {quoted(name)}, and no file is beside it; put it inline")


def read_of_protocols(
    text: str, name: str, label: str, read_beside: ReadBeside = read_nothing_beside
) -> tuple[ProtocolImport | Remark, ...]:
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
            return tuple(ProtocolImport(label, protocol, each) for each in found)
    return ()
