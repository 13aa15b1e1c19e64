"""The tunnel stage: data through the session that a handshake opened, and what comes back.

    echoes and service questions, spread over a time ──► answers counted, inner ICMP errors noted
    nothing of that to ask:    the first hop, in each IP version  ──► does anything come back at all?
    deep, and echoes pass:     padded echoes in a ladder of sizes ──► the path's MTU inside the tunnel
    deep, and nothing answers: wait for the server's keepalive    ──► does it receive our data at all?
    data was received:         one closing keepalive, or the server calls back for two minutes

What comes is believed once it has opened under the session's key, and counts once it answers a question.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import time
from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from statistics import median

from wgmon_tui.fleet.records import Address
from wgmon_tui.probe import inner
from wgmon_tui.probe.first_hop import FirstHop, first_hops
from wgmon_tui.probe.notebook import Notebook
from wgmon_tui.probe.questions import OwnAddresses, Question, echo, key_of, services
from wgmon_tui.probe.records import (
    IcmpError,
    InnerEcho,
    InnerIcmp,
    InnerService,
    InnerUnaddressed,
    PacketRejected,
    PassiveKeepalive,
    PathMtu,
    SocketError,
    Tunnel,
)
from wgmon_tui.probe.sockets import Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.probe.targets import Target
from wgmon_tui.wireguard.handshake import Reason
from wgmon_tui.wireguard.primitives import AuthenticationError
from wgmon_tui.wireguard.session import ReplayError, Session

KEEPALIVE_WITHIN_S = 10.75
"""Servers acknowledge unanswered data 10.0 to 10.25 s after it came (KEEPALIVE_TIMEOUT); and the path."""

_LAST_ANSWER_S = 2.0
_RUNGS = 12
_TRIES = 2
_TOO_BIG = ((4, 3, 4), (6, 2, 0))


class TunnelRun:
    """One tunnel stage. The prober feeds it what arrives for the session."""

    def __init__(
        self,
        target: Target,
        session: Session,
        notebook: Notebook,
        socket: DatagramSocket,
        destination: SocketAddress,
        source: SocketAddress,
    ) -> None:
        """`source` is where the server's packets come from, as the kernel spells it."""
        self.session = session
        self.source = source
        self._server = target.server
        self._interfaces = {int(each.version): each for each in reversed(target.tunnel_addresses)}
        self._own: OwnAddresses = {version: each.ip for version, each in self._interfaces.items()}
        self._notebook = notebook
        self._socket = socket
        self._destination = destination
        self._identifier = secrets.randbits(16)
        self._sequence = 0
        self._asked: list[Question] = []
        self._open: dict[Hashable, Question] = {}
        self._hops: list[FirstHop] = []
        self._first_data: float | None = None
        self._keepalive: float | None = None
        self._data_received = False
        self._reported_mtu: int | None = None
        self._news = asyncio.Event()

    async def run(self, *, deep: bool) -> Tunnel | None:
        """Go through the stage; `deep` adds what takes long: the MTU search and the passive keepalive.

        None where there was nothing to ask.
        """
        await self._ask()
        asked = self._asked
        answered = [question for question in asked if question.rtt is not None]
        rtts = [question.rtt for question in answered if question.kind == "echo" and question.rtt is not None]
        mtu = await self._search_mtu(max(rtts)) if deep and rtts and self._server.tunnel_mtu else None
        if not asked:
            await self._ask_first_hops()
        if deep and not self._data_received:
            await self._await_keepalive()
        for hop in self._hops:
            self._notebook.note(hop.evidence())
        if self._data_received:
            self._send(b"")
        if asked:
            return Tunnel(len(asked), len(answered), _middle(rtts), mtu, passive=False)
        if not self._hops and not deep:
            return None
        hop_rtts = [hop.rtt for hop in self._hops if hop.rtt is not None]
        return Tunnel(len(self._hops), len(hop_rtts), _middle(hop_rtts), None, passive=True)

    # Events

    def on_datagram(self, datagram: Datagram) -> None:
        """A packet addressed to the session's index."""
        at = self._notebook.received(datagram.data, datagram.received_ns)
        try:
            content = self.session.open(datagram.data)
        except (AuthenticationError, ReplayError):
            self._notebook.note(PacketRejected(at, Reason.OTHER_SESSION, len(datagram.data)))
            return
        if content:
            self._data_received = True
            self._on_inner(inner.parse(content), datagram.received_ns)
        elif self._keepalive is None:
            self._keepalive = time.monotonic()
        self._news.set()

    def on_icmp(self, error: QueuedError) -> None:
        """An ICMP error about a packet to the server; "too big" is part of an answer."""
        if (error.version, error.type, error.code) in _TOO_BIG and error.info:
            self._reported_mtu = min(error.info, self._reported_mtu or error.info)
            return
        at = self._notebook.since(time.time_ns())
        from_target = error.offender == self.source[0]
        self._notebook.note(IcmpError(at, error.version, error.type, error.code, error.offender, from_target))

    def _on_inner(self, packet: inner.InnerPacket, received_ns: int) -> None:
        if any(hop.take(packet, received_ns) for hop in self._hops):
            return
        if isinstance(packet, InnerIcmp):
            self._notebook.note(packet)
            return
        known = key_of(packet, self._identifier)
        question = self._open.get(known[0]) if known else None
        if known and question and question.answered_ns is None:
            question.answered_ns, question.answer = received_ns, known[1]
            if question.answer == "open":
                self._send(question.afterwards)

    # Steps

    async def _ask(self) -> None:
        """Echoes over the configured time, services with the first of them; then wait for the last answer.

        Services that are silent for half of that wait are asked again.
        """
        server = self._server
        for question in services(server, self._own):
            if isinstance(question, InnerUnaddressed):
                self._notebook.note(question)
            else:
                self._asked.append(question)
                self._put(question)
        for number in range(server.tunnel_count if server.tunnel_ping else 0):
            if number:
                await asyncio.sleep(server.tunnel_over / (server.tunnel_count - 1))
            for target in server.tunnel_ping:
                self._put_echo(target)
        patience_s = min(server.timeout, _LAST_ANSWER_S)
        await self._answers(self._asked, patience_s / 2)
        for question in self._asked:
            if question.kind != "echo" and question.answered_ns is None:
                self._put(question)  # asked once only so far, and one lost packet is no verdict
        await self._answers(self._asked, patience_s / 2)
        self._write_down()

    async def _ask_first_hops(self) -> None:
        """What no inner address is needed for, twice where need be: one lost packet is no verdict."""
        ours = [self._interfaces[version] for version in sorted(self._interfaces)]
        self._hops = list(first_hops(ours, self._identifier))
        for _ in range(_TRIES):
            for hop in self._hops:
                if hop.source is None:
                    hop.sent_ns = time.time_ns()
                    for packet in hop.packets.values():
                        self._send(packet)
            deadline = time.monotonic() + min(self._server.timeout, _LAST_ANSWER_S) / _TRIES
            await self._until(lambda: all(hop.source for hop in self._hops), deadline)

    def _write_down(self) -> None:
        """The evidence of the questions: a line for each target."""
        for target in self._server.tunnel_ping:
            if target.version not in self._own:
                self._notebook.note(InnerUnaddressed(str(target)))
        by_target = sorted(self._asked, key=lambda question: (question.kind, question.target))
        for (kind, name), group in groupby(by_target, key=lambda question: (question.kind, question.target)):
            questions = list(group)
            rtts = [question.rtt for question in questions if question.rtt is not None]
            if kind == "echo":
                self._notebook.note(InnerEcho(name, len(questions), len(rtts), _middle(rtts)))
            else:
                self._notebook.note(InnerService(kind, name, questions[0].answer if rtts else None))

    async def _search_mtu(self, rtt: float) -> int:
        """The largest echo that comes back, by ladders of sizes: each narrows the gap to one of its rungs."""
        wanted = self._server.tunnel_mtu or 0
        target = next(each for each in self._server.tunnel_ping if self._echoed(each))
        passes, fails = 64, wanted + 1
        rungs = [wanted]
        while rungs:
            named_before = self._reported_mtu is not None
            questions = [
                question
                for size in rungs * _TRIES
                if (question := echo(target, self._own, self._identifier, self._next_sequence(), size))
            ]
            for question in questions:
                self._put(question, padded=False)
            await self._answers(questions, max(0.5, 4 * rtt))
            if self._reported_mtu and not named_before:
                continue  # what was too large is lost; from now on our kernel cuts it up, as a client's does
            passing = [len(question.packet) for question in questions if question.rtt is not None]
            passes = max(passing, default=passes)
            fails = min((size for size in rungs if size > passes), default=fails)
            step = max(1, (fails - passes) // _RUNGS)
            rungs = list(range(passes + step, fails, step))
        self._notebook.note(PathMtu(wanted, passes, fails if passes < wanted else None, self._reported_mtu))
        return passes

    async def _await_keepalive(self) -> None:
        """Whether the server acknowledges our data. Data must be something: sixteen zeros are.

        Data that comes late after all is better, and takes the keepalive's place.
        """
        if self._first_data is None:
            self._send(bytes(16))
        began = self._first_data or time.monotonic()
        await self._until(
            lambda: self._keepalive is not None or self._data_received, began + KEEPALIVE_WITHIN_S
        )
        if self._keepalive is not None or not self._data_received:
            after = None if self._keepalive is None else self._keepalive - began
            self._notebook.note(PassiveKeepalive(after, KEEPALIVE_WITHIN_S))

    def _echoed(self, target: Address) -> bool:
        return any(
            question.kind == "echo" and question.target == str(target) and question.rtt is not None
            for question in self._asked
        )

    def _put_echo(self, target: Address) -> None:
        if question := echo(target, self._own, self._identifier, self._next_sequence()):
            self._asked.append(question)
            self._put(question)

    def _put(self, question: Question, *, padded: bool = True) -> None:
        """Send a question, so that its answer will be known."""
        self._open[question.key] = question
        question.sent_ns = self._send(question.packet, padded=padded) or time.time_ns()

    def _send(self, content: bytes, *, padded: bool = True) -> int | None:
        """Send through the session; None where our own system does not let it out."""
        if content and self._first_data is None:
            self._first_data = time.monotonic()
        packet = self.session.seal(content, padded=padded)
        try:
            sent_ns = self._socket.send(packet, self._destination)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:  # which is an answer to the question about sizes
                name = errno.errorcode.get(error.errno or 0, "error")
                self._notebook.note(SocketError(self._notebook.since(time.time_ns()), name))
            return None
        self._notebook.sent(packet, sent_ns)
        return sent_ns

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) % 2**16
        return self._sequence

    async def _answers(self, questions: Sequence[Question], within_s: float) -> None:
        """Wait until all are answered, for so long at most."""
        if questions:
            deadline = time.monotonic() + within_s
            await self._until(lambda: all(each.answered_ns is not None for each in questions), deadline)

    async def _until(self, done: Callable[[], bool], deadline: float) -> None:
        while not done() and (left := deadline - time.monotonic()) > 0:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        self._socket.drain_backlog()  # what has reached the kernel in time is no loss


def _middle(rtts: Sequence[float]) -> float | None:
    return median(rtts) if rtts else None
