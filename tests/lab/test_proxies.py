"""The embedded proxy servers, checked by the prober. tests/real/proxies has other clients of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.busy_machine import repeated_if_starved
from wgmon_tui.checks.evidence import Soak
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.lab.proxies.demo import ProxyDemo
from wgmon_tui.lab.proxies.page import LabPage
from wgmon_tui.lab.proxies.relay import parse_place
from wgmon_tui.lab.proxies.shadowsocks import LabShadowsocksServer
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Endpoint

DEEP = CheckDepth(deep=True)


@asynccontextmanager
async def running() -> AsyncIterator[ProxyDemo]:
    demo = ProxyDemo()
    await demo.start()
    try:
        yield demo
    finally:
        await demo.stop()


async def look(demo: ProxyDemo, name: str, depth: CheckDepth = DEEP) -> Round:
    fleet = Fleet(demo.servers)
    target = join(fleet, open_keyring(fleet, Path())).ready[name]
    prober = find_protocol(target.server.protocol).make_prober(ProbeServices(lambda _: b""))
    return await run_check_round(prober, target.server, target, depth)


@repeated_if_starved()
async def test_the_demo_has_healthy_proxies_and_two_with_another_password() -> None:
    async with running() as demo:
        rounds = await asyncio.gather(*(look(demo, each.name) for each in demo.servers))
    for each, found in zip(demo.servers, rounds, strict=True):
        assert each.protocol_settings.link.value not in repr(found)
    assert {each.check.server: each.diagnosis.verdict for each in rounds} == {
        "ss-sin1": Verdict.HEALTHY,
        "ss-hkg1": Verdict.PROXY_DOWN,
        "trojan-lax1": Verdict.HEALTHY,
        "trojan-ord1": Verdict.WRONG_PROTOCOL,
    }


@repeated_if_starved()
async def test_a_soak_counts_no_request_on_a_connection_that_the_page_ended() -> None:
    async with running() as demo:
        found = await look(demo, "ss-sin1", CheckDepth(soak=True))
    soak = first_of_kind(Soak, found.check.evidence)
    assert soak
    assert (soak.sent, soak.received) == (1, 1)
    assert found.diagnosis.verdict is Verdict.HEALTHY


async def test_the_lab_connects_to_its_page_alone() -> None:
    page = LabPage()
    await page.start()
    server = LabShadowsocksServer(page.endpoint, "x")
    try:
        _, writer = await server.connect(page.endpoint)
        writer.close()
        try:
            await server.connect(Endpoint("192.0.2.1", 80))
        except ConnectionRefusedError:
            refused = True
    finally:
        await server.stop()
        await page.stop()
    assert refused


async def test_who_says_nothing_keeps_no_server_from_its_end() -> None:
    demo = ProxyDemo()
    await demo.start()
    endpoint = demo.servers[0].endpoint
    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    async with asyncio.timeout(20):
        await demo.stop()
    writer.close()


def test_an_address_is_one_of_version_4_or_a_name() -> None:
    assert parse_place(b"\x01\x7f\0\0\x01\0\x50rest") == (Endpoint("127.0.0.1", 80), 7)
    assert parse_place(b"\x03\x01a\x01\xbb") == (Endpoint("a", 443), 5)
