"""Echoes through a CHILD_SA, without I/O: which packets to send, and what their answers prove.

An inner address that must answer is one of `tunnel_ping`, else a name server that the server assigned.
Without either, the first hop is asked: packets that expire at the server, which reports that.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Iterable, Iterator, Sequence
from ipaddress import ip_interface
from statistics import median

from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerUnaddressed
from wgmon_tui.checks.first_hop import FirstHop, first_hops
from wgmon_tui.checks.inner_probes import InnerProbe, OwnAddresses, make_echo_probe, match_probe
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.ikev2.decrypted_parts import DecryptedParts, esp_key
from wgmon_tui.protocols.ikev2.esp import NO_NEXT_HEADER, EspContent, EspSession
from wgmon_tui.protocols.ikev2.payload_words import describe_content


class ChildTunnel:
    """The echoes of one check. Times are Unix nanoseconds."""

    def __init__(self, session: EspSession, own: OwnAddresses, targets: Sequence[Address]) -> None:
        """`own` are the addresses that the server assigned, or the only ones that it lets through."""
        self._session = session
        self._identifier = secrets.randbits(16)
        self._probes: dict[Hashable, InnerProbe] = {}
        self._sent = dict.fromkeys(targets, 0)
        self._unaddressed = [each for each in targets if each.version not in own]
        self._own = own
        self._sequence = 0
        hops = () if targets else first_hops(map(ip_interface, own.values()), (self._identifier + 1) % 2**16)
        self._hops: list[FirstHop] = list(hops)
        self.parts = DecryptedParts()
        """What the packets held, in words."""
        self.has_received_data = False
        """Whether any authentic packet with content came: the data path works in both directions."""

    @property
    def is_answered(self) -> bool:
        """Whether everything that can be asked has answered."""
        return all(map(self._has_answered, self._sent)) and all(each.source for each in self._hops)

    def send(self, now_ns: int) -> tuple[bytes, ...]:
        """ESP packets for all that has not answered yet: for the first time, or again."""
        return tuple(map(self._seal, self._unanswered(now_ns)))

    def _seal(self, inner: bytes) -> bytes:
        packet = self._session.seal(inner)
        self.parts.add(esp_key(packet), describe_content(EspContent(inner[0] >> 4, inner)))
        return packet

    def _unanswered(self, now_ns: int) -> Iterator[bytes]:
        for target in self._sent:
            if self._has_answered(target):
                continue
            self._sequence += 1
            probe = make_echo_probe(target, self._own, self._identifier, self._sequence)
            if probe is not None:
                probe.sent_ns = now_ns
                self._probes[probe.key] = probe
                self._sent[target] += 1
                yield probe.packet
        for hop in self._hops:
            if hop.source is None:
                hop.sent_ns, hop.attempts = now_ns, hop.attempts + 1
                yield from hop.packets.values()

    def receive(self, packet: bytes, received_ns: int) -> None:
        """Take a received ESP packet. Raises EspError if it is not an authentic one of this CHILD_SA."""
        opened = self._session.open(packet)
        self.parts.add(esp_key(packet), describe_content(opened))
        if opened.next_header == NO_NEXT_HEADER:
            return  # a dummy packet, sent to hide how much traffic there is (RFC 4303 §2.6)
        self.has_received_data = True
        inner = inner_packets.parse(opened.data)
        answer = match_probe(inner, self._identifier)
        probe = self._probes.get(answer.key) if answer else None
        if probe is not None and probe.answered_ns is None:
            probe.answered_ns = received_ns
        for hop in self._hops:
            hop.match_answer(inner, received_ns)

    def result(self) -> Tunnel | None:
        """What the echoes found; None if there was nothing to ask."""
        if self._sent:
            rtts = [each.rtt for each in self._probes.values() if each.rtt is not None]
            return Tunnel(len(self._probes), len(rtts), _median(rtts), None, passive=False)
        if not self._hops:
            return None
        rtts = [each.rtt for each in self._hops if each.rtt is not None]
        return Tunnel(len(self._hops), len(rtts), _median(rtts), None, passive=True)

    def evidence(self) -> tuple[Evidence, ...]:
        """The result of each target, or of each IP version of the first hop."""
        echoes = (self._echo(target) for target in self._sent if target not in self._unaddressed)
        unaddressed = (InnerUnaddressed(str(target)) for target in self._unaddressed)
        return (*echoes, *unaddressed, *(each.evidence() for each in self._hops))

    def _echo(self, target: Address) -> InnerEcho:
        rtts = [each.rtt for each in self._answered(target) if each.rtt is not None]
        return InnerEcho(str(target), self._sent[target], len(rtts), _median(rtts))

    def _has_answered(self, target: Address) -> bool:
        return any(True for _ in self._answered(target))

    def _answered(self, target: Address) -> Iterable[InnerProbe]:
        name = str(target)
        return (each for each in self._probes.values() if each.target == name and each.answered_ns)


def _median(rtts: Sequence[float]) -> float | None:
    return median(rtts) if rtts else None
