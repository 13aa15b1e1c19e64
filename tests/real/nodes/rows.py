"""The rows and columns of the matrix of control planes' nodes: faults of the data path, and reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from tests.real.namespaces import firewall, ip, no_firewall, run
from tests.real.relay import Relay
from tests.real.relay_settings import RelaySettings, both_ways
from tests.real.wireguard_go import Device, WireguardGo
from wgmon_tui.checks.verdict import Verdict

INNER = "10.7.0.1"
"""The mesh address of the node."""

SERVICE_PORT = 8022
SLOW_S = 1.0
"""More than the healthy rows take on a busy machine."""

_NO_DIRECT_PATH = 'iifname "to-client" meta l4proto udp drop'
"""The router forwards nothing of WireGuard; its own relay still gets it."""

SAYS, FORGOTTEN = Verdict.SAYS_CONNECTED, Verdict.FORGOTTEN


@dataclass(frozen=True, slots=True)
class Mesh:
    """Two nodes: this machine's interface, and the node that is checked."""

    node: WireguardGo
    own: Device


Fault = Callable[[Mesh], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """One state of the data path. `gets_through` is whether a ping of the system does."""

    data: str
    verdict: Verdict
    fault: Fault
    gets_through: bool
    port: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """One report. `fields` replace those of the node; `age_s` is how old the report is.

    `status` is the HTTP status of the list of nodes: without 200 there is no report.
    """

    control: str
    fields: dict[str, object] = field(default_factory=dict)
    age_s: float = 0.0
    status: int = 200
    first_cause: str = ""

    def expects(self, verdict: Verdict) -> Verdict:
        """The verdict on a node whose data path has this one."""
        if self.age_s or self.status != 200:
            return verdict
        online = self.fields.get("online", True)
        if online is True and verdict in (Verdict.SILENT, Verdict.UNREACHABLE, Verdict.DATA_DEAD):
            return SAYS
        return FORGOTTEN if online is False and verdict is Verdict.HEALTHY else verdict


@contextmanager
def _nothing(_: Mesh) -> Iterator[None]:
    yield


@contextmanager
def _firewall(mesh: Mesh) -> Iterator[None]:
    """The node drops what comes out of its tunnel; its control plane sees none of that."""
    firewall(mesh.node.path.server, "input", f'iifname "{mesh.node.interface}" drop')
    try:
        yield
    finally:
        no_firewall(mesh.node.path.server)


@contextmanager
def _wrong_allowed_ips(mesh: Mesh) -> Iterator[None]:
    """The node's list of peers has another address for this machine, as after an old network map."""
    key = str(mesh.own.public_key)
    shown = run("wg", "show", mesh.node.interface, "allowed-ips").splitlines()
    addresses = dict(line.split("\t") for line in shown)[key]  # other tests have peers there too
    run("wg", "set", mesh.node.interface, "peer", key, "allowed-ips", "10.99.0.1/32")
    try:
        yield
    finally:
        run("wg", "set", mesh.node.interface, "peer", key, "allowed-ips", addresses.replace(" ", ","))


@contextmanager
def _interface_down(mesh: Mesh) -> Iterator[None]:
    ip(mesh.node.path.server, f"link set dev {mesh.node.interface} down")
    try:
        yield
    finally:
        ip(mesh.node.path.server, f"link set dev {mesh.node.interface} up")


@contextmanager
def _relay(mesh: Mesh, settings: RelaySettings) -> Iterator[None]:
    """The direct path is closed, and the packets go by a relay."""
    node = mesh.node
    relay = Relay(node.path, node.endpoint(4), settings)
    try:
        with node.path.filtered(_NO_DIRECT_PATH):
            _set_endpoint(mesh, *relay.endpoint)
            yield
    finally:
        relay.close()
        _set_endpoint(mesh, *node.endpoint(4))


def _set_endpoint(mesh: Mesh, host: object, port: int) -> None:
    run("wg", "set", mesh.own.name, "peer", str(mesh.node.public_key), "endpoint", f"{host}:{port}")


def _by_relay(mesh: Mesh) -> AbstractContextManager[None]:
    return _relay(mesh, RelaySettings())


def _by_dead_relay(mesh: Mesh) -> AbstractContextManager[None]:
    return _relay(mesh, both_ways(loss=1.0))


def _by_slow_relay(mesh: Mesh) -> AbstractContextManager[None]:
    return _relay(mesh, both_ways(delay_s=0.6 * SLOW_S))


ROWS = (
    Row("healthy", Verdict.HEALTHY, _nothing, gets_through=True),
    Row("healthy, by a relay alone", Verdict.HEALTHY, _by_relay, gets_through=True),
    Row("slow, by a relay alone", Verdict.SLOW, _by_slow_relay, gets_through=True),
    Row("a port of the node is closed", Verdict.INNER_DEAD, _nothing, gets_through=True, port=SERVICE_PORT),
    Row("the node's firewall drops", Verdict.SILENT, _firewall, gets_through=False),
    Row("the node's list of peers is old", Verdict.SILENT, _wrong_allowed_ips, gets_through=False),
    Row("the node's interface is down", Verdict.SILENT, _interface_down, gets_through=False),
    Row("by a relay alone, which is dead", Verdict.SILENT, _by_dead_relay, gets_through=False),
)

COLUMNS = (
    Column("online", first_cause="node-firewall"),
    Column("offline", {"online": False}),
    Column("unknown", {"online": None}),
    Column("online, key expired", {"expiry": "2020-01-01T00:00:00Z"}, first_cause="node-key-expired"),
    Column("offline, key expired", {"online": False, "expiry": "2020-01-01T00:00:00Z"}),
    Column("online, a day ago", age_s=86_400.0),
    Column("the API failed", status=500),
)
