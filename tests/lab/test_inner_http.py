"""The HTTP server inside the tunnel of a lab server, fetched by the prober."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from tests.protocols.wireguard.harness import IDENTITY, SERVER, make_target, opened_prober
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.stage import FETCH, StageOutcome
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.lab.inner_http import InnerHttp
from wgmon_tui.lab.inner_packets import InnerPacket
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer

INNER = (ip_address("10.8.0.1"), ip_address("fd00::1"))
PEER = LabPeer(IDENTITY.public, (ip_network("10.8.0.2/32"), ip_network("fd00::2/128")))


async def fetched(*urls: str, behaviour: LabBehaviour | None = None, serves_http: bool = True) -> Check:
    setup = LabSetup(SERVER, (PEER,), INNER, serves_http=serves_http)
    async with LabServer(setup, behaviour or LabBehaviour()) as server, opened_prober() as prober:
        target = make_target(server.endpoint)
        target = replace(
            target,
            server=replace(
                target.server,
                tunnel_ping=INNER,
                tunnel_count=1,
                tunnel_mtu=0,
                tunnel_http=tuple(map(parse_http_target, urls)),
            ),
            tunnel_addresses=(ip_interface("10.8.0.2/32"), ip_interface("fd00::2/128")),
        )
        return await prober.check(target, ip_address("127.0.0.1"), deep=True)


async def test_a_url_is_fetched_over_both_ip_versions() -> None:
    found = await fetched("http://10.8.0.1/health text=ready", "http://[fd00::1]/ status=200")
    assert [(each.status, each.fault) for each in all_of_kind(InnerFetch, found.evidence)] == [
        (200, None)
    ] * 2
    stage = found.stages[-1]
    assert (stage.name, stage.outcome) == (FETCH, StageOutcome.PASSED)


async def test_a_lossy_path_only_slows_it_down() -> None:
    lossy = LabBehaviour(LabMode.LOSSY, loss=0.2, seed=4)
    found = await fetched("http://10.8.0.1/", behaviour=lossy)
    assert [each.fault for each in all_of_kind(InnerFetch, found.evidence)] == [None]


async def test_another_port_refuses() -> None:
    found = await fetched("http://10.8.0.1:81/")
    assert [each.fault for each in all_of_kind(InnerFetch, found.evidence)] == ["refused"]


@pytest.mark.parametrize("payload", [b"", bytes(19), bytes(12) + b"\xff" + bytes(7), b"\0\x50" * 30])
def test_bytes_that_are_no_segment_get_no_answer_or_a_refusal(payload: bytes) -> None:
    packet = InnerPacket(ip_address("10.8.0.2"), INNER[0], 6, 64, payload)
    assert len(InnerHttp().answer(packet)) <= 1


def test_it_keeps_a_limited_number_of_connections() -> None:
    http = InnerHttp()
    for port in range(200):
        syn = port.to_bytes(2, "big") + b"\0\x50" + bytes(8) + b"\x50\x02" + bytes(6)
        assert len(http.answer(InnerPacket(ip_address("10.8.0.2"), INNER[0], 6, 64, syn))) == 1
    assert len(http._connections) == 64
