"""Whole checks against the answers of each release of headscale, and every fault on every kind of API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from tests.alerts.certificates import Certificates
from tests.control_planes.check_harness import PLANES, WHOLE, der, prober_of, target
from tests.control_planes.releases import DEVICE, RELEASES
from tests.control_planes.responder import Answer, responding
from tests.parameters import default_run
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.control_planes.headscale.api import HeadscaleApi
from wgmon_tui.control_planes.json_fields import MOST_ITEMS
from wgmon_tui.control_planes.tailscale.api import TailscaleApi


async def look(
    answers: Mapping[str, Answer], kind: str = "headscale"
) -> tuple[Check, Diagnosis, ControlPlaneReport | None]:
    noted: list[ControlPlaneReport] = []
    services = ProbeServices(lambda _: b"", note_report=lambda _, report: noted.append(report))
    async with responding(answers) as responder:
        checked = target(responder)
        checked = replace(checked, server=replace(checked.server, protocol=kind))
        protocol = find_protocol(kind)
        [found] = await protocol.make_prober(services).check_all(checked)
    return found, protocol.diagnose(found, checked.server), noted[0] if noted else None


@pytest.mark.parametrize("release", RELEASES)
async def test_each_release_of_headscale_is_read_without_drift(release: str) -> None:
    _, diagnosis, report = await look(RELEASES[release])
    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis.summary
    assert report is not None
    assert report.drift == ()
    [node] = report.nodes
    assert node.online is False
    assert node.last_seen is not None
    assert {str(each) for each in node.addresses} & {"100.64.0.7", "100.64.0.8"}


@pytest.mark.parametrize(
    ("release", "kinds"),
    [
        ("0.26", ["API key"]),
        ("0.27", ["API key"]),
        ("0.28", ["API key", "preauth key"]),
        ("0.30", ["API key", "preauth key"]),
        ("v2 alone", ["auth key"]),
    ],
)
async def test_the_ends_of_keys_are_known_as_far_as_a_release_lists_them(
    release: str, kinds: list[str]
) -> None:
    _, _, report = await look(RELEASES[release])
    assert report is not None
    assert [each.what for each in report.expiries] == kinds


def test_a_device_of_headscale_that_is_online_has_no_time_and_no_state() -> None:
    online = {key: value for key, value in DEVICE.items() if key != "lastSeen"}
    [node] = HeadscaleApi().read({"nodes": {"devices": [online]}}).nodes
    assert node.online is None
    [of_tailscale] = TailscaleApi().read({"devices": {"devices": [DEVICE]}}).nodes
    assert of_tailscale.online is None  # there, an online device may have a time too


async def test_a_token_that_0_30_refuses_is_refused() -> None:
    problem = Answer(
        {"title": "Unauthorized", "status": 401}, 401, {"Content-Type": "application/problem+json"}
    )
    _, diagnosis, report = await look({**RELEASES["0.30"], "/api/v1/node": problem})
    assert diagnosis.verdict is Verdict.AUTH_FAILED
    assert report is None


FAULTS = {
    "401": (Answer({"message": "no"}, 401), Verdict.AUTH_FAILED),
    "403": (Answer({"message": "no"}, 403), Verdict.AUTH_FAILED),
    "429": (Answer({}, 429, {"Retry-After": "1"}), Verdict.UNPROVEN),
    "429 with a date": (Answer({}, 429, {"Retry-After": "Wed, 01 Jan 2031 00:00:00 GMT"}), Verdict.UNPROVEN),
    "500": (Answer({}, 500), Verdict.API_FAILED),
    "503": (Answer(b"", 503), Verdict.API_FAILED),
    "truncated JSON": (Answer(b'[{"id": '), Verdict.API_FAILED),
    "truncated HTTP": (Answer([], cut=True), Verdict.API_FAILED),
    "a number": (Answer(5), Verdict.UNPROVEN),
    "a text": (Answer("nodes"), Verdict.UNPROVEN),
    "null": (Answer(None), Verdict.API_FAILED),
    "301": (Answer({}, 301, {"Location": "http://127.0.0.1:1/"}), Verdict.API_FAILED),
    "308": (Answer({}, 308, {"Location": "//127.0.0.1:1/"}), Verdict.API_FAILED),
    "204": (Answer(b"", 204), Verdict.API_FAILED),
}
KINDS: Mapping[str, tuple[Mapping[str, Answer], str]] = {
    "headscale": (WHOLE, "/api/v1/node"),
    "tailscale": (PLANES["tailscale"], "/api/v2/tailnet/-/devices?fields=all"),
    "netbird": (PLANES["netbird"], "/api/peers"),
    "netmaker": (PLANES["netmaker"], "/api/nodes"),
    "innernet": (PLANES["innernet"], "/v1/user/state"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", default_run(("headscale", "netbird"), KINDS))
async def test_a_fault_of_the_list_of_nodes_is_the_verdict_on_every_kind(kind: str, fault: str) -> None:
    answers, path = KINDS[kind]
    answer, verdict = FAULTS[fault]
    _, diagnosis, report = await look({**answers, path: answer}, kind)
    assert diagnosis.verdict is verdict, diagnosis.summary
    assert report is None or verdict is Verdict.UNPROVEN


async def test_one_page_of_several_is_not_taken_for_the_whole() -> None:
    more = {"Link": '<https://hs.example.net/api/v1/node?page=2>; rel="next"'}
    paged = {**RELEASES["0.29"], "/api/v1/node": replace(RELEASES["0.29"]["/api/v1/node"], headers=more)}
    _, diagnosis, report = await look(paged)
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert "nodes: only the first page was read" in diagnosis.summary
    assert "fields are missing" not in diagnosis.summary
    assert report is not None
    assert len(report.nodes) == 1


async def test_a_link_to_something_else_changes_nothing() -> None:
    other = {"Link": '<https://hs.example.net/>; rel="self"'}
    paged = {**RELEASES["0.29"], "/api/v1/node": replace(RELEASES["0.29"]["/api/v1/node"], headers=other)}
    assert (await look(paged))[1].verdict is Verdict.HEALTHY


def test_a_list_that_is_longer_than_what_is_read_says_so() -> None:
    many = {"nodes": {"devices": [DEVICE] * (MOST_ITEMS + 1)}}
    report = HeadscaleApi().read(many)
    assert len(report.nodes) == MOST_ITEMS
    assert "devices: only the first 10,000 are read" in report.drift


async def test_a_certificate_that_has_expired_gets_no_token(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    expired = certificates.server(starts_in=timedelta(hours=-100))
    async with responding(WHOLE, tls=expired) as responder:
        checked = target(responder, der(certificates.authority))
        protocol = find_protocol("headscale")
        [found] = await prober_of(protocol).check_all(checked)
    diagnosis = protocol.diagnose(found, checked.server)
    assert diagnosis.verdict is Verdict.BAD_CERTIFICATE
    assert "expired" in diagnosis.summary
    assert responder.heard == []
    [expired_server] = [each for each in found.evidence if isinstance(each, Expires)]
    assert (expired_server.what, expired_server.name) == ("server certificate", "127.0.0.1")
    assert -76 * 3600 <= expired_server.at - time.time() < 0


async def test_a_certificate_for_another_host_gets_no_token(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    other = certificates.server(x509.IPAddress(ip_address("192.0.2.1")))
    async with responding(WHOLE, tls=other) as responder:
        checked = target(responder, der(certificates.authority))
        protocol = find_protocol("headscale")
        [found] = await prober_of(protocol).check_all(checked)
    assert protocol.diagnose(found, checked.server).verdict is Verdict.BAD_CERTIFICATE
    assert responder.heard == []
