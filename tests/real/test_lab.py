"""Tests of the embedded lab with third-party clients: wireguard-go and the kernel's ping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import pytest

from tests.real.namespaces import entered, ip
from tests.real.prerequisites import require
from tests.real.wireguard_go import Device
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer

CLIENT = PrivateKey.generate()
PSK = PresharedKey(b"a".ljust(32))
OUR_INNER, SERVERS_INNER = ("10.9.0.2", "fd09::2"), ("10.9.0.1", "fd09::1")


class Client:
    """wireguard-go as a client, on loopback in its own namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.device = Device(namespace, CLIENT)
        name = self.device.name
        ip(
            namespace,
            f"address add {OUR_INNER[0]}/24 dev {name}\naddress add {OUR_INNER[1]}/64 dev {name} nodad",
        )

    def connect(self, server: LabServer, psk: PresharedKey) -> None:
        preshared = f"PresharedKey = {psk.to_text()}\n" if psk != NO_PRESHARED_KEY else ""
        self.device.configure(
            f"[Peer]\nPublicKey = {server.public_key}\nEndpoint = {server.endpoint}\n"
            f"AllowedIPs = 10.9.0.0/24, fd09::/64\n{preshared}"
        )

    async def who_ends(self, address: str) -> str:
        """The output of ping(8) for a packet that expires at the first hop."""
        with entered(self.namespace):
            ping = await asyncio.create_subprocess_exec(
                "ping", "-c", "1", "-W", "3", "-t", "1", address, stdout=asyncio.subprocess.PIPE
            )
        said, _ = await ping.communicate()
        return said.decode()

    async def pings(self, address: str, within_s: int = 20) -> bool:
        """Whether one ping through the tunnel comes back. wireguard-go repeats a lost handshake after 5 s."""
        with entered(self.namespace):
            ping = await asyncio.create_subprocess_exec(
                "ping", "-c", "1", "-W", str(within_s), address, stdout=asyncio.subprocess.DEVNULL
            )
        return await ping.wait() == 0


@pytest.fixture
def client(isolated_namespace: str) -> Iterator[Client]:
    require("wireguard-go", "wg", "ping", root=True)
    made = Client(isolated_namespace)
    yield made
    made.device.stop()


@asynccontextmanager
async def served(
    client: Client,
    behaviour: LabBehaviour | None = None,
    *,
    host: str = "127.0.0.1",
    psk: PresharedKey = NO_PRESHARED_KEY,
) -> AsyncIterator[LabServer]:
    """A lab server with the connected client."""
    peer = LabPeer(CLIENT.public, tuple(ip_network(address) for address in OUR_INNER), psk)
    setup = LabSetup(PrivateKey.generate(), (peer,), tuple(ip_address(address) for address in SERVERS_INNER))
    with entered(client.namespace):
        server = LabServer(setup, behaviour or LabBehaviour(), host=host)
    async with server:
        client.connect(server, psk)
        yield server


@pytest.mark.parametrize("psk", [NO_PRESHARED_KEY, PSK], ids=["no preshared key", "a preshared key"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_it_completes_the_handshake_and_pings_through(
    client: Client, host: str, psk: PresharedKey
) -> None:
    async with served(client, host=host, psk=psk) as server:
        assert await client.pings(SERVERS_INNER[0])
        assert await client.pings(SERVERS_INNER[1])
        assert client.device.latest_handshake(server.public_key) > 0


async def test_an_address_that_is_not_the_servers_stays_silent_and_the_data_is_acknowledged(
    client: Client,
) -> None:
    async with served(client, LabBehaviour(keepalive_after=0.1)) as server:
        assert await client.pings(SERVERS_INNER[0])
        before = client.device.received(server.public_key)
        assert not await client.pings("10.9.0.77", within_s=1)
        assert client.device.received(server.public_key) == before + 32


@pytest.mark.parametrize(
    ("address", "router", "told"),
    [
        ("10.9.0.77", SERVERS_INNER[0], "Time to live exceeded"),
        ("fd09::77", SERVERS_INNER[1], "Time exceeded: Hop limit"),
    ],
)
async def test_it_is_told_by_the_server_where_a_packets_time_to_live_ends(
    client: Client, address: str, router: str, told: str
) -> None:
    async with served(client):
        said = await client.who_ends(address)
    assert f"From {router} icmp_seq=1 {told}" in said


@pytest.mark.thorough  # five seconds that WireGuard waits
async def test_it_takes_the_cookie_of_a_server_under_load_and_connects_with_its_next_try(
    client: Client,
) -> None:
    async with served(client, LabBehaviour(LabMode.UNDER_LOAD)) as server:
        assert await client.pings(SERVERS_INNER[0], within_s=20)  # it tries again after 5 s
        assert client.device.latest_handshake(server.public_key) > 0


async def test_a_wrong_preshared_key_keeps_it_out(client: Client) -> None:
    async with served(client, LabBehaviour(LabMode.WRONG_PSK)) as server:
        assert not await client.pings(SERVERS_INNER[0], within_s=1)
        assert client.device.latest_handshake(server.public_key) == 0
