"""What each operating system offers to this program: one table, and the row of this machine.

Code that differs between systems asks `PLATFORM` for a feature, never for a name. docs/platforms.md shows the
table, and `doctor` prints what is less exact on this machine.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from enum import Enum

from wgmon_tui.records import dataclass


class PeerSource(Enum):
    """Where the credentials of a Unix socket's peer come from; the value is the name in the documentation."""

    SO_PEERCRED = "SO_PEERCRED"
    LOCAL_PEERCRED = "LOCAL_PEERCRED"
    GETPEEREID = "getpeereid"


@dataclass(frozen=True, slots=True)
class ReceiveTimestamp:
    """The socket option by which the kernel stamps arriving datagrams, and the control message of a stamp."""

    name: str
    option: int
    message: int
    layout: struct.Struct
    unit_ns: int
    """Nanoseconds of the second number in `layout`; the first is in seconds."""
    start_s: float = 0.0
    """Seconds that the kernel needs to begin after the first socket asks."""


@dataclass(frozen=True, slots=True)
class LocalCommands:
    """Commands that show the network of this machine, for advice to its operator."""

    firewall: str
    loopback_up: str
    addresses: str
    clock: str
    route_table: str
    routes: dict[int, str]
    """The routing table of each IP version."""
    route_to: str
    """The route to an address, which follows."""
    enlarge_buffer: str
    """Allows larger receive buffers."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The features of one operating system."""

    name: str
    has_error_queue: bool
    """ICMP errors can be read from an unconnected socket, with sender and code (ip(7), IP_RECVERR)."""
    receive_timestamp: ReceiveTimestamp | None
    dont_fragment: dict[int, int]
    """Socket options that forbid to fragment sent datagrams, by IP version; Linux has another one."""
    has_drop_counter: bool
    """A socket counts the datagrams for which its receive buffer had no room (SO_MEMINFO)."""
    has_routing_socket: bool
    """The kernel answers questions about routes and neighbours (rtnetlink(7))."""
    has_descriptor_paths: bool
    """A directory can be named by its descriptor: /proc/self/fd/N."""
    has_open_file_locks: bool
    """A byte lock can belong to an open file instead of the process (fcntl(2), F_OFD_SETLK)."""
    peer_source: PeerSource
    socket_path_bytes: int
    """Bytes that fit into a Unix socket address, without the final zero."""
    commands: LocalCommands

    @property
    def less_exact(self) -> tuple[str, ...]:
        """What this program cannot see here, or sees less exactly: a sentence each."""
        sentences = []
        if not self.has_error_queue:
            sentences.append(
                "ICMP errors arrive without their sender and their exact code: a port counts as closed, "
                "whoever reports it"
            )
            sentences.append("the path to a server cannot be traced")
        if self.receive_timestamp is None:
            sentences.append("packets are timed when they are read: load adds to round-trip times")
        elif self.receive_timestamp.unit_ns > 1:
            sentences.append("arrival times are in microseconds")
        if not self.has_drop_counter:
            sentences.append("answers that this machine drops in a flood look like silence")
        if not self.has_routing_socket:
            sentences.append("routes and neighbours are unknown: a silent gateway is not named as the cause")
        if self.peer_source is PeerSource.GETPEEREID:
            sentences.append("members of a shared state directory are recognised by their login groups alone")
        return tuple(sentences)


_BSD_COMMANDS = LocalCommands(
    firewall="pfctl -sr",
    loopback_up="ifconfig lo0 up",
    addresses="ifconfig",
    clock="date",
    route_table="netstat -rn",
    routes={4: "netstat -rn -f inet", 6: "netstat -rn -f inet6"},
    route_to="route -n get",
    enlarge_buffer="sysctl kern.ipc.maxsockbuf=8388608",
)

LINUX = Platform(
    name="Linux",
    has_error_queue=True,
    # SO_TIMESTAMPNS of the uapi headers. The kernel begins shortly after the first request
    # (net_enable_timestamp) and stamps on reading until then.
    receive_timestamp=ReceiveTimestamp("SO_TIMESTAMPNS", 35, 35, struct.Struct("@ll"), 1, start_s=0.03),
    dont_fragment={},
    has_drop_counter=True,
    has_routing_socket=True,
    has_descriptor_paths=True,
    has_open_file_locks=True,
    peer_source=PeerSource.SO_PEERCRED,
    socket_path_bytes=107,
    commands=LocalCommands(
        firewall="nft list ruleset",
        loopback_up="ip link set lo up",
        addresses="ip address",
        clock="timedatectl",
        route_table="ip route",
        routes={4: "ip -4 route", 6: "ip -6 route"},
        route_to="ip route get",
        enlarge_buffer="sysctl -w net.core.rmem_max=4194304",
    ),
)

# SO_TIMESTAMP and SCM_TIMESTAMP of sys/socket.h; struct timeval, whose microseconds are a long on FreeBSD and
# an int on macOS.
FREEBSD = Platform(
    name="FreeBSD",
    has_error_queue=False,
    receive_timestamp=ReceiveTimestamp("SO_TIMESTAMP", 0x0400, 0x02, struct.Struct("@ll"), 1000),
    dont_fragment={4: 67, 6: 62},  # IP_DONTFRAG, IPV6_DONTFRAG
    has_drop_counter=False,
    has_routing_socket=False,
    has_descriptor_paths=False,
    has_open_file_locks=False,
    peer_source=PeerSource.LOCAL_PEERCRED,
    socket_path_bytes=103,
    commands=_BSD_COMMANDS,
)

MACOS = replace(
    FREEBSD,
    name="macOS",
    receive_timestamp=ReceiveTimestamp("SO_TIMESTAMP", 0x0400, 0x02, struct.Struct("@li"), 1000),
    dont_fragment={4: 28, 6: 62},
)

OTHER = replace(
    FREEBSD,
    name="other",
    receive_timestamp=None,
    dont_fragment={},
    peer_source=PeerSource.GETPEEREID,
)
"""Any other system: only what POSIX and the BSD libraries have. It is not tested."""

PLATFORMS = (LINUX, MACOS, FREEBSD, OTHER)


def platform_of(system: str) -> Platform:
    """The row for a value of `sys.platform`."""
    if system == "linux":
        return LINUX
    if system == "darwin":
        return MACOS
    return FREEBSD if system.startswith("freebsd") else OTHER


PLATFORM = platform_of(sys.platform)
"""The row of this machine."""
