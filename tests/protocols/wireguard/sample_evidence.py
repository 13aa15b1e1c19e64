"""Sample evidence for tests: one server, and one of each evidence from a handshake."""

from __future__ import annotations

from ipaddress import ip_address
from typing import get_args

from hypothesis import strategies as st

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    Evidence,
    ForeignBytes,
    IcmpError,
    LateAnswer,
    NameUnresolved,
    PacketRejected,
    ReceiveOverflow,
    Silence,
    SocketError,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint

SERVER = Server(
    "fra1", Endpoint("fra1.example.net", 51823), PrivateKey(bytes(range(32))).public, "bastion", slow=0.5
)
ADDRESS = ip_address("192.0.2.7")

SILENCE = Silence(5.0)
LATE = LateAnswer(7.5)
COOKIE = CookieDemanded(0.01)
FOREIGN = ForeignBytes(0.01, 12, b"\x00\x01\x80\x01")
BAD_EMPTY = PacketRejected(0.01, Reason.BAD_EMPTY, 92)
BAD_MAC1 = PacketRejected(0.01, Reason.BAD_MAC1, 92)
OVERFLOW = ReceiveOverflow(17)
EPERM = SocketError(0.0, "EPERM")
UNRESOLVED = NameUnresolved("fra1.example.net", "Name or service not known")


def icmp(version: int, kind: int, code: int, offender: str = "192.0.2.7") -> IcmpError:
    return IcmpError(0.01, version, kind, code, offender, offender == str(ADDRESS))


CLOSED = icmp(4, 3, 3)
CLOSED_V6 = icmp(6, 1, 4)
REJECTED_BY_ROUTER = icmp(4, 3, 3, "198.51.100.1")
PROHIBITED = icmp(4, 3, 13)
NO_ROUTE = icmp(4, 3, 0, "198.51.100.1")

ONE_OF_EACH: tuple[Evidence, ...] = (
    SILENCE,
    LATE,
    COOKIE,
    FOREIGN,
    BAD_EMPTY,
    CLOSED,
    OVERFLOW,
    EPERM,
    UNRESOLVED,
)


def check(*evidence: Evidence, handshake: Handshake | None = None) -> Check:
    return Check("fra1", "here", SERVER.endpoint, ADDRESS, 1_700_000_000.0, handshake, evidence)


_seconds = st.floats(0, 100)
_words = st.text(max_size=20)

KINDS: tuple[type[Evidence], ...] = get_args(Evidence)

st.register_type_strategy(PublicKey, st.binary(min_size=32, max_size=32).map(PublicKey))

any_evidence: st.SearchStrategy[Evidence] = st.one_of(*(st.from_type(kind) for kind in KINDS))

handshake_evidence: st.SearchStrategy[Evidence] = st.one_of(
    st.builds(Silence, _seconds),
    st.builds(LateAnswer, _seconds),
    st.builds(CookieDemanded, _seconds),
    st.builds(ForeignBytes, _seconds, st.integers(0, 2048), st.binary(max_size=16)),
    st.builds(PacketRejected, _seconds, st.sampled_from(Reason), st.integers(0, 2048)),
    st.builds(ReceiveOverflow, st.integers(1, 10**6)),
    st.builds(SocketError, _seconds, st.sampled_from(["EPERM", "ENETUNREACH", "EACCES", "EXDEV", "error"])),
    st.builds(NameUnresolved, _words, _words),
    st.builds(
        IcmpError,
        _seconds,
        st.sampled_from([4, 6]),
        st.integers(0, 255),
        st.integers(0, 255),
        st.sampled_from(["192.0.2.7", "198.51.100.1", ""]),
        st.booleans(),
        st.none() | st.integers(68, 65535),
    ),
)
