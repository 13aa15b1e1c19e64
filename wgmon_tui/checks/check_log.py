"""The log of a running check: timestamped packets and evidence, both bounded."""

from __future__ import annotations

import time

from wgmon_tui.checks.check import Direction, Packet
from wgmon_tui.checks.evidence import (
    AnsweredFromElsewhere,
    Evidence,
    IcmpError,
    InnerEcho,
    InnerService,
    InnerUnaddressed,
    PacketRejected,
)
from wgmon_tui.checks.fetch_evidence import InnerFetch

_PACKETS_KEPT = 64
_EVIDENCE_KEPT = 8
"""Limit per kind: a flood of one kind must not fill memory or displace another."""


class CheckLog:
    """The packets and evidence of one check. Times are seconds since its first packet was sent."""

    def __init__(self) -> None:
        self.evidence: list[Evidence] = []
        self.exchange: list[Packet] = []
        self.started_at_unix = time.time()
        self._first_ns: int | None = None
        self._counts_by_kind: dict[object, int] = {}

    def sent(self, packet: bytes, sent_ns: int) -> None:
        """Record a sent packet. `sent_ns` is Unix time in nanoseconds."""
        if self._first_ns is None:
            self._first_ns = sent_ns
        if len(self.exchange) < _PACKETS_KEPT:
            self.exchange.append(Packet(self.seconds_since_start(sent_ns), Direction.SENT, packet))

    def received(self, packet: bytes, received_ns: int) -> float:
        """Record a received packet and return its time in the check, in seconds."""
        at = self.seconds_since_start(received_ns)
        if len(self.exchange) < _PACKETS_KEPT:
            self.exchange.append(Packet(at, Direction.RECEIVED, packet))
        return at

    def record_decisive(self, packet: bytes, received_ns: int) -> None:
        """Record the packet that decided the check, even if a flood has filled the log."""
        if not self.exchange or self.exchange[-1].data is not packet:
            self.exchange.append(Packet(self.seconds_since_start(received_ns), Direction.RECEIVED, packet))

    def add_reply_source(self, source: tuple[str, int], probed: tuple[str, int]) -> None:
        """Record where an authentic packet came from, if that is not the address and port probed."""
        if source != probed and (elsewhere := AnsweredFromElsewhere(*source)) not in self.evidence:
            self.add_evidence(elsewhere)

    def add_evidence(self, evidence: Evidence) -> None:
        """Record evidence, up to a limit per kind."""
        kind: object = type(evidence)
        match evidence:
            case PacketRejected(reason=reason):
                kind = reason
            case IcmpError(quotes_packet=quotes_packet):
                kind = kind, quotes_packet
            case (
                InnerEcho(target=target)
                | InnerService(target=target)
                | InnerFetch(target=target)
                | InnerUnaddressed(target=target)
            ):
                kind = (
                    kind,
                    target,
                )  # one kind per probed target: servers.toml limits them, and none may be lost
        count = self._counts_by_kind.get(kind, 0)
        if count < _EVIDENCE_KEPT:
            self._counts_by_kind[kind] = count + 1
            self.evidence.append(evidence)

    def seconds_since_start(self, unix_ns: int) -> float:
        """Seconds since the first packet was sent; never negative if the wall clock steps back."""
        return 0.0 if self._first_ns is None else max(0.0, (unix_ns - self._first_ns) / 1e9)
