"""Traces the path to a server with the sockets of the prober, in turns between its checks."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.net.addresses import Address, address_text
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.net.resolver import ResolutionError, Resolver
from wgmon_tui.protocols.wireguard.demultiplexer import Demultiplexer
from wgmon_tui.protocols.wireguard.handshake import Attempt
from wgmon_tui.protocols.wireguard.path_tracer import PathTracer
from wgmon_tui.protocols.wireguard.peer_turns import PeerTurns
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.text import format_list

_MAX_ADDRESSES_NAMED = 8


class ServerTracer:
    """Traces servers, one at a time for each peer."""

    def __init__(
        self,
        demultiplexer: Demultiplexer,
        turns: PeerTurns,
        resolver: Resolver,
        timestamps: Callable[[PublicKey], bytes],
        may_stamp: Callable[[PublicKey], bool],
    ) -> None:
        self._demultiplexer = demultiplexer
        self._turns = turns
        self._resolver = resolver
        self._timestamps = timestamps
        self._may_stamp = may_stamp

    async def trace(
        self, target: Target, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to one address of a server. Raises TraceRefusedError."""
        start = await self._start(target, options)
        opened, endpoint = self._demultiplexer.socket_for(start.address), target.server.endpoint
        if opened is None:
            raise TraceRefusedError(f"this machine has no IPv{start.address.version}")
        destination = (kernel_spelling(start.address), endpoint.port)

        def make_attempt(cookie: bytes | None) -> Attempt:
            index = self._demultiplexer.free_index()
            self._demultiplexer.register(index, tracer)
            timestamp = self._timestamps(target.private_key.public)
            header = target.framing.initiation_header()
            return target.initiator.initiate(index, timestamp, cookie, header=header)

        tracer = PathTracer(
            start,
            options,
            destination,
            send=lambda packet, hop_limit: opened.send_with_hop_limit(packet, destination, hop_limit),
            make_attempt=make_attempt,
            turn=lambda: self._turns.take(target),
            on_progress=on_progress,
            framing=target.framing,
        )
        self._demultiplexer.use_framing(tracer.source, target.framing)
        with self._demultiplexer.trace_path(tracer):
            try:
                return await tracer.run()
            except OSError as error:
                raise TraceRefusedError(f"this machine refuses to send: {error.strerror}") from None

    async def _start(self, target: Target, options: TraceOptions) -> PathTrace:
        """Choose the address to trace. Raises TraceRefusedError if nothing can be sent."""
        endpoint = target.server.endpoint
        if not PLATFORM.has_error_queue:
            raise TraceRefusedError(f"{PLATFORM.name} does not show which router reported an expired packet")
        if not self._demultiplexer.ports:
            raise TraceRefusedError("checks have not begun yet; try again")
        if not self._may_stamp(target.private_key.public):
            raise TraceRefusedError("the clock of this machine is in doubt; wgmon-tui doctor shows why")
        try:
            addresses = await self._resolver.resolve(endpoint, target.server.timeout)
        except ResolutionError as error:
            raise TraceRefusedError(f"{endpoint.host} does not resolve: {error}") from None
        address = options.address or addresses[0]
        if address not in addresses:
            known = format_list(addresses, most=_MAX_ADDRESSES_NAMED)
            raise TraceRefusedError(f"{address} is not an address of {endpoint.host}: {known}")
        others = tuple(each for each in addresses if each != address)
        return PathTrace(address, endpoint.port, other_addresses=others)


def kernel_spelling(address: Address) -> str:
    """Format an address as the kernel does, so that the source of an answer compares equal."""
    if isinstance(address, IPv4Address):
        return address_text(address)
    scope = f"%{address.scope_id}" if address.scope_id else ""
    return socket.inet_ntop(socket.AF_INET6, address.packed) + scope
