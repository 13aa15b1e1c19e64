"""What a control plane reports: its nodes, its own parts, and what expires."""

from __future__ import annotations

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A node as its control plane reports it. None, or an empty text, where it reports nothing.

    `id` is the control plane's own and never changes, unlike `name`. Times are Unix seconds. `public_key`
    (base64) and `endpoint` (host:port) are those of WireGuard. `trouble` is what the control plane says
    against the node, such as "its key has expired".
    """

    id: str
    name: str
    addresses: tuple[Address, ...] = ()
    online: bool | None = None
    last_seen: float | None = None
    last_handshake: float | None = None
    key_expiry: float | None = None
    version: str = ""
    tags: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    public_key: str = ""
    endpoint: str = ""
    relay: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a control plane, such as its database. `works` is what it reports of it."""

    name: str
    works: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MeshRelay:
    """A relay of a mesh, as it was probed from here. `name` is its region, or its address.

    `works` is None where nothing shows whether it does: silence over UDP, for example.
    """

    name: str
    works: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ControlPlaneReport:
    """One answer of a control plane.

    `drift` names fields that are missing or have another type than known releases give them: with them, a
    fact about a node may be unknown. `warnings` are sentences in its own words.
    """

    nodes: tuple[Node, ...] = ()
    parts: tuple[Part, ...] = ()
    expiries: tuple[Expires, ...] = ()
    version: str = ""
    drift: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    relays: tuple[MeshRelay, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeCommands:
    """What to type, or to do, to settle why a node and its control plane disagree.

    `path` shows how this machine reaches the node, `access` which rules allow it, `log` what the client on
    the node says, and `renew` makes its key valid again. What is not typed on this machine says where.
    """

    path: str
    access: str
    log: str
    renew: str
