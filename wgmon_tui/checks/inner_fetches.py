"""Fetches of URLs through a tunnel: name look-ups, TCP, TLS and HTTP over packets that somebody else carries.

    look up the names inside   ──► all fetches at once   ──► what stalled: once more with small segments
                                                         ──► what got further so: once more as before

A fetch stalls if nothing new arrives for a while, although TCP sends again what was lost. Only if it stalls
again as before, small segments are the reason that it got further: the service may have been slow once.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from wgmon_tui.checks.fetch_evidence import FetchFault, InnerFetch
from wgmon_tui.checks.inner_lookup import InnerLookup, LookupFailedError
from wgmon_tui.checks.inner_probes import OwnAddresses, ephemeral_port
from wgmon_tui.config.http_targets import certificate_bytes
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.net.inner_packets import TCP, UDP, unwrap
from wgmon_tui.net.tcp.client import State, TcpClient
from wgmon_tui.net.tcp.http_fetch import FetchFailure, HttpFetch, Phase
from wgmon_tui.net.tcp.segment import Segment, decode, encode
from wgmon_tui.net.tls_trust import trusting_context
from wgmon_tui.text import printable

LIMIT_S = 15.0
"""The longest time of a fetch. What has arrived by then is its result."""

STALL_S = 4.0
"""Without a new byte for so long, a fetch stalls. A server has sent a lost segment four times by then."""

_SMALL_MSS = 536
"""The payload of small segments: every path must carry their packets (RFC 9293 §3.7.1)."""

_HEADERS = {4: 40, 6: 60}
"""Bytes of the IP and TCP headers of a segment."""

_CLOSE_WAIT_S = 1.0
_USUAL_STATUS = range(200, 400)

_FAULTS: Mapping[FetchFailure, FetchFault] = {
    FetchFailure.REFUSED: "refused",
    FetchFailure.RESET: "reset",
    FetchFailure.CLOSED_EARLY: "closed",
    FetchFailure.NO_ACKNOWLEDGEMENT: "silent",
    FetchFailure.TLS: "tls",
    FetchFailure.NO_HTTP: "not-http",
}


_NO_FURTHER: frozenset[FetchFault | None] = frozenset({"silent", "refused", "reset", "closed", "not-http"})
"""Faults of a fetch with small segments that show no progress over one that stalled."""


class PacketCarrier(Protocol):
    """Carries IP packets through a tunnel."""

    def send_packet(self, packet: bytes) -> None:
        """Send a packet."""

    async def wait_until(self, done: Callable[[], bool], deadline: float) -> None:
        """Wait for packets until `done`, or until the deadline by the monotonic clock."""


class InnerFetches:
    """The fetches of one check. The owner gives it the packets that arrive."""

    def __init__(self, server: Server, own: OwnAddresses, carrier: PacketCarrier, mtu: int) -> None:
        """`own` are this machine's tunnel addresses, `mtu` is that of the tunnel in bytes."""
        self._server, self._own, self._carrier, self._mtu = server, own, carrier, mtu
        self._lookup = InnerLookup(server.tunnel_dns, own, carrier.send_packet)
        self._fetches: dict[tuple[Address, int, int], _Fetch] = {}
        self.endpoints: set[tuple[Address, int]] = set()
        """The addresses and ports that were contacted."""

    async def run(self) -> list[InnerFetch]:
        """Fetch the URLs of the server."""
        began = time.monotonic()
        names = {each.url.host for each in self._server.tunnel_http if each.known_address is None}
        for name in names:
            self._lookup.ask(name, time.monotonic())
        await self._drive(self._lookup.is_over, self._lookup.tick)
        found = {each: self._locate(each, began) for each in self._server.tunnel_http}
        context = await self._make_context()
        fetches = {
            target: self._start(target, address, context)
            for target, address in found.items()
            if not isinstance(address, InnerFetch)
        }
        await self._run_fetches(fetches.values())
        results = {each: fetches[each].result() if each in fetches else found[each] for each in found}
        stalled = [each for each in fetches.values() if each.is_stalled]
        small = await self._repeat(stalled, context, _SMALL_MSS)
        as_before = await self._repeat([each for each in small.values() if each.gets_further], context)
        by_size = {each: each in as_before and as_before[each].is_stalled for each in small}
        return [
            _with_small(result, by_size.get(target), self._lookup.took(target.url.host))
            for target, result in results.items()
            if isinstance(result, InnerFetch)
        ]

    def receive(self, packet: bytes) -> bool:
        """Take a packet that arrived. Returns whether it belongs to a fetch."""
        unwrapped = unwrap(packet)
        if unwrapped is None or unwrapped.destination not in self._own.values():
            return False
        if unwrapped.protocol == UDP:
            return self._lookup.receive(unwrapped, time.monotonic())
        if unwrapped.protocol != TCP:
            return False
        segment = decode(unwrapped.source, unwrapped.destination, unwrapped.payload)
        if segment is None:
            return False
        fetch = self._fetches.get((unwrapped.source, segment.source_port, segment.destination_port))
        if fetch is None:
            return False
        now = time.monotonic()
        fetch.tcp.receive(segment, now)
        fetch.step(now)
        return True

    def _locate(self, target: HttpTarget, began: float) -> Address | InnerFetch:
        """The address of a target, or what is wrong with its name."""
        if target.known_address:
            return target.known_address
        try:
            return self._lookup.address(target.url.host)
        except LookupFailedError as error:
            took = time.monotonic() - began
            return InnerFetch(str(target), None, "unresolved", ended=took, reason=str(error))

    async def _make_context(self) -> ssl.SSLContext | None:
        if not any(each.url.is_tls for each in self._server.tunnel_http):
            return None
        return await asyncio.to_thread(_tls_context, self._server.tunnel_ca)

    def _start(
        self, target: HttpTarget, address: Address, context: ssl.SSLContext | None, mss: int | None = None
    ) -> _Fetch:
        source, port = self._own[address.version], ephemeral_port()
        largest = self._mtu - _HEADERS[address.version]
        tcp = TcpClient(
            port,
            target.url.port,
            first_sequence=secrets.randbits(32),
            mss=min(largest, mss or largest),
        )
        fetch = _Fetch(target, address, tcp, context, connect_s=max(self._server.timeout, STALL_S))
        fetch.send = lambda segment: self._carrier.send_packet(encode(segment, source, address))
        self._fetches[address, target.url.port, port] = fetch
        self.endpoints.add((address, target.url.port))
        fetch.step(time.monotonic())
        return fetch

    async def _repeat(
        self, fetches: Iterable[_Fetch], context: ssl.SSLContext | None, mss: int | None = None
    ) -> dict[HttpTarget, _Fetch]:
        """Fetch the same once more, with segments of at most `mss` bytes."""
        again = {each.target: self._start(each.target, each.address, context, mss) for each in fetches}
        await self._run_fetches(again.values())
        return again

    async def _run_fetches(self, fetches: Iterable[_Fetch]) -> None:
        running = list(fetches)

        def tick(now: float) -> float:
            for each in running:
                each.step(now)
            return min((each.next_step for each in running if not each.is_done), default=now)

        await self._drive(lambda: all(each.is_done for each in running), tick)

    async def _drive(self, is_over: Callable[[], bool], tick: Callable[[float], float]) -> None:
        """Call `tick` until everything is over; it returns when it wants to be called again."""
        while not is_over():
            await self._carrier.wait_until(is_over, tick(time.monotonic()))


class _Fetch:
    """One fetch over its TCP connection, with its limits of time."""

    send: Callable[[Segment], None]

    def __init__(
        self,
        target: HttpTarget,
        address: Address,
        tcp: TcpClient,
        context: ssl.SSLContext | None,
        *,
        connect_s: float,
    ) -> None:
        """`connect_s`: how long a connection may take, in seconds."""
        self.target, self.address, self.tcp = target, address, tcp
        self._began = now = time.monotonic()
        self._connect_s = connect_s
        self._http = HttpFetch(target.url, tcp, now, context if target.url.is_tls else None)
        self._over_at: float | None = None
        self._cut: FetchFault | None = None

    @property
    def is_done(self) -> bool:
        """Whether the fetch is over, and its connection too."""
        return self._over_at is not None and self.tcp.state is State.CLOSED

    @property
    def is_stalled(self) -> bool:
        """Whether it had a connection, and then nothing new came for too long."""
        return self._cut in ("stalled", "no-response")

    @property
    def gets_further(self) -> bool:
        """Whether it, unlike one that stalled, came to an end that the service chose."""
        return not self.is_stalled and self.result().fault not in _NO_FURTHER

    @property
    def next_step(self) -> float:
        """When `step` has something to do, if nothing arrives before."""
        times = [self._deadline() if self._over_at is None else self._over_at + _CLOSE_WAIT_S]
        if self.tcp.next_tick is not None:
            times.append(self.tcp.next_tick)
        return min(times)

    def step(self, now: float) -> None:
        """Do what is due, and send what waits."""
        self.tcp.tick(now)
        self._http.update(now)
        if self._over_at is None and not self._http.is_over and now >= self._deadline():
            self._cut = self._name_cut()
            self._http.stop(now)
        if self._over_at is None and self._http.is_over:
            self._over_at = now
        if self._over_at is not None and now >= self._over_at + _CLOSE_WAIT_S:
            self.tcp.abort()
        for segment in self.tcp.segments():
            self.send(segment)

    def result(self) -> InnerFetch:
        """What was found."""
        found = self._http.result
        fault = self._cut or (
            _FAULTS[found.failure] if found.failure else self._judge(found.status, found.body)
        )
        return InnerFetch(
            str(self.target),
            self.address,
            fault,
            connected=found.connected_at,
            encrypted=found.encrypted_at,
            responded=found.responded_at,
            ended=found.ended_at,
            status=found.status,
            size=found.size,
            rate=found.bytes_per_second,
            reason=printable(found.reason),
        )

    def _deadline(self) -> float:
        if self._http.phase is Phase.CONNECT:
            return self._began + self._connect_s
        return min(self._began + LIMIT_S, self._http.last_progress + STALL_S)

    def _name_cut(self) -> FetchFault:
        """Name what the time ran out for."""
        if self._http.phase is Phase.CONNECT:
            return "silent"
        if self._http.last_progress + STALL_S > self._began + LIMIT_S:
            return "slow"
        is_unanswered = self._http.phase is Phase.RESPONSE and not self.tcp.unacknowledged
        return "no-response" if is_unanswered and not self._http.has_begun_response else "stalled"

    def _judge(self, status: int | None, body: bytes) -> FetchFault | None:
        expected = self.target.status
        if status is None or (status != expected if expected else status not in _USUAL_STATUS):
            return "status"
        return None if self.target.text.encode() in body else "text"


def _with_small(result: InnerFetch, small_pass: bool | None, resolved: float | None) -> InnerFetch:
    """Add whether only small segments get further, and how long the look-up took."""
    fault: FetchFault | None = "stalled" if small_pass else result.fault
    return replace(result, resolved=resolved, fault=fault, small_pass=small_pass)


def _tls_context(certificates: Sequence[str]) -> ssl.SSLContext:
    return trusting_context(b"".join(map(certificate_bytes, certificates)))
