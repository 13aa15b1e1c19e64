"""The table `[server.system-path]` of servers.toml."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.checks.mesh_client import MESH_CLIENTS
from wgmon_tui.config.protocol_settings import ProtocolSettings
from wgmon_tui.config.setting import FormField, Section, Setting, read_valid_settings
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_parsers import InvalidValueError, parse_host_name, parse_text
from wgmon_tui.config.value_types import BOOLEAN, one_of, text_type

NAME = "system-path"
_PINGING_CLIENTS = ("tailscale",)
"""Clients that can ping through WireGuard. That ping can be the whole check."""


@dataclass(frozen=True, slots=True)
class SystemPathSettings:
    """What must answer at the endpoint. `dns` is a name that it must resolve, `http` a path to fetch.

    `client` is the client of a mesh on this machine, which is asked about a host that answers nothing.
    """

    echo: bool = True
    tcp: bool = True
    dns: str = ""
    http: str = ""
    client: str = ""

    @property
    def asks_client_alone(self) -> bool:
        """Whether a ping through the mesh is all that is asked."""
        return not (self.echo or self.tcp or self.dns or self.http)


def _parse_path(text: str) -> str:
    if text and (not text.startswith("/") or not text.isascii() or " " in text):
        raise InvalidValueError('expected a path such as "/health", with %20 for a space')
    return parse_text(text)


def _parse_name(text: str) -> str:
    return parse_host_name(text) if text else ""


SECTION = Section(
    NAME,
    "An address behind a VPN that this machine itself is part of, such as a node of a mesh.",
    SystemPathSettings,
    (
        Setting("echo", BOOLEAN, "Whether the host of the endpoint must answer a ping.", FormField(10)),
        Setting("tcp", BOOLEAN, "Whether the port of the endpoint must accept a connection.", FormField(20)),
        Setting(
            "dns",
            text_type("host name", _parse_name),
            "A name that the host must know as a name server, on that port.",
            FormField(30),
        ),
        Setting(
            "http",
            text_type("path", _parse_path),
            "A path that must answer HTTP with a status from 200 to 399, on that port.",
            FormField(40),
        ),
        Setting(
            "client",
            one_of(dict.fromkeys(MESH_CLIENTS.values())),
            "The client of the mesh on this machine, which is asked about a host that does not answer. "
            "With tailscale and nothing else, the check is `tailscale ping --tsmp`.",
            FormField(50, more=True),
            default="none",
        ),
    ),
)


def read_settings(table: TomlTable) -> SystemPathSettings:
    """Read the table of a server. Raises ConfigurationError, also if nothing is to be checked."""
    settings = SystemPathSettings(**read_valid_settings(table, SECTION.settings))
    if not table.rejected and settings.asks_client_alone and settings.client not in _PINGING_CLIENTS:
        phrase = "nothing is left to check; set echo or tcp to true, or set dns or http"
        table.reject(table.error("echo", phrase))
    table.require_valid()
    return settings


SETTINGS = ProtocolSettings(section=SECTION, read=read_settings, usual_port=443)
