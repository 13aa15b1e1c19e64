"""The nodes of control planes that rules in `[[control_plane]]` select, as servers of the fleet. Pure.

Such a server is named PLANE/NODE and is never written to servers.toml. A node whose public key and endpoint
the control plane reports is checked with the monitoring identity, as a WireGuard server. Any other node is
checked at its mesh address, through the network of the machine that checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.checks.mesh_client import MESH_CLIENTS
from wgmon_tui.config.control_planes import ControlPlaneSettings, is_control_plane
from wgmon_tui.config.keys import NO_PUBLIC_KEY
from wgmon_tui.config.models import SYSTEM_PATH, Fleet, Server
from wgmon_tui.config.node_rules import fits
from wgmon_tui.config.protocol_settings import read_own, settings_of
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_parsers import (
    NAME_LENGTH,
    InvalidValueError,
    parse_endpoint,
    parse_name,
    parse_public_key,
)
from wgmon_tui.monitor.node_reports import NodeKey, node_key
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.text import format_count, printable, quoted

MOST_NODES = 10_000
"""Nodes that are watched at most, of all control planes together."""

MISSED_REPORTS = 3
"""A node that this many whole reports in a row do not list is watched no longer."""

_DISCARD_PORT = 9
"""The port of an endpoint whose port is not tested (RFC 863)."""


@dataclass(frozen=True, slots=True)
class WatchedNodes:
    """Nodes as servers. `notices` has a line for each reason why selected nodes are not watched."""

    servers: tuple[Server, ...] = ()
    notices: tuple[str, ...] = ()


def rules_of(server: Server) -> ControlPlaneSettings | None:
    """The settings of a control plane with a rule that selects nodes; None for any other server."""
    settings = server.protocol_settings
    has_rules = isinstance(settings, ControlPlaneSettings) and settings.watches_nodes
    return settings if has_rules and is_control_plane(server) else None


def find_match(node: Node, rules: ControlPlaneSettings) -> str:
    """The part of a rule that selects a node, such as `watch_tags = "tag:web"`; "" if none does."""
    for pattern in rules.watch_names:
        if fits(node.name, pattern):
            return f"watch_names = {quoted(pattern)}"
    for pattern in rules.watch_tags:
        if any(fits(tag, pattern) for tag in node.tags):
            return f"watch_tags = {quoted(pattern)}"
    return ""


def select_nodes(
    fleet: Fleet,
    reports: Mapping[str, ControlPlaneReport],
    known: Iterable[Server] = (),
    missed: Mapping[NodeKey, int] | None = None,
) -> WatchedNodes:
    """Select the nodes of the last reports, for a fleet without nodes.

    Nodes that are `known`, the servers of earlier reports, and that the last report does not list stay until
    `missed` has counted MISSED_REPORTS for them.
    """
    by_key = {node_key(each): each for each in known}
    selection = _Selection(fleet, by_key)
    missed = missed or {}
    for plane in fleet.servers:
        if (rules := rules_of(plane)) is None:
            continue
        report = reports.get(plane.name)
        listed = report.nodes if report else ()
        for node in sorted(listed, key=lambda each: each.id):
            if find_match(node, rules):
                selection.add_node(plane, rules, node)
        ids = {node.id for node in listed}
        for key, server in by_key.items():
            if key[0] == plane.name and key[1] not in ids and missed.get(key, 0) < MISSED_REPORTS:
                selection.keep(server)
    return WatchedNodes(tuple(selection.servers), tuple(selection.make_notices()))


class _Selection:
    """The servers so far, and why nodes are left out."""

    def __init__(self, fleet: Fleet, known: Mapping[NodeKey, Server]) -> None:
        self.servers: list[Server] = []
        self._fleet, self._known = fleet, known
        self._of_file = {each.name for each in fleet.servers}
        self._names: set[str] = set()
        self._keys = {each.public_key for each in fleet.servers} - {NO_PUBLIC_KEY}
        self._hosts = {each.endpoint.host for each in fleet.servers if not is_control_plane(each)}
        self._endpoints = {each.endpoint for each in fleet.servers}
        self._clashes: list[tuple[str, str]] = []
        self._left_out: Counter[str] = Counter()
        self._unaddressed: Counter[str] = Counter()

    def add_node(self, plane: Server, rules: ControlPlaneSettings, node: Node) -> None:
        """Add a node, unless servers.toml has it already, or no address of it is known."""
        server = self._make_server(plane, rules, node)
        if server is None:
            self._unaddressed[plane.name] += 1
            return
        is_listed = server.public_key in self._keys or any(
            str(each) in self._hosts for each in node.addresses
        )
        if is_listed or server.endpoint in self._endpoints:
            return
        before = self._known.get(node_key(server))
        self.add(before if before == server else server)

    def add(self, server: Server) -> None:
        """Add a server, unless its name is taken, or there are too many."""
        if server.name in self._of_file:
            self._clashes.append((server.control_plane, server.name))
        elif len(self.servers) >= MOST_NODES:
            self._left_out[server.control_plane] += 1
        else:
            self.servers.append(server)
            self._names.add(server.name)
            if server.public_key != NO_PUBLIC_KEY:
                self._keys.add(server.public_key)

    def keep(self, server: Server) -> None:
        """Keep a node that the last report does not list, unless another one has its name now."""
        if server.name not in self._names:
            self.add(server)

    def make_notices(self) -> Iterator[str]:
        """A line for each reason and control plane."""
        for plane, name in self._clashes[:1]:
            more = f" (and {len(self._clashes) - 1} more like it)" if len(self._clashes) > 1 else ""
            yield (
                f"control plane {quoted(plane)}: a node is not watched, because servers.toml has a server "
                f"named {quoted(name)}; rename that server{more}"
            )
        for plane, number in self._left_out.items():
            nodes = format_count(number, "node")
            yield (
                f"control plane {quoted(plane)}: {nodes} not watched: at most {MOST_NODES:,} are; "
                "narrow watch_tags and watch_names"
            )
        for plane, number in self._unaddressed.items():
            nodes = format_count(number, "node")
            yield f"control plane {quoted(plane)}: {nodes} not watched: it reports no address of them"

    def _make_server(self, plane: Server, rules: ControlPlaneSettings, node: Node) -> Server | None:
        interval = rules.node_interval or plane.interval
        shared = replace(
            plane,
            name=self._find_name(plane.name, node),
            identity="",
            tags=_valid_names((*rules.node_tags, *node.tags)),
            interval=interval,
            timeout=min(plane.timeout, interval),
            paused=False,
            note="",
            protocol_settings=None,
            control_plane=plane.name,
            node_id=node.id,
        )
        if server := self._as_wireguard(shared, rules, node):
            return server
        return _as_system_path(shared, rules, node)

    def _as_wireguard(self, shared: Server, rules: ControlPlaneSettings, node: Node) -> Server | None:
        """The node as a WireGuard server, if its key and endpoint are known and there is an identity."""
        only = self._fleet.identities[0].name if len(self._fleet.identities) == 1 else ""
        identity = self._fleet.identity(rules.node_identity or only)
        if identity is None or not node.endpoint:
            return None
        try:
            public_key, endpoint = parse_public_key(node.public_key), parse_endpoint(node.endpoint)
        except InvalidValueError:
            return None
        versions = {each.version for each in identity.addresses}
        usual = Server("", endpoint)
        return replace(
            shared,
            protocol=usual.protocol,
            endpoint=endpoint,
            public_key=public_key,
            identity=identity.name,
            tunnel=usual.tunnel,
            tunnel_ping=tuple(each for each in node.addresses if each.version in versions),
        )

    def _find_name(self, plane: str, node: Node) -> str:
        """PLANE/NODE; with the node's id if another node has that name."""
        own = printable(node.name).strip() or printable(node.id)
        name = f"{plane}/{own}"[:NAME_LENGTH].strip()
        if name not in self._names:
            return name
        number = f" ({printable(node.id)})"
        return name[: NAME_LENGTH - len(number)] + number


def _as_system_path(shared: Server, rules: ControlPlaneSettings, node: Node) -> Server | None:
    """The node at its first mesh address; None if it has none.

    If it answers nothing, the client of the mesh on the machine that checks is asked about it.
    """
    if not node.addresses:
        return None
    return replace(
        shared,
        protocol=SYSTEM_PATH,
        endpoint=Endpoint(str(node.addresses[0]), rules.node_port or _DISCARD_PORT),
        protocol_settings=_path_settings(
            rules.node_ping, rules.node_port > 0, MESH_CLIENTS.get(shared.protocol, "")
        ),
    )


@cache
def _path_settings(has_ping: bool, has_port: bool, client: str) -> Any:
    """The settings of `system-path`, once for all nodes that are checked in the same way."""
    section = settings_of(SYSTEM_PATH).section
    entries: dict[str, object] = {"echo": has_ping, "tcp": has_port, **({"client": client} if client else {})}
    return read_own(SYSTEM_PATH, TomlTable("", entries, section.known_keys if section else ()))


def _valid_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those that servers.toml accepts as tags, each once."""
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append(parse_name(name))
        except InvalidValueError:
            continue
    return tuple(found)
