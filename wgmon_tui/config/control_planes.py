"""`[[control_plane]]` in servers.toml: the API of a mesh, as a server whose protocol is its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.checks.registry import control_plane_names
from wgmon_tui.config.models import SecretSource, Server
from wgmon_tui.config.protocol_settings import ProtocolSettings, settings_of
from wgmon_tui.config.server_settings import SERVER
from wgmon_tui.config.setting import FormField, Section, Setting
from wgmon_tui.config.value_types import HTTP_URL, PEM_CERTIFICATES, TEXT_SECRET, one_of
from wgmon_tui.net.http_target import Url

NAME = "control_plane"
_NOT_OF_CONTROL_PLANES = ("protocol", "endpoint")


@dataclass(frozen=True, slots=True)
class ControlPlaneSettings:
    """Where a control plane answers, and the sources of its token and of the authorities to trust."""

    url: Url
    token: SecretSource | None = None
    ca: SecretSource | None = None


_OWN = (
    Setting(
        "url",
        HTTP_URL,
        "The address of its API. The paths of the API follow it.",
        FormField(10, example="e.g. https://headscale.example.net"),
        required=True,
    ),
    Setting(
        "token",
        TEXT_SECRET,
        "What the API wants to see: an API key of headscale, an API access token of Tailscale, a personal "
        "access token of NetBird, a token of Netmaker, or the public key of an Innernet server.",
        FormField(20),
    ),
    Setting(
        "ca",
        PEM_CERTIFICATES,
        "The authorities that may have issued its certificate, in PEM form.",
        FormField(30, more=True),
        default="those of the system",
    ),
)


def make_settings(name: str, title: str) -> ProtocolSettings:
    """The settings of one kind of control plane."""
    return ProtocolSettings(
        Section(name, f"A control plane of the kind {title}.", ControlPlaneSettings, _OWN)
    )


_TYPE = Setting("type", one_of(control_plane_names()), "What kind of control plane it is.", required=True)
_GENERIC = tuple(
    each for each in SERVER.settings if each.protocol is None and each.key not in _NOT_OF_CONTROL_PLANES
)

CONTROL_PLANE = Section(
    NAME,
    "A control plane of a mesh, whose API is checked.",
    Server,
    (_GENERIC[0], _TYPE, *_OWN, *_GENERIC[1:]),
    repeated=True,
)


def is_control_plane(server: Server) -> bool:
    """Whether a server is a control plane."""
    return server.protocol in control_plane_names()


def to_server_table(raw: Mapping[str, object], kind: str, url: Url) -> dict[str, object]:
    """The table of a control plane as the table of a server: its own keys are in a table of its kind."""
    section = settings_of(kind).section
    own = section.known_keys if section else ()
    generic = {key: value for key, value in raw.items() if key not in own and key != _TYPE.key}
    endpoint = f"[{url.host}]:{url.port}" if ":" in url.host else f"{url.host}:{url.port}"
    return {
        **generic,
        "protocol": kind,
        "endpoint": endpoint,
        kind: {key: value for key, value in raw.items() if key in own},
    }


def from_server_table(table: Mapping[str, object], kind: str) -> dict[str, object]:
    """The inverse of `to_server_table`."""
    own = table.get(kind, {})
    generic = {
        key: value for key, value in table.items() if key not in (*_NOT_OF_CONTROL_PLANES, "name", kind)
    }
    return {
        "name": table["name"],
        _TYPE.key: kind,
        **(own if isinstance(own, dict) else {}),
        **generic,
    }
