"""The judge of the matrix: a real client that fetches beside each look of the prober."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address

from tests.real.fetching import PORT, Fetched, Patience, fetch, serve, worst
from tests.real.matrix.name_server import look_up
from tests.real.matrix.names import NAMES
from tests.real.matrix.topology import Scene
from tests.real.real_client import ClientConfig, connected
from wgmon_tui.net.addresses import Address


@asynccontextmanager
async def service(made: Scene) -> AsyncIterator[None]:
    """Run what clients fetch, where the server's machine does not bring it along."""
    if (listening := made.server.listen()) is None:
        yield
        return
    connections: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await serve(reader, writer)

    running = await asyncio.start_server(accept, sock=listening)
    try:
        yield
    finally:
        running.close()
        for each in connections:
            # What a client did not fetch keeps a connection open. One that sent everything is closed,
            # and asyncio fails on a closed transport that is aborted.
            if each.transport.get_write_buffer_size():
                each.transport.abort()
        await asyncio.sleep(0)


async def fetch_beside(made: Scene, patience: Patience, mtu: int | None = None) -> tuple[Fetched, ...]:
    """Fetch from everything that the entry names, once for each address of the server's name."""
    host = made.entry.endpoint.host
    addresses: tuple[Address, ...] = NAMES.get(host, ())
    with suppress(ValueError):
        addresses = (ip_address(host),)
    if not addresses:
        return (Fetched(0, 0.0, "the name does not resolve"),)
    return tuple([await _fetch_from(made, each, patience, mtu) for each in addresses])


async def _fetch_from(made: Scene, address: Address, patience: Patience, mtu: int | None) -> Fetched:
    config = ClientConfig(
        made.client_key,
        made.client_addresses,
        made.entry.public_key,
        (address, made.entry.endpoint.port),
        made.preshared_key,
        mtu=mtu or 1420,
    )
    with connected(made.path.client, made.inner_namespace, config) as device:
        for resolver in made.name_servers:
            if error := await look_up(made.inner_namespace, resolver, patience.without_progress_s):
                return Fetched(0, 0.0, error)
        fetched = [fetch(made.inner_namespace, *each, patience) for each in _services(made)]
        found = worst(list(await asyncio.gather(*fetched)))
        return replace(found, has_roamed=device.endpoints() != {config.shown_endpoint})


def _services(made: Scene) -> list[tuple[Address, int]]:
    """Where a client fetches: the services and addresses that the entry names, or the server's own."""
    entry = made.entry
    if entry.tunnel_tcp:
        return [(ip_address(each.host), each.port) for each in entry.tunnel_tcp]
    versions = {each.version for each in made.client_addresses} or {4}
    own = [made.inner(version, made.inner_host) for version in sorted(versions)]
    reachable = [each for each in entry.tunnel_ping if each.version in versions]
    return [(each, PORT) for each in reachable or own]
