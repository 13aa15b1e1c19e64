"""Runs one session of the client over a UDP socket, and records its packets.

Times of the client are seconds of the monotonic clock; those of the record are the kernel's.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.connecting_udp_socket import open_udp_socket
from wgmon_tui.net.udp_socket import Datagram, QueuedError
from wgmon_tui.protocols.ikev2.client import IkeClient
from wgmon_tui.protocols.ikev2.client_options import IKE_PORT, NAT_PORT, ClientOptions, PathEnds
from wgmon_tui.protocols.ikev2.esp import NAT_KEEPALIVE
from wgmon_tui.protocols.ikev2.events import Established, Event
from wgmon_tui.protocols.ikev2.wire import NON_ESP_MARKER

_LEAST_ESP = 8
_LARGEST_MESSAGE = 65535
"""Servers without IKE fragmentation send a chain of certificates in one datagram."""


def local_address(remote: Address, port: int) -> Address:
    """The address of this machine towards another. Raises OSError if there is no route."""
    family = socket.AF_INET if remote.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((str(remote), port))
        return type(remote)(asked.getsockname()[0])


class IkeSession:
    """One session: a context manager that ends it on the server, also after a failure or a cancellation."""

    def __init__(self, address: Address, endpoint: Endpoint, log: CheckLog, turns: asyncio.Semaphore) -> None:
        """`on_esp` of `run` gets ESP packets, once there is a CHILD_SA. Raises OSError."""
        self.address, self._port, self._log = address, endpoint.port, log
        self._loop = asyncio.get_running_loop()
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._socket = open_udp_socket(family, self._on_datagram, self._on_error)
        self._socket.largest_datagram = _LARGEST_MESSAGE
        self._turns = turns
        self._client: IkeClient | None = None
        self._wake = asyncio.Event()
        self.events: list[Event] = []
        self.sent = 0
        self.on_esp: Callable[[Datagram], None] | None = None

    async def __aenter__(self) -> Self:
        self._socket.attach(self._loop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._client is not None and not self._client.is_done:
                self._client.end(time.monotonic())
                self._send()
                if kind is None:
                    await self._run()
        finally:
            self._socket.close(self._loop)

    @property
    def client(self) -> IkeClient | None:
        """The client of the session, once it has begun."""
        return self._client

    async def run(self, options: ClientOptions) -> list[Event]:
        """Run the client until it waits for nothing, and return the events. Raises OSError.

        Unless the session is up then, it is ended before another one of the same turns begins.
        """
        async with self._turns:
            local = local_address(self.address, self._port)
            path = PathEnds(local, self._socket.port, self.address, self._port)
            self._client = IkeClient(options, path)
            self._client.begin(time.monotonic())
            await self._run()
            if not any(isinstance(each, Established) for each in self.events):
                await self.end()
        return self.events

    async def end(self) -> None:
        """End the session, and wait until the server confirms it, up to a limit."""
        if self._client is not None:
            self._client.end(time.monotonic())
            await self._run()

    def send_esp(self, packet: bytes) -> int:
        """Send an ESP packet of the CHILD_SA; returns its Unix time in nanoseconds. Raises OSError."""
        sent_ns = self._socket.send(packet, (str(self.address), self._nat_port))
        self._log.sent(packet, sent_ns)
        return sent_ns

    @property
    def _nat_port(self) -> int:
        return NAT_PORT if self._port == IKE_PORT else self._port

    async def _run(self) -> None:
        client = self._client
        assert client is not None  # noqa: S101
        self._send()
        while (due := client.next_at) is not None:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self._wake.wait()
            client.advance(time.monotonic())
            self._send()

    def _send(self) -> None:
        client = self._client
        if client is None:
            return
        datagrams = client.take_datagrams()
        if datagrams:
            client.note_sent(time.monotonic())
        for each in datagrams:
            port = self._nat_port if each.to_nat_port else self._port
            self._log.sent(each.data, self._socket.send(each.data, (str(self.address), port)))
            self.sent += 1
        self.events += client.take_events()

    def _on_datagram(self, datagram: Datagram) -> None:
        client = self._client
        is_from_server = datagram.source[0] == str(self.address)
        if client is None or not is_from_server or datagram.data == NAT_KEEPALIVE:
            return
        self._log.received(datagram.data, datagram.received_ns)
        is_esp = len(datagram.data) >= _LEAST_ESP and not datagram.data.startswith(NON_ESP_MARKER)
        if self.on_esp is not None and is_esp:
            self.on_esp(datagram)
            return
        age = max(0.0, (time.time_ns() - datagram.received_ns) / 1e9)
        client.receive(datagram.data, time.monotonic() - age)
        self._wake.set()

    def _on_error(self, error: QueuedError) -> None:
        if error.destination[0] != str(self.address):
            return
        self._log.add_evidence(
            IcmpError(
                at=self._log.seconds_since_start(time.time_ns()),
                version=error.version,
                type=error.type,
                code=error.code,
                offender=error.offender,
                from_target=error.offender == str(self.address),
                mtu=error.info or None,
                quotes_packet=any(each.data.startswith(error.quoted) for each in self._log.exchange)
                if error.quoted
                else None,
            )
        )
