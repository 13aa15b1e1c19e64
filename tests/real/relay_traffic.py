"""What the relay does to each packet, without sockets and clocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from random import Random

from tests.real.relay_settings import Forgery, Killer, OneWay, Per, RelaySettings, Towards
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.protocols.wireguard.cookie import NO_MAC, Mac1
from wgmon_tui.protocols.wireguard.wire import TRANSPORT_OVERHEAD, MessageType, message_type

Flow = tuple[str, int]
"""A client's address and port."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A packet to forward after `after` seconds."""

    towards: Towards
    packet: bytes
    after: float = 0.0


@dataclass(slots=True)
class _Counted:
    """What has passed of one flow or session; `since` is the time of its first packet."""

    since: float
    packets: int = 0
    size: int = 0

    def is_over(self, killer: Killer, now: float) -> bool:
        limits = (
            (killer.packets, self.packets),
            (killer.size, self.size),
            (killer.seconds, now - self.since),
        )
        return any(limit is not None and value >= limit for limit, value in limits)


@dataclass(slots=True)
class Traffic:
    """Decides on one packet after the other. Its counts begin when it is made."""

    settings: RelaySettings
    _random: Random = field(init=False)
    _seen: dict[tuple[Flow, Towards], int] = field(default_factory=dict)
    _seen_data: dict[tuple[Flow, Towards], int] = field(default_factory=dict)
    _killed: dict[object, _Counted] = field(default_factory=dict)
    _sessions: dict[tuple[Flow, bytes], bytes] = field(default_factory=dict)
    """From the server's index to the client's: packets of both directions belong to one session."""

    def __post_init__(self) -> None:
        self._random = Random(self.settings.seed)

    def decide(self, towards: Towards, flow: Flow, packet: bytes, now: float) -> list[Delivery]:
        """What to forward, in place of a packet that came at `now`, in seconds of any clock."""
        if self.settings.service_answer:
            answer = self.settings.service_answer.encode()
            return [Delivery(Towards.CLIENT, answer)] if towards is Towards.SERVER else []
        return [*self._forged(towards, packet), *self._forwarded(towards, flow, packet, now)]

    def _forged(self, towards: Towards, packet: bytes) -> Iterator[Delivery]:
        forgery = self.settings.forgery
        if forgery and towards is Towards.SERVER and message_type(packet) is MessageType.INITIATION:
            for client in forgery.clients:
                yield Delivery(Towards.CLIENT, _forged_response(client, packet))

    def _forwarded(self, towards: Towards, flow: Flow, packet: bytes, now: float) -> Iterator[Delivery]:
        way = self.settings.to_server if towards is Towards.SERVER else self.settings.to_client
        if (
            self._is_unwanted(way, towards, flow, packet)
            or self._is_replaced(self.settings.forgery, packet)
            or self._is_cut(towards, flow, packet, now)
        ):
            return
        data_delay_s = way.data_delay_s if message_type(packet) is MessageType.TRANSPORT else 0.0
        yield Delivery(towards, packet, way.delay_s + data_delay_s + self._random.random() * way.jitter_s)

    def _is_unwanted(self, way: OneWay, towards: Towards, flow: Flow, packet: bytes) -> bool:
        seen = _count(self._seen, (flow, towards))
        if seen <= way.lose_first or self._random.random() < way.loss or _is_due(seen, way.even_loss):
            return True
        if way.largest_datagram is not None and len(packet) > way.largest_datagram:
            return True
        # An empty one is a keepalive, which is no data.
        if message_type(packet) is not MessageType.TRANSPORT or len(packet) == TRANSPORT_OVERHEAD:
            return False
        if way.largest_inner is not None and len(packet) - TRANSPORT_OVERHEAD > way.largest_inner:
            return True
        data = _count(self._seen_data, (flow, towards))
        return way.one_data_packet_of == 0 or (data - 1) % way.one_data_packet_of != 0

    @staticmethod
    def _is_replaced(forgery: Forgery | None, packet: bytes) -> bool:
        return forgery is not None and forgery.instead and message_type(packet) is MessageType.INITIATION

    def _is_cut(self, towards: Towards, flow: Flow, packet: bytes, now: float) -> bool:
        killer, kind = self.settings.killer, message_type(packet)
        if killer is None:
            return False
        if kind is MessageType.RESPONSE and towards is Towards.CLIENT:
            self._sessions[flow, packet[4:8]] = packet[8:12]
        if kind is not MessageType.TRANSPORT:
            counted = self._killed.setdefault(flow, _Counted(now)) if killer.per is Per.FLOW else None
            cut = counted is not None and counted.is_over(killer, now)
            return cut and not killer.spares_handshakes and towards in killer.blocks
        counted = self._killed.setdefault(self._counted_as(killer, towards, flow, packet), _Counted(now))
        if counted.is_over(killer, now):
            return towards in killer.blocks
        counted.packets += 1
        counted.size += len(packet)
        return False

    def _counted_as(self, killer: Killer, towards: Towards, flow: Flow, packet: bytes) -> object:
        if killer.per is Per.FLOW:
            return flow
        index = packet[4:8]
        return flow, self._sessions.get((flow, index), index) if towards is Towards.SERVER else index


def _is_due(number: int, share: float) -> bool:
    """Whether the packet of this number is lost, so that `share` of all packets is, evenly spread."""
    exact = Fraction(share).limit_denominator(1000)
    return floor(number * exact) > floor((number - 1) * exact)


def _count(counts: dict[tuple[Flow, Towards], int], key: tuple[Flow, Towards]) -> int:
    counts[key] = counts.get(key, 0) + 1
    return counts[key]


def _forged_response(client: str, initiation: bytes) -> bytes:
    """A response that fails authentication only; mac1 needs no secret, and the index is in clear text."""
    message = b"\x02\0\0\0" + os.urandom(4) + initiation[4:8] + os.urandom(32 + 16)
    return message + Mac1(PublicKey.from_text(client)).compute(message) + NO_MAC
