"""Probes of relays against servers on loopback."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.alerts.certificates import Certificates
from tests.control_planes.check_harness import der
from tests.control_planes.relay_servers import DERP, NETBIRD, probe, stun_server, success
from tests.control_planes.responder import Answer, responding
from wgmon_tui.checks.control_plane_report import MeshRelay
from wgmon_tui.config.relay_addresses import RelayAddress, RelayKind
from wgmon_tui.control_planes.answers import BROKEN, UNKNOWN, WORKS
from wgmon_tui.control_planes.relay_probes import ProbedRelay, summarize


def test_a_region_is_down_only_if_each_of_its_relays_is_proven_to_be() -> None:
    first, second = (RelayAddress(RelayKind.DERP, host, 443, "own") for host in "ab")
    stun_address = RelayAddress(RelayKind.STUN, "a", 3478, "own")
    dead, alive = ProbedRelay(first, BROKEN, "the port refuses connections"), ProbedRelay(second, WORKS)
    assert summarize([dead, alive]) == (MeshRelay("own", True),)
    assert summarize([dead, ProbedRelay(second, UNKNOWN)]) == (
        MeshRelay("own", None, "the port refuses connections"),
    )
    assert summarize([dead, ProbedRelay(stun_address, WORKS)]) == (
        MeshRelay("own", False, "the port refuses connections"),
    )


async def test_a_stun_server_says_where_the_request_came_from() -> None:
    async with stun_server(success) as port:
        found = await probe(f"stun:127.0.0.1:{port}")
    assert found.state == WORKS
    assert found.detail.startswith("it saw the request from 127.0.0.1 port ")


async def test_a_request_that_is_lost_is_sent_again() -> None:
    heard: list[bytes] = []

    def second(data: bytes, address: tuple[str, int]) -> bytes | None:
        heard.append(data)
        return success(data, address) if len(heard) == 2 else None

    async with stun_server(second) as port:
        found = await probe(f"stun:127.0.0.1:{port}")
    assert (found.state, heard[0]) == (WORKS, heard[1])


async def test_silence_of_stun_proves_nothing_and_neither_do_other_bytes() -> None:
    async with stun_server(lambda *_: b"no STUN") as port:
        found = await probe(f"stun:127.0.0.1:{port}", 0.3)
    assert (found.state, found.detail) == (UNKNOWN, "no answer in time")


async def test_a_stun_port_that_refuses_is_broken() -> None:
    async with stun_server(success) as port:
        pass
    assert (await probe(f"stun:127.0.0.1:{port}")).detail == "the port refuses connections"


async def test_a_derp_relay_switches_to_its_protocol() -> None:
    async with responding(DERP) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert found.state == WORKS
    assert found.detail == ""
    assert responder.paths == ["/derp", "/derp/probe"]
    assert "Upgrade: DERP\r\n" in responder.heard[0]


async def test_a_derp_relay_that_closes_after_each_answer_is_asked_again() -> None:
    async with responding(DERP, closes=True) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert (found.state, found.detail) == (WORKS, "")
    assert responder.paths == ["/derp", "/derp/probe"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, "it is no relay: HTTP 404 to /derp"),
        ({"/derp/probe": Answer(b""), "/derp": Answer(b"", 426)}, "it is no relay: HTTP 426 to /derp"),
        ({"/derp": Answer(b"x" * 100, cut=True)}, "it ends the connection"),
    ],
)
async def test_a_server_that_is_no_derp_relay_is_broken(answers: dict[str, Answer], words: str) -> None:
    async with responding(answers) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert found.state == BROKEN
    assert found.detail.startswith(words)


@pytest.mark.parametrize(
    ("page", "words"),
    [(Answer({}, 404), "answered with HTTP 404"), (Answer(b"x" * 100, cut=True), "not answered")],
)
async def test_a_derp_relay_without_the_page_that_measures_it_works_and_says_so(
    page: Answer, words: str
) -> None:
    async with responding({**DERP, "/derp/probe": page}) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert (found.state, found.detail) == (WORKS, f"but /derp/probe is {words}")


async def test_a_relay_of_netbird_upgrades_to_a_websocket() -> None:
    async with responding(NETBIRD) as responder:
        found = await probe(f"rel://127.0.0.1:{responder.port}")
    assert found.state == WORKS
    assert "Upgrade: websocket\r\n" in responder.heard[0]


async def test_a_relay_that_hangs_may_work_or_not() -> None:
    async with responding(DERP, deaf=True) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}", 0.3)
    assert found.state == UNKNOWN


async def test_a_name_that_does_not_resolve_proves_nothing() -> None:
    found = await probe("derps://derp.invalid")
    assert found.state == UNKNOWN
    assert "its name does not resolve" in found.detail


async def test_tls_is_begun_and_its_end_is_known(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    async with responding(DERP, tls=certificates.server()) as responder:
        trusted = await probe(f"derps://127.0.0.1:{responder.port}", authorities=der(certificates.authority))
        signal = await probe(f"tls://127.0.0.1:{responder.port}", authorities=der(certificates.authority))
        untrusted = await probe(f"derps://127.0.0.1:{responder.port}")
    assert (trusted.state, signal.state, untrusted.state) == (WORKS, WORKS, BROKEN)
    assert trusted.certificate_end is not None
    assert untrusted.detail.startswith("its certificate is not trusted")


async def test_a_port_without_tls_is_broken() -> None:
    async with responding(DERP) as responder:
        found = await probe(f"derps://127.0.0.1:{responder.port}")
    assert (found.state, found.detail) == (BROKEN, "it does not speak TLS")


async def test_the_end_of_a_relays_certificate_that_has_expired_is_evidence(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    expired = certificates.server(starts_in=timedelta(hours=-100))
    async with responding(DERP, tls=expired) as responder:
        refused = await probe(f"derps://127.0.0.1:{responder.port}", authorities=der(certificates.authority))
    assert "expired" in refused.detail
    assert refused.certificate_end is not None
    assert refused.certificate_end < time.time()
