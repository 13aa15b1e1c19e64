"""`[[control_plane]]` in servers.toml: the API of a mesh, as a server whose protocol is its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wgmon_tui.checks.registry import control_plane_names
from wgmon_tui.config.models import Fleet, SecretSource, Server
from wgmon_tui.config.protocol_settings import ProtocolSettings, settings_of
from wgmon_tui.config.relay_addresses import RELAYS, RelayAddress
from wgmon_tui.config.server_settings import INTERVAL_RANGE, SERVER
from wgmon_tui.config.setting import FormField, Section, Setting, read_valid_settings
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_parsers import InvalidValueError, format_duration
from wgmon_tui.config.value_types import (
    BOOLEAN,
    HTTP_URL,
    NAME,
    NAMES,
    PEM_CERTIFICATES,
    TEXT_SECRET,
    FormFieldKind,
    duration,
    integer,
    one_of,
    text_type,
)
from wgmon_tui.net.http_target import Url
from wgmon_tui.records import dataclass
from wgmon_tui.text import printable, quoted

TABLE = "control_plane"
_NOT_OF_CONTROL_PLANES = ("protocol", "endpoint")
_LONGEST_SOCKET_PATH = 100
"""Bytes; macOS allows 103 in the address of a Unix socket."""

LOCAL_API = Url("local-tailscaled.sock", 80)
"""How tailscaled's clients call its API on a Unix socket: the Host header of tailscale/client/local."""


@dataclass(frozen=True, slots=True)
class ControlPlaneSettings:
    """Where a control plane answers, and the sources of its token and of the authorities to trust.

    Nodes with one of `watch_tags`, or a name of `watch_names`, are watched: monitor/watched_nodes.py. Both
    are patterns with * and ?: node_rules.py.

    With a `socket`, the program of the mesh on this machine is asked instead, without a token.
    """

    url: Url = LOCAL_API
    token: SecretSource | None = None
    ca: SecretSource | None = None
    watch_tags: tuple[str, ...] = ()
    watch_names: tuple[str, ...] = ()
    node_identity: str = ""
    node_tags: tuple[str, ...] = ()
    node_port: int = 0
    node_interval: float | None = None
    socket: str = ""
    relays: tuple[RelayAddress, ...] = ()
    derp_map: Url | None = None
    derp_regions: tuple[str, ...] = ()
    node_ping: bool = True

    @property
    def watches_nodes(self) -> bool:
        """Whether it has a rule that selects nodes."""
        return bool(self.watch_tags or self.watch_names)


def _write_url(url: Url | None) -> str | None:
    return None if url is None else str(url)


def _write_interval(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


def _parse_socket(text: str) -> str:
    if not text.startswith("/") or len(text.encode()) > _LONGEST_SOCKET_PATH or not text.isprintable():
        raise InvalidValueError(f"expected an absolute path of at most {_LONGEST_SOCKET_PATH} bytes")
    return text


_SOCKET = Setting(
    "socket",
    text_type("path", _parse_socket, pattern="^/"),
    "The Unix socket of tailscaled on this machine, instead of `url` and a token.",
    FormField(15, example="e.g. /run/tailscale/tailscaled.sock", more=True),
    is_local=True,
)
_OWN = (
    Setting(
        "url",
        HTTP_URL,
        "The address of its API. The paths of the API follow it.",
        FormField(10, example="e.g. https://headscale.example.net"),
        default="none: a control plane has it, or a socket",
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
        "Watch the nodes with one of these names. * and ? stand for any characters: * alone is every node. "
        "A backslash before one of them takes it as it is.",
        FormField(34, example="e.g. web*, db1"),
    ),
    Setting(
        "node_identity",
        replace(NAME, kind=FormFieldKind.CHOICE),
        "The identity for nodes whose key and endpoint the control plane reports (Innernet, Netmaker). "
        "Each node must list it as one more peer. Never use the key of a node.",
        FormField(35, more=True),
        default="the only `[[identity]]` of the file",
    ),
    Setting(
        "node_tags",
        NAMES,
        "Additional tags of watched nodes, for filters and vantages.",
        FormField(36, more=True),
    ),
    Setting(
        "node_port",
        integer(0, 65535),
        "A TCP port that must accept a connection on watched nodes. 0 tests none: a ping is enough.",
        FormField(37, more=True),
    ),
    Setting(
        "node_ping",
        BOOLEAN,
        "Whether watched nodes must answer a ping. With false, `node_port` alone must answer; without a "
        "port, the ping of the client of the mesh (Tailscale, headscale).",
        FormField(38, more=True),
        default="true",
    ),
    Setting(
        "node_interval",
        replace(duration(*INTERVAL_RANGE), write=_write_interval),
        "The time between two checks of a watched node.",
        FormField(39, more=True),
        default="the interval of the control plane",
    ),
)


_RELAYS = Setting(
    "relays",
    RELAYS,
    "Relays of the mesh, and other servers that its nodes need. Each check probes them: DERP "
    '("derps://"), STUN ("stun:"), the relay of NetBird ("rels://"), and any server with TLS ("tls://").',
    FormField(40, more=True, example="e.g. derps://derp.example.net, stun:derp.example.net"),
)
_DERP = (
    Setting(
        "derp_map",
        replace(HTTP_URL, write=_write_url),
        "The URL of the DERP map that has the `derp_regions`. No token is sent there.",
        FormField(41, more=True, example="e.g. https://controlplane.tailscale.com/derpmap/default"),
        default="with a socket, that of tailscaled",
    ),
    Setting(
        "derp_regions",
        NAMES,
        "The regions of the DERP map whose relays are probed, by code.",
        FormField(42, more=True, example="e.g. fra, nyc"),
    ),
)


def make_settings(
    name: str,
    title: str,
    *,
    has_socket: bool = False,
    has_relays: bool = False,
    has_derp: bool = False,
    has_client_ping: bool = False,
) -> ProtocolSettings:
    """The settings of one kind of control plane.

    `has_client_ping` tells whether the client of its nodes can ping one through the mesh.
    """
    settings = (
        *_OWN,
        *((_SOCKET,) if has_socket else ()),
        *((_RELAYS,) if has_relays else ()),
        *(_DERP if has_derp else ()),
    )
    section = Section(name, f"A control plane of the kind {title}.", ControlPlaneSettings, settings)

    def read(table: TomlTable) -> ControlPlaneSettings:
        """Raises ConfigurationError."""
        values = read_valid_settings(table, settings)
        check_source(table, name)
        if not (values.get("node_ping", True) or values.get("node_port") or has_client_ping):
            phrase = "nothing of a node is left to check; set node_port, or remove node_ping"
            table.reject(table.error("node_ping", phrase))
        table.require_valid()
        return ControlPlaneSettings(**values)

    return ProtocolSettings(section, read=read)


def check_source(table: TomlTable, kind: str) -> None:
    """Note an error unless the table has either a URL or a socket, which not every kind can have."""
    section = settings_of(kind).section
    if "socket" in table.raw and section and "socket" not in section.known_keys:
        table.reject(table.error("socket", f'a control plane with type = "{kind}" has none; set url'))
    elif "url" in table.raw and "socket" in table.raw:
        table.reject(table.error("socket", "it is instead of url; remove one of them"))
    elif "url" not in table.raw and "socket" not in table.raw:
        table.reject(table.error("url", 'missing; add url = "https://…"'))


_TYPE = Setting("type", one_of(control_plane_names()), "What kind of control plane it is.", required=True)
_GENERIC = tuple(
    each for each in SERVER.settings if each.protocol is None and each.key not in _NOT_OF_CONTROL_PLANES
)

CONTROL_PLANE = Section(
    TABLE,
    "A control plane of a mesh, whose API is checked.",
    Server,
    (_GENERIC[0], _TYPE, *_OWN, _SOCKET, _RELAYS, *_DERP, *_GENERIC[1:]),
    repeated=True,
    alternatives=(("url",), ("socket",)),
)


def has_node_rules(fleet: Fleet) -> bool:
    """Whether a control plane has a rule that selects nodes."""
    settings = (each.protocol_settings for each in fleet.servers)
    return any(isinstance(each, ControlPlaneSettings) and each.watches_nodes for each in settings)


def is_of_mesh(server: Server) -> bool:
    """Whether a server is a control plane, or a node that a rule watches."""
    return bool(server.control_plane) or is_control_plane(server)


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
