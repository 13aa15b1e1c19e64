"""An embedded OpenVPN server on a UDP socket of loopback, with faults that can change while it runs."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
import time
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path

from wgmon_tui.lab.openvpn.certificates import LabAuthority, LabCertificate, make_static_key
from wgmon_tui.lab.openvpn.session import GATEWAY, PING_S, LabSession, SessionSetup
from wgmon_tui.lab.started_server import StartedServer
from wgmon_tui.net.addresses import Endpoint

Source = tuple[str, int]
_HOST = "127.0.0.1"
_SESSIONS = 64
_ADDRESSES = 250
_TICK_S = 0.5
_FORGOTTEN_S = 60.0


class OpenVpnLabMode(Enum):
    """The fault of a server, if any."""

    HEALTHY = "healthy"
    SILENT = "silent"
    """All received packets are dropped."""
    WRONG_KEY = "wrong key"
    """The server has another tls-crypt key than the profile: it drops every packet."""
    EXPIRED = "expired certificate"
    """The certificate of the server has expired."""
    REFUSING = "refusing"
    """AUTH_FAILED for every client."""


@dataclass(frozen=True, slots=True)
class OpenVpnLabSetup:
    """The configuration of a server. Without a static key, the control channel has no wrapping.

    `latency` is in seconds, and so is `ping_s`, the time between two keepalives.
    """

    authority: LabAuthority
    name: str = "lab.example"
    static_key: bytes = field(default=b"", repr=False)
    latency: float = 0.0
    ping_s: int = PING_S


class OpenVpnLabServer(StartedServer):
    """A server on loopback.

    The constructor binds the port, so `endpoint` is known before `start`, which begins to answer. Raises
    OSError if the address cannot be bound.
    """

    def __init__(self, setup: OpenVpnLabSetup, mode: OpenVpnLabMode = OpenVpnLabMode.HEALTHY) -> None:
        self._setup = setup
        self.mode = mode
        self._other_key = make_static_key()
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._sessions: dict[Source, _Known] = {}
        self._next = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._ticks: asyncio.Task[None] | None = None
        self.session_ended = asyncio.Event()
        """Set when a client has ended its session, or TLS has failed."""
        self.data_arrived = asyncio.Event()
        """Set when a data packet of a client has authenticated."""
        self._socket = _bind(_HOST)
        self.endpoint = Endpoint(_HOST, self._socket.getsockname()[1])

    async def start(self) -> None:
        """Start to answer."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Receiver(self), sock=self._socket)
        self._ticks = asyncio.create_task(self._tick(), name="openvpn lab")

    async def stop(self) -> None:
        """Stop answering and close the port."""
        if self._ticks:
            self._ticks.cancel()
        if self._transport:
            self._transport.close()
        self._socket.close()

    @property
    def sessions(self) -> int:
        """How many clients are logged in."""
        return sum(each.session.has_pushed for each in self._sessions.values())

    def forget_sessions(self) -> None:
        """Drop all sessions without a word, as for another login with the same common name."""
        self._sessions.clear()

    def on_datagram(self, packet: bytes, source: Source) -> None:
        """Take a datagram, and answer it after the latency."""
        if self.mode is OpenVpnLabMode.SILENT:
            return
        now = time.monotonic()
        known = self._sessions.get(source)
        if known is None:
            known = self._admit(source, now)
        known.last = now
        self._send(known.session.receive(packet, now), source)
        if known.session.has_data:
            self.data_arrived.set()
        if known.session.is_over:
            del self._sessions[source]
            self.session_ended.set()

    def _admit(self, source: Source, now: float) -> _Known:
        while len(self._sessions) >= _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._next += 1
        key = self._setup.static_key
        if self.mode is OpenVpnLabMode.WRONG_KEY:
            key = self._other_key
        setup = SessionSetup(
            self._context(is_expired=self.mode is OpenVpnLabMode.EXPIRED),
            key,
            IPv4Address(int(GATEWAY) + 1 + self._next % _ADDRESSES),
            self._next % 2**24,
            "" if self.mode is OpenVpnLabMode.REFUSING else None,
            self._setup.ping_s,
        )
        self._sessions[source] = known = _Known(LabSession(setup), now, now)
        return known

    def _context(self, *, is_expired: bool) -> ssl.SSLContext:
        if is_expired not in self._contexts:
            own = self._setup.authority.issue_server(self._setup.name, is_expired=is_expired)
            self._contexts[is_expired] = make_context(self._setup.authority, own)
        return self._contexts[is_expired]

    def _send(self, packets: list[bytes], source: Source) -> None:
        if not packets or self._transport is None:
            return
        if self._setup.latency:
            asyncio.get_running_loop().call_later(self._setup.latency, self._send_now, packets, source)
        else:
            self._send_now(packets, source)

    def _send_now(self, packets: list[bytes], source: Source) -> None:
        if self._transport is not None and not self._transport.is_closing():
            for packet in packets:
                self._transport.sendto(packet, source)

    async def _tick(self) -> None:
        """Repeat what was lost, send keepalives, and forget clients that are gone."""
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            for source, known in tuple(self._sessions.items()):
                if now - known.last > _FORGOTTEN_S:
                    del self._sessions[source]
                    continue
                if now - known.pinged >= self._setup.ping_s:
                    known.pinged = now
                    known.session.send_ping()
                self._send(known.session.take_due(now), source)


@dataclass(slots=True)
class _Known:
    """A session, and when its client and this side sent last."""

    session: LabSession
    last: float
    pinged: float


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, server: OpenVpnLabServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: Source) -> None:
        self._server.on_datagram(data, addr)


def _bind(host: str) -> socket.socket:
    """A UDP socket on a free port. Raises OSError."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    try:
        bound.bind((host, 0))
    except OSError:
        bound.close()
        raise
    return bound


def make_context(authority: LabAuthority, own: LabCertificate) -> ssl.SSLContext:
    """The TLS settings of a server, which asks its clients for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.certificate)
    # ssl reads certificates from files only.
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "own.pem")
        path.write_text(own.certificate + own.key)
        context.load_cert_chain(path)
    return context
