"""Building blocks of rows: the texts of causes, and frequent looks."""

from __future__ import annotations

from typing import Any

from tests.real.matrix.faults import Fault, the_router
from tests.real.matrix.models import Look, Row
from tests.real.matrix.servers import LINUX_KERNEL, WIREGUARD_GO
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.net.naive_port_check import CLOSED, OPEN_OR_FILTERED

FULL = (WIREGUARD_GO, LINUX_KERNEL)
"""The servers with an interface, AllowedIPs, preshared keys and timers; mitmproxy gives boringtun none."""

UNKNOWN_PEER = "the server does not know this identity's public key"
OTHER_KEY = "the server's key is not the one in servers.toml"
FIREWALL = "a firewall drops the packets or the answers"
HUNG = "the server or its WireGuard process is down or hung"
CLOCK = "this identity's clock once ran ahead"
REMOVED = "this identity was removed from the server's peers"
OUR_PSK = "the preshared key in servers.toml is not the one on the server"
SOME_PSK = "the preshared key differs between this machine and the server"
FORGERY = "a machine on the path forges answers"
ALLOWED_IPS = "the server's AllowedIPs for this peer lack its tunnel address"
INNER_FIREWALL = "an inner firewall drops the packets, or the inner address is missing"
NO_ROUTE_BACK = "the server has no route back to this identity's tunnel address"
INNER_REFUSAL = "routing or a firewall inside the tunnel rejects the packets"
PATH_DROPS_DATA = "something on the path passes the handshake and drops data"
SMALL_MTU = "the path drops packets over"
TARGET_DOWN = "the inner host or service is down"

NO_SIZE = "size not tested"
RECEIVES = "the server receives data"
UNPROVEN = "Silence alone does not show the cause."
NOT_PROVEN = "nothing came back through the tunnel"
NO_FORWARDING = "does not forward, and is not at"
DROP = the_router("udp dport {port} drop")
DROP_ANSWERS = the_router("udp sport {port} drop")
DROP_DATA = the_router("udp dport {port} @th,64,8 4 drop")
DROP_DATA_OF_THE_SERVER = the_router("udp sport {port} @th,64,8 4 drop")
REJECT = the_router("udp dport {port} reject")
PROHIBIT = the_router("udp dport {port} reject with icmpx admin-prohibited")


ANSWERED_FROM_ITS_FIRST = Look(Severity.DEGRADED, says=("answers came from 10.77.2.2",))
"""A server with two addresses was asked at the second one, and answered from the first."""


def row(mode: str, *looks: Look, **settings: Any) -> Row:
    return Row(mode, looks, **settings)


def healthy(*faults: Fault, says: str = "data passes both ways") -> Look:
    return Look(Verdict.HEALTHY, faults, says=(says,))


def silent(*faults: Fault, cause: str, says: tuple[str, ...] = (UNPROVEN,)) -> Look:
    """Unexplained silence: the true cause is one of several, and a port monitor reports no fault."""
    return Look(Verdict.SILENT, faults, cause, says, port=OPEN_OR_FILTERED)


def dead(
    *faults: Fault, cause: str, says: str = RECEIVES, never_says: tuple[str, ...] = (PATH_DROPS_DATA,)
) -> Look:
    return Look(Verdict.DATA_DEAD, faults, cause, (says,), never_says, port=OPEN_OR_FILTERED)


def absent(*faults: Fault, says: str = "the tunnel is fine", never_says: tuple[str, ...] = ()) -> Look:
    """An inner address that nobody has, while the first hop answers: this disproves the server's faults."""
    disproved = (PATH_DROPS_DATA, ALLOWED_IPS, NO_ROUTE_BACK)
    return Look(Verdict.INNER_DEAD, faults, TARGET_DOWN, (says,), (*disproved, *never_says))


def unproven(*faults: Fault, cause: str, says: tuple[str, ...] = (RECEIVES, NOT_PROVEN)) -> Look:
    """Nothing came back through the tunnel, which may work; a port monitor sees no difference."""
    return Look(Verdict.UNPROVEN, faults, cause, says, (PATH_DROPS_DATA,), port=OPEN_OR_FILTERED)


def psk(*faults: Fault, cause: str, says: str, never_says: tuple[str, ...] = ()) -> Look:
    return Look(Verdict.PSK_MISMATCH, faults, cause, (says,), never_says, port=OPEN_OR_FILTERED)


def closed(fault: Fault) -> Look:
    return Look(Verdict.PORT_CLOSED, (fault,), "WireGuard is not running", port=CLOSED)


def refused(*faults: Fault, cause: str, says: str) -> Look:
    return Look(Verdict.UNREACHABLE, faults, cause, (says,))
