"""An embedded WireGuard server on a UDP socket, with faults that can change while it runs."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle

from wgmon_tui.config.keys import PresharedKey, PrivateKey, PublicKey
from wgmon_tui.lab.inner_http import InnerHttp
from wgmon_tui.lab.inner_packets import echo_reply, parse, time_exceeded
from wgmon_tui.lab.messages import Message, make_messages
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabSetup
from wgmon_tui.lab.peer import PeerState
from wgmon_tui.lab.started_server import StartedServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.cookie import CookieJar
from wgmon_tui.protocols.wireguard.handshake import RejectedError, Responder
from wgmon_tui.protocols.wireguard.primitives import AuthenticationError
from wgmon_tui.protocols.wireguard.session import ReplayError, Session
from wgmon_tui.protocols.wireguard.wire import MessageType, receiver_index

Source = tuple[object, ...]
"""An address of the socket module: host and port, plus two numbers for IPv6."""

_LARGEST_DATAGRAM = 65535
_DATAGRAMS_PER_TURN = 64  # then other servers on the same loop run
_DEFAULT_BEHAVIOUR = LabBehaviour()


class LabServer(StartedServer):
    """A WireGuard server on loopback.

    The constructor binds the port, so `endpoint` is known before `start`, which begins to answer. Raises
    OSError if the address cannot be bound.
    """

    def __init__(
        self,
        setup: LabSetup,
        behaviour: LabBehaviour = _DEFAULT_BEHAVIOUR,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._behaviour = behaviour
        self._setup = setup
        self._peers = {peer.public_key: PeerState(peer) for peer in (*setup.peers, *setup.remaining_peers)}
        self._remaining_keys = frozenset(peer.public_key for peer in setup.remaining_peers)
        self._by_index: dict[int, PeerState] = {}
        self._keepalives: dict[PublicKey, asyncio.TimerHandle] = {}
        self._current = _ServerKey(setup.private_key, setup)
        self._rotated = _ServerKey(setup.rotated_to or PrivateKey.generate(), setup)
        self._wrong_psk = PresharedKey(os.urandom(32))
        self._script: asyncio.TimerHandle | None = None
        self._http = InnerHttp() if setup.serves_http else None
        self._started = False
        self._closed = False
        self.mode = behaviour.script[0].mode if behaviour.script else behaviour.mode
        self._socket = _bind_socket(host, port)
        self._endpoint = Endpoint(host, self._socket.getsockname()[1])
        self._random = random.Random(behaviour.seed)  # noqa: S311 - delays and faults, no secrets

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the server."""
        return self._endpoint

    @property
    def public_key(self) -> PublicKey:
        """The key that clients are configured with, in every mode."""
        return self._current.public_key

    async def start(self) -> None:
        """Start to answer and to follow the script."""
        self._started = True
        self._listen()
        self.set_mode(self.mode)
        if self._behaviour.script:
            self._run_script()

    async def stop(self) -> None:
        """Stop answering and close the port."""
        if self._started:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._started = False
        if self._script:
            self._script.cancel()
        for timer in self._keepalives.values():
            timer.cancel()
        self._socket.close()

    def set_mode(self, mode: LabMode) -> None:
        """Change the fault of the server at once. Peers and sessions are kept."""
        self.mode = mode
        if mode is LabMode.CLOSED and not self._closed:
            self._close()
        elif mode is not LabMode.CLOSED and self._closed:
            self._reopen()

    def _close(self) -> None:
        # A UDP socket connected to itself accepts no other sender. The kernel reports the port as closed,
        # but no other program can bind it.
        self._socket.connect(self._socket.getsockname())
        self._closed = True

    def _reopen(self) -> None:
        if self._started:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = _bind_socket(self._endpoint.host, self._endpoint.port)
        self._closed = False
        if self._started:
            self._listen()

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _run_script(self) -> None:
        loop = asyncio.get_running_loop()
        steps = cycle(self._behaviour.script)

        def advance() -> None:
            step = next(steps)
            self.set_mode(step.mode)
            self._script = loop.call_later(step.seconds, advance)

        advance()

    def _read(self) -> None:
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                packet, source = self._socket.recvfrom(_LARGEST_DATAGRAM)
            except (BlockingIOError, ConnectionError):  # ICMP errors about the answers arrive here too
                return
            self._receive(packet, source)

    def _receive(self, packet: bytes, source: Source) -> None:
        send = partial(self._send, source)
        if self.mode in (LabMode.SILENT, LabMode.CLOSED):
            return
        if self.mode is LabMode.LOSSY and self._random.random() < self._behaviour.loss:
            return
        if self.mode is LabMode.NOT_WIREGUARD:
            send(_dns_format_error(packet))
            return
        server_key = self._rotated if self.mode is LabMode.ROTATED_KEY else self._current
        received = server_key.messages.read(packet)
        if received is None:
            return
        if received.kind is MessageType.INITIATION:
            self._receive_initiation(server_key, received, source, send)
        elif received.kind is MessageType.TRANSPORT:
            self._receive_transport(received.plain, partial(self._send_transport, send))

    def _send_transport(self, send: Callable[[bytes], None], message: bytes) -> None:
        send(self._current.messages.write(MessageType.TRANSPORT, message))

    def _receive_initiation(
        self, server_key: _ServerKey, received: Message, source: Source, send: Callable[[bytes], None]
    ) -> None:
        now_s, packet, messages = time.monotonic(), received.as_sent, server_key.messages
        if not server_key.responder.has_valid_mac1(packet):
            return
        if self.mode is LabMode.UNDER_LOAD:
            source_bytes = repr(source).encode()
            if not server_key.cookies.verify(packet, source_bytes, now_s):
                reply = server_key.cookies.reply(packet, source_bytes, now_s)
                send(messages.write(MessageType.COOKIE_REPLY, reply))
                return
        try:
            initiation = server_key.responder.open(received.plain)
        except RejectedError:
            return
        state = self._peers.get(initiation.static)
        if (
            state is None
            or not self._is_known(state)
            or not state.accept_initiation(initiation.timestamp, now_s)
        ):
            return
        psk = self._wrong_psk if self.mode is LabMode.WRONG_PSK else state.peer.preshared_key
        response, session = server_key.responder.respond(
            initiation, self._unused_index(), psk, header=messages.response_header()
        )
        self._by_index[session.local_index] = state
        expired = state.add_session(session)
        if expired is not None:
            del self._by_index[expired]
        send(messages.write(MessageType.RESPONSE, response))

    def _receive_transport(self, packet: bytes, send: Callable[[bytes], None]) -> None:
        index = receiver_index(packet)
        state = self._by_index.get(index) if index is not None else None
        if index is None or state is None or not self._is_known(state):
            return
        session = state.sessions[index]
        try:
            inner = session.open(packet)
        except (AuthenticationError, ReplayError):
            return
        if not inner:
            return
        answers = self._replies_to(state, inner)
        if answers:
            self._cancel_acknowledgement(state)
        else:
            self._schedule_acknowledgement(state, session, send)
        for answer in answers:
            send(session.seal(answer))

    def _is_known(self, state: PeerState) -> bool:
        return self.mode is not LabMode.UNKNOWN_PEER or state.peer.public_key in self._remaining_keys

    def _replies_to(self, state: PeerState, inner: bytes) -> list[bytes]:
        packet = parse(inner)
        if packet is None or self.mode is LabMode.DATA_DROPPED:
            return []
        if not any(packet.source in network for network in state.peer.allowed_ips):
            return []
        if packet.destination in self._setup.addresses:
            echo = echo_reply(packet)
            return [echo] if echo else self._http.answer(packet) if self._http else []
        if not self._setup.forwards or packet.hop_limit > 1:
            return []
        same_version = (own for own in self._setup.addresses if own.version == packet.source.version)
        router = next(same_version, None)
        error = time_exceeded(inner, packet, router) if router else None
        return [error] if error else []

    def _schedule_acknowledgement(
        self, state: PeerState, session: Session, send: Callable[[bytes], None]
    ) -> None:
        """Start the keepalive timer that acknowledges a peer's data (§6.5).

        As in the kernel there is one timer per peer; the keepalive uses the session with the last data.
        """
        peer = state.peer.public_key
        state.unacknowledged = (session, send)
        if peer in self._keepalives:
            return

        def acknowledge() -> None:
            del self._keepalives[peer]
            if state.unacknowledged:
                session, send = state.unacknowledged
                send(session.keepalive())

        loop = asyncio.get_running_loop()
        self._keepalives[peer] = loop.call_later(self._behaviour.keepalive_after, acknowledge)

    def _cancel_acknowledgement(self, state: PeerState) -> None:
        state.unacknowledged = None
        timer = self._keepalives.pop(state.peer.public_key, None)
        if timer:
            timer.cancel()

    def _unused_index(self) -> int:
        while (index := self._random.getrandbits(32)) in self._by_index:
            pass
        return index

    def _send(self, source: Source, packet: bytes) -> None:
        delay = self._delay()
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send_now, source, packet)
        else:
            self._send_now(source, packet)

    def _delay(self) -> float:
        behaviour = self._behaviour
        delay = behaviour.latency + (behaviour.slow_delay if self.mode is LabMode.SLOW else 0.0)
        if behaviour.jitter:
            delay += self._random.expovariate(1 / behaviour.jitter)
        return delay

    def _send_now(self, source: Source, packet: bytes) -> None:
        if self._started and self.mode is not LabMode.CLOSED:
            try:
                self._socket.sendto(packet, source)
            except (BlockingIOError, ConnectionError):
                return  # lost, as in any network; a pending ICMP error from an earlier answer counts as loss


class _ServerKey:
    """The objects derived from a server's private key."""

    __slots__ = ("cookies", "messages", "public_key", "responder")

    def __init__(self, private_key: PrivateKey, setup: LabSetup) -> None:
        self.public_key = private_key.public
        self.responder = Responder(private_key)
        self.cookies = CookieJar(private_key.public)
        self.messages = make_messages(setup, private_key.public)


def _bind_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _dns_format_error(query: bytes) -> bytes:
    """A DNS format error (RFC 1035): the query's id, response flags, RCODE 1, no records."""
    return query[:2] + b"\x80\x01" + bytes(8)
