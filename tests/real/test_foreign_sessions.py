"""A real client that uses the identity of the prober leaves traces here."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.real.namespaces import ip
from tests.real.server import poll_until_nonzero, target
from tests.real.wireguard_go import Device, WireguardGo
from wgmon_tui.checks.evidence import ForeignSession
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.protocols.wireguard import tai64n
from wgmon_tui.protocols.wireguard.prober import Prober

pytestmark = pytest.mark.thorough  # interfaces in namespaces of their own

LIMIT_S = 20.0
"""How long checks may go on without a trace of the client."""


async def test_data_for_a_live_client_on_the_identity_is_noticed(wireguard_go: WireguardGo) -> None:
    key = wireguard_go.new_peer()
    inner = f"10.7.0.{wireguard_go._peers}"
    device = Device(wireguard_go.path.client, key)
    prober = Prober(timestamps=lambda _: tai64n.encode(time.time_ns()))
    aim, address = target(wireguard_go, key), wireguard_go.endpoint(4)[0]
    async with AsyncExitStack() as stack:
        stack.callback(device.stop)
        ip(wireguard_go.path.client, f"address add {inner}/24 dev {device.name}")
        device.configure(
            f"[Peer]\nPublicKey = {wireguard_go.public_key}\n"
            f"Endpoint = {address}:{wireguard_go.endpoint(4)[1]}\n"
            "AllowedIPs = 10.7.0.0/24\nPersistentKeepalive = 1\n"
        )
        await poll_until_nonzero(lambda: device.latest_handshake(wireguard_go.public_key))
        with wireguard_go.vantage():
            await prober.open()
        stack.push_async_callback(prober.close)
        pings = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", wireguard_go.path.server, "ping", "-q", "-i", "0.002", inner,
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(pings.kill)
        async with asyncio.timeout(LIMIT_S):
            check = await prober.check(aim, address)
            while not first_of_kind(ForeignSession, check.evidence):
                check = await prober.check(aim, address)
    assert check.handshake
