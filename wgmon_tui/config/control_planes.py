"""`[[control_plane]]` in servers.toml: the API of a mesh, as a server whose protocol is its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from wgmon_tui.checks.registry import control_plane_names
from wgmon_tui.config.models import Fleet, SecretSource, Server
from wgmon_tui.config.protocol_settings import ProtocolSettings, settings_of
from wgmon_tui.config.server_settings import INTERVAL_RANGE, SERVER
from wgmon_tui.config.setting import FormField, Section, Setting
from wgmon_tui.config.value_parsers import format_duration
from wgmon_tui.config.value_types import (
    HTTP_URL,
    NAME,
    NAMES,
    PEM_CERTIFICATES,
    TEXT_SECRET,
    FormFieldKind,
    duration,
    integer,
    one_of,
)
from wgmon_tui.net.http_target import Url
from wgmon_tui.text import printable, quoted

TABLE = "control_plane"
_NOT_OF_CONTROL_PLANES = ("protocol", "endpoint")


@dataclass(frozen=True, slots=True)
class ControlPlaneSettings:
    """Where a control plane answers, and the sources of its token and of the authorities to trust.

    Nodes with one of `watch_tags`, or a name of `watch_names`, are watched: monitor/watched_nodes.py. Both
    are patterns with * and ?.
    """

    url: Url
    token: SecretSource | None = None
    ca: SecretSource | None = None
    watch_tags: tuple[str, ...] = ()
    watch_names: tuple[str, ...] = ()
    node_identity: str = ""
    node_tags: tuple[str, ...] = ()
    node_port: int = 0
    node_interval: float | None = None

    @property
    def watches_nodes(self) -> bool:
        """Whether it has a rule that selects nodes."""
        return bool(self.watch_tags or self.watch_names)


def _write_interval(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


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
    Setting(
        "watch_tags",
        NAMES,
        "Watch the nodes with one of these tags, as servers of the fleet. * and ? stand for any characters.",
        FormField(32, example="e.g. tag:prod, tag:web*"),
    ),
    Setting(
        "watch_names",
        NAMES,
        "Watch the nodes with one of these names. * and ? stand for any characters: * alone is every node.",
        FormField(34, example="e.g. web*, db1"),
    ),
    Setting(
        "node_identity",
        replace(NAME, kind=FormFieldKind.CHOICE),
        "The identity for nodes whose key and endpoint the control plane reports (Innernet, Netmaker). "
        "Each node must have it as a peer of its own. Never the key of a node.",
        FormField(36, more=True),
        default="the only `[[identity]]` of the file",
    ),
    Setting(
        "node_tags",
        NAMES,
        "Tags that watched nodes have beside their own, for filters and vantages.",
        FormField(37, more=True),
    ),
    Setting(
        "node_port",
        integer(0, 65535),
        "A TCP port that must accept a connection on watched nodes. 0 tests none: a ping is enough.",
        FormField(38, more=True),
    ),
    Setting(
        "node_interval",
        replace(duration(*INTERVAL_RANGE), write=_write_interval),
        "The time between two checks of a watched node.",
        FormField(39, more=True),
        default="the interval of the control plane",
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
    TABLE,
    "A control plane of a mesh, whose API is checked.",
    Server,
    (_GENERIC[0], _TYPE, *_OWN, *_GENERIC[1:]),
    repeated=True,
)


def has_node_rules(fleet: Fleet) -> bool:
    """Whether a control plane has a rule that selects nodes."""
    settings = (each.protocol_settings for each in fleet.servers)
    return any(isinstance(each, ControlPlaneSettings) and each.watches_nodes for each in settings)


def explain_node(server: Server) -> str:
    """Why a watched node cannot be changed like a server of servers.toml."""
    return (
        f"{printable(server.name)} is a node that a rule of the control plane {quoted(server.control_plane)} "
        "watches; in servers.toml, change its watch_tags or watch_names"
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
