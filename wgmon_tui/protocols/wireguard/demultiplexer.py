"""The demultiplexer: all checks share one UDP socket per family; the index selects the check."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.udp_socket import LINUX, Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard.handshake_stage import HandshakeStage
from wgmon_tui.protocols.wireguard.wire import INDEX_LENGTH, receiver_index, sender_index

_MAX_LATE_EVIDENCE = 8

_TIMESTAMPING_DELAY_S = 0.03
"""The kernel starts to timestamp packets shortly after a socket requests it (net_enable_timestamp).

Until then it stamps on reading, and the first round-trip times would include the delay of this process.
"""


class PacketListener(Protocol):
    """A stage of a check that waits for packets."""

    source: SocketAddress

    def on_datagram(self, datagram: Datagram) -> None:
        """Handle a packet for one of its indices, or one without index from its server's address."""

    def on_icmp(self, error: QueuedError) -> None:
        """Handle an ICMP error about its own packet, or about one to its server that quotes too little."""


@dataclass(slots=True)
class _LateAnswerWindow:
    """The attempts of a finished check, kept until the next one ends: servers may answer late."""

    handshake_stage: HandshakeStage
    late: list[Evidence] = field(default_factory=list)

    def add_evidence(self, evidence: Evidence | None) -> None:
        """Keep evidence for the next check, up to a limit: late answers may be a flood."""
        if evidence and len(self.late) < _MAX_LATE_EVIDENCE:
            self.late.append(evidence)


class Demultiplexer:
    """The sockets and indices. Call `open` inside the event loop and network namespace of the checks."""

    def __init__(self) -> None:
        self._sockets: dict[int, DatagramSocket] = {}
        self._by_index: dict[int, PacketListener] = {}
        self._by_source: dict[SocketAddress, list[PacketListener]] = {}
        self._late_windows: dict[tuple[str, str], _LateAnswerWindow] = {}
        self._late_by_index: dict[int, _LateAnswerWindow] = {}

    async def open(self) -> None:
        """Open a socket per address family that this machine supports. Raises OSError if there is none."""
        loop = asyncio.get_running_loop()
        refusal: OSError | None = None
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                opened = DatagramSocket(family, self._on_datagram, self._on_error)
            except OSError as error:
                refusal = error
                continue
            opened.attach(loop)
            self._sockets[family] = opened
        if not self._sockets and refusal:
            raise refusal
        if LINUX:
            await asyncio.sleep(_TIMESTAMPING_DELAY_S)

    async def close(self) -> None:
        """Close the sockets."""
        loop = asyncio.get_running_loop()
        for opened in self._sockets.values():
            opened.close(loop)
        self._sockets.clear()

    @property
    def ports(self) -> tuple[int, ...]:
        """The local port of each socket."""
        return tuple(opened.port for opened in self._sockets.values())

    def socket_for(self, address: Address) -> DatagramSocket | None:
        """The socket of an address's family; None if this machine does not support it."""
        return self._sockets.get(socket.AF_INET if address.version == 4 else socket.AF_INET6)

    def free_index(self) -> int:
        """Pick a random unused index."""
        while True:
            index = int.from_bytes(os.urandom(INDEX_LENGTH), "little")
            if index not in self._by_index and index not in self._late_by_index:
                return index

    def register(self, index: int, listener: PacketListener) -> None:
        """Deliver packets for `index` to `listener`."""
        self._by_index[index] = listener

    def unregister(self, index: int) -> None:
        """Stop delivering packets for `index`."""
        del self._by_index[index]

    @contextmanager
    def listen_to_source(self, listener: PacketListener) -> Iterator[None]:
        """Within the block, also deliver packets without index from the listener's server to it."""
        waiting = self._by_source.setdefault(listener.source, [])
        waiting.append(listener)
        try:
            yield
        finally:
            waiting.remove(listener)
            if not waiting:
                del self._by_source[listener.source]

    def pop_late_evidence(self, key: tuple[str, str]) -> list[Evidence]:
        """Return evidence that arrived too late for the last check under this key; stop tracking it."""
        previous = self._late_windows.pop(key, None)
        if previous is None:
            return []
        for sent in previous.handshake_stage.sent:
            del self._late_by_index[sent.attempt.sender]
        return previous.late

    def track_late_answers(self, key: tuple[str, str], handshake_stage: HandshakeStage) -> None:
        """Track late answers to a finished check until `pop_late_evidence`."""
        window = self._late_windows[key] = _LateAnswerWindow(handshake_stage)
        for sent in handshake_stage.sent:
            self._late_by_index[sent.attempt.sender] = window

    def _on_datagram(self, datagram: Datagram) -> None:
        index = receiver_index(datagram.data)
        if index is None:
            for listener in tuple(self._by_source.get(datagram.source, ())):
                listener.on_datagram(datagram)
        elif index in self._by_index:
            self._by_index[index].on_datagram(datagram)
        elif index in self._late_by_index:
            late = self._late_by_index[index]
            late.add_evidence(late.handshake_stage.late_answer(datagram))

    def _on_error(self, error: QueuedError) -> None:
        index = sender_index(error.quoted)
        if index is None:
            for listener in tuple(self._by_source.get(error.destination, ())):
                listener.on_icmp(error)
        elif index in self._by_index:
            self._by_index[index].on_icmp(error)
        elif index in self._late_by_index:
            # The kernel reports a dead neighbour after three seconds, when many checks have ended.
            late = self._late_by_index[index]
            late.add_evidence(late.handshake_stage.icmp_evidence(error))
