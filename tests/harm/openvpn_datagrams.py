"""Hostile datagrams at the OpenVPN client, in memory: `python -m tests.harm.openvpn_datagrams [COUNT]`.

An attacker first speaks alone: nothing may raise, log in or count as data. Then he speaks beside an honest
server, and knows every packet so far. With tls-crypt each session must still complete.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address

from tests.harm.datagram_attacker import DatagramAttacker
from wgmon_tui.lab.openvpn import server as lab
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.session import LabSession, SessionSetup
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn import key_exchange
from wgmon_tui.protocols.openvpn.client import Client, Login
from wgmon_tui.protocols.openvpn.data_channel import DataChannel, DataError
from wgmon_tui.protocols.openvpn.events import OptionsPushed, TlsEstablished
from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout, fields_of
from wgmon_tui.protocols.openvpn.profile import Profile, WrapperKind
from wgmon_tui.protocols.openvpn.profile_parser import parse_profile
from wgmon_tui.protocols.openvpn.tls_context import make_context
from wgmon_tui.protocols.openvpn.tunnel_stage import make_data_channel
from wgmon_tui.protocols.openvpn.wrapping import make_wrapping

USUAL_COUNT = 1_000_000
_SESSION_DATAGRAMS = 2_000
_STEPS = 40
_ALLOWED_GROWTH_MB = 32
_SLOWEST_S = 1.0


@dataclass(slots=True)
class Figures:
    """What the datagrams did. All but the first three must stay 0."""

    datagrams: int = 0
    sessions: int = 0
    completed: int = 0
    raised: Counter[str] = field(default_factory=Counter)
    fooled: int = 0
    """Sessions that an attacker alone completed, and data of his that was accepted."""
    broken: int = 0
    """Sessions with tls-crypt that did not complete."""
    slowest_s: float = 0.0


class Parties:
    """A client and a server of one kind of wrapping; the secrets are those of the whole run."""

    def __init__(self, kind: WrapperKind) -> None:
        authority, key = _authority(), _static_key() if kind is WrapperKind.TLS_CRYPT else b""
        client = authority.issue_client("monitor")
        text = write_profile(Endpoint("127.0.0.1", 1194), authority, client, key)
        self.profile: Profile = parse_profile(text.encode())
        self._context = make_context(self.profile, None, "/dev/null")
        own = authority.issue_server("server")
        self._setup = SessionSetup(lab.make_context(authority, own), key, IPv4Address("10.98.0.2"), 1)
        self.layout = PacketLayout.of(self.profile.remotes[0].wrapper)

    def make_client(self) -> Client:
        """A new client."""
        return Client(make_wrapping(self.profile.remotes[0].wrapper))

    def make_server(self) -> LabSession:
        """A new server."""
        return LabSession(self._setup)

    def login(self) -> Login:
        """What the client needs beyond the reset."""
        info = key_exchange.peer_info("2.6.14", self.profile.data_ciphers)
        return Login(self._context, ("V4,dev-type tun", "", "", info))


@cache
def _authority() -> LabAuthority:
    return LabAuthority()


@cache
def _static_key() -> bytes:
    return make_static_key()


def _with_other_opcode(source: random.Random, packet: bytearray) -> bytes:
    opcode = source.randrange(32) << 3 | source.randrange(8)
    return bytes((opcode,)) + bytes(packet[1:])


def make_attacker(seed: int) -> DatagramAttacker:
    """An attacker who knows an empty packet."""
    return DatagramAttacker(seed, bytes(14), _with_other_opcode)


def run(count: int, seed: int = 1) -> Figures:
    """Run so many datagrams against clients of each wrapping, alone and beside an honest server."""
    figures = Figures()
    kinds = [Parties(WrapperKind.PLAIN), Parties(WrapperKind.TLS_CRYPT)]
    attacker = make_attacker(seed)
    # What the attacker has seen in a session that went well.
    for parties in kinds:
        _, packets = _complete(parties, lambda *_: None)
        attacker.seen += packets
    while figures.datagrams < count:
        for parties in kinds:
            for runs in (_run_alone, _run_beside):
                began = time.monotonic()
                runs(parties, attacker, figures, min(_SESSION_DATAGRAMS, count))
                figures.sessions += 1
                figures.slowest_s = max(figures.slowest_s, (time.monotonic() - began) / _SESSION_DATAGRAMS)
    return figures


def _hit(
    client: Client, attacker: DatagramAttacker, figures: Figures, layout: PacketLayout, now: float
) -> None:
    packet = attacker.make()
    figures.datagrams += 1
    try:
        client.receive(packet, now)
        client.take_packets(now, 1)
        fields_of(packet, layout)
    except Exception as error:  # noqa: BLE001  any of them breaks the promise
        figures.raised[type(error).__name__] += 1


def _run_alone(parties: Parties, attacker: DatagramAttacker, figures: Figures, count: int) -> None:
    client = parties.make_client()
    keys = DataChannel("AES-256-GCM", "SHA1", random.Random(2).randbytes(256), peer_id=1)
    for number in range(count):
        _hit(client, attacker, figures, parties.layout, number / 100)
        if client.remote_session_id and client._login is None:
            client.log_in(parties.login(), number / 100)
        try:
            keys.open(attacker.make())
            figures.fooled += 1
        except DataError:
            pass
    figures.fooled += client.reply is not None


def _run_beside(parties: Parties, attacker: DatagramAttacker, figures: Figures, count: int) -> None:
    each, earlier = count // _STEPS, attacker.seen[-200:]

    def between(client: Client, packets: list[bytes]) -> None:
        attacker.seen = [*earlier, *packets]  # he reads along
        for _ in range(each):
            _hit(client, attacker, figures, parties.layout, 0.0)

    is_complete, _ = _complete(parties, between)
    figures.completed += is_complete
    figures.broken += not is_complete and parties.layout.kind is WrapperKind.TLS_CRYPT


def _complete(parties: Parties, between: Callable[[Client, list[bytes]], None]) -> tuple[bool, list[bytes]]:
    """A session with an honest server, and its packets. `between` gets the client before each step."""
    client, server = parties.make_client(), parties.make_server()
    packets: list[bytes] = []
    has_tls = False
    for step in range(_STEPS):
        now = step * 2.0
        between(client, packets)
        for packet in client.take_packets(now, 1):
            packets.append(packet)
            for answer in server.receive(packet, now):
                packets.append(answer)
                events = client.receive(answer, now)
                has_tls |= any(isinstance(event, TlsEstablished) for event in events)
                if any(isinstance(event, OptionsPushed) for event in events):
                    channel = make_data_channel(client, parties.profile)
                    return has_tls and channel is not None, packets
        if client.remote_session_id and client._login is None:
            client.log_in(parties.login(), now)
    return False, packets


def main() -> int:
    """Print the figures; 1 if a promise does not hold."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_COUNT
    run(20_000)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    found = run(count)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    took = time.monotonic() - began
    print(
        f"{found.datagrams} datagrams in {found.sessions} sessions, "
        f"{took / found.datagrams * 1e6:.0f} µs each: "
        f"{sum(found.raised.values())} exceptions {dict(found.raised)}, {found.fooled} fooled, "
        f"{found.broken} sessions with tls-crypt broken, {found.completed} completed, "
        f"memory grew by {grown:.1f} MB"
    )
    held = not found.raised and not found.fooled and not found.broken and found.slowest_s < _SLOWEST_S
    return int(not held or grown > _ALLOWED_GROWTH_MB)


if __name__ == "__main__":
    sys.exit(main())
