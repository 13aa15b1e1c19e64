"""Checks of control planes against a server with their answers, and with every fault."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.alerts.certificates import Certificates
from tests.busy_machine import repeated_if_starved
from tests.control_planes.answers import HEADSCALE_NODE_0_29, TAILSCALE_DEVICE
from tests.control_planes.responder import Answer, Responder, responding
from tests.daemon.harness import Program
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.protocol import ProbeServices, Protocol, ProtocolProber
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.config.http_targets import parse_url
from wgmon_tui.config.models import Server
from wgmon_tui.config.value_parsers import parse_endpoint
from wgmon_tui.control_planes.exchange_record import LONGEST_RECORDED_BODY
from wgmon_tui.control_planes.json_fields import LARGEST_BODY
from wgmon_tui.control_planes.targets import ControlPlaneTarget
from wgmon_tui.text import format_iso_time

TOKEN = "hskey-0123456789"
SLOW_S = 30.0
"""The limit of a slow answer where slowness is not the subject: on a busy machine every server is slow."""

NODE_WITH_KEY = {**HEADSCALE_NODE_0_29, "preAuthKey": {"key": "hskey-auth-secret", "id": "1"}}
WHOLE = {
    "/health": Answer({"status": "pass"}),
    "/version": Answer({"version": "v0.28.0"}),
    "/api/v1/node": Answer({"nodes": [NODE_WITH_KEY]}),
    "/api/v1/health": Answer({"databaseConnectivity": True}),
    "/api/v1/apikey": Answer({"apiKeys": []}),
    "/api/v1/preauthkey": Answer({"preAuthKeys": []}),
}


def target(responder: Responder, authorities: bytes = b"", timeout: float = 30.0) -> ControlPlaneTarget:
    server = Server(
        name="hs",
        endpoint=parse_endpoint(f"127.0.0.1:{responder.port}"),
        protocol="headscale",
        protocol_settings=ControlPlaneSettings(parse_url(responder.url)),
        interval=60.0,
        timeout=timeout,
        slow=SLOW_S,
        identity="",
    )
    return ControlPlaneTarget(server, {}, TOKEN, authorities)


def prober_of(protocol: Protocol) -> ProtocolProber:
    return protocol.make_prober(ProbeServices(lambda _: b""))


async def check(checked: ControlPlaneTarget, prober: ProtocolProber | None = None) -> tuple[Check, Diagnosis]:
    protocol = find_protocol("headscale")
    [found] = await (prober or prober_of(protocol)).check_all(checked)
    return found, protocol.diagnose(found, checked.server)


async def diagnose(**changed: Answer | None) -> Diagnosis:
    """The diagnosis with some answers changed, by the last word of their path; None removes one."""
    answers = {path: changed.get(path.rpartition("/")[2], each) for path, each in WHOLE.items()}
    async with responding({path: each for path, each in answers.items() if each}) as responder:
        return (await check(target(responder)))[1]


async def test_a_control_plane_that_works_is_healthy_and_counts_its_nodes() -> None:
    async with responding(WHOLE) as responder:
        found, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert diagnosis.summary.endswith(": 1 node, 0 online.")
    assert "it is version v0.28.0" in diagnosis.evidence
    assert "it last noticed a node at 2026-11-29 09:30:00 UTC" in diagnosis.evidence
    assert {stage.name: stage.outcome.slug for stage in found.stages} == {
        "resolve": "not-run",
        "reach": "passed",
        "api": "passed",
        "backend": "passed",
    }


async def test_a_report_reaches_the_process_with_the_name_of_its_control_plane() -> None:
    noted: list[tuple[str, ControlPlaneReport]] = []
    services = ProbeServices(lambda _: b"", note_report=lambda name, report: noted.append((name, report)))
    async with responding(WHOLE) as responder:
        prober = find_protocol("headscale").make_prober(services)
        await check(target(responder), prober)
        responder.answers["/api/v1/node"] = Answer({}, 500)
        await check(target(responder), prober)
    [(name, report)] = noted
    assert (name, [node.name for node in report.nodes]) == ("hs", ["db1"])


async def test_the_token_is_sent_only_where_it_is_needed() -> None:
    async with responding(WHOLE) as responder:
        await check(target(responder))
    with_token = {head.split(" ")[1] for head in responder.heard if f"Bearer {TOKEN}" in head}
    assert with_token == set(WHOLE) - {"/health", "/version"}


async def test_neither_the_token_nor_keys_of_answers_are_recorded() -> None:
    async with responding(WHOLE) as responder:
        found, _ = await check(target(responder))
    recorded = b"".join(packet.data for packet in found.exchange)
    assert b"GET /api/v1/node" in recorded
    assert b"givenName" in recorded
    for secret in (TOKEN, "hskey-auth-secret", "nodekey:", "mkey:"):
        assert secret.encode() not in recorded
        assert secret not in repr(found)
    assert TOKEN not in repr(target(responder))


async def test_a_long_answer_is_recorded_in_part() -> None:
    many = {**WHOLE, "/api/v1/node": Answer({"nodes": [NODE_WITH_KEY] * 50})}
    async with responding(many) as responder:
        found, diagnosis = await check(target(responder))
    assert max(len(packet.data) for packet in found.exchange) < LONGEST_RECORDED_BODY + 100
    assert "50 nodes" in diagnosis.summary


async def test_a_server_that_closes_after_each_answer_is_asked_on_new_connections() -> None:
    async with responding(WHOLE, closes=True) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert set(responder.paths) == set(WHOLE)


async def test_a_release_that_moved_its_nodes_is_asked_on_the_other_path() -> None:
    moved = {path: each for path, each in WHOLE.items() if path != "/api/v1/node"}
    devices = {"/api/v2/tailnet/-/devices?fields=all": Answer({"devices": [TAILSCALE_DEVICE]})}
    async with responding({**moved, **devices}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert diagnosis.summary.endswith(": 1 node, 1 online.")


async def test_requests_that_a_release_does_not_have_are_left_out() -> None:
    diagnosis = await diagnose(version=None, apikey=None, preauthkey=None)
    assert diagnosis.verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer({"message": "no"}, 401), Verdict.AUTH_FAILED),
        (Answer({"message": "no"}, 403), Verdict.AUTH_FAILED),
        (Answer({}, 500), Verdict.API_FAILED),
        (Answer({}, 302, {"Location": "http://127.0.0.1:1/"}), Verdict.API_FAILED),
        (Answer(b"<html>"), Verdict.API_FAILED),
        (Answer(b'{"nodes": ['), Verdict.API_FAILED),
        (Answer(b"[" * 200_000), Verdict.API_FAILED),
        (Answer({"nodes": []}, cut=True), Verdict.API_FAILED),
        (Answer(b"x" * (LARGEST_BODY + 1)), Verdict.API_FAILED),
        (Answer({"nodes": "none"}), Verdict.UNPROVEN),
        (Answer({"nodes": [5]}), Verdict.UNPROVEN),
        (Answer({}, 429, {"Retry-After": "30"}), Verdict.UNPROVEN),
    ],
    ids=lambda each: "" if isinstance(each, Answer) else each.slug,
)
async def test_a_fault_of_the_api_is_the_verdict(answer: Answer, verdict: Verdict) -> None:
    assert (await diagnose(node=answer)).verdict is verdict


async def test_a_redirect_never_gets_the_token() -> None:
    async with responding({}) as other:
        away = {**WHOLE, "/api/v1/node": Answer({}, 302, {"Location": f"{other.url}/api/v1/node"})}
        async with responding(away) as responder:
            await check(target(responder))
    assert other.heard == []


async def test_a_broken_database_is_named_whatever_the_status_of_the_health_page() -> None:
    async with responding({**WHOLE, "/health": Answer({"status": "fail"}, 500)}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.BACKEND_DOWN
    assert diagnosis.causes[0].proven


@pytest.mark.parametrize("health", [None, Answer(b"<html>"), Answer({}, 302), Answer(b"", 500)])
async def test_a_health_page_that_is_no_health_page_says_nothing_of_the_database(
    health: Answer | None,
) -> None:
    answers = {path: health if path == "/health" else each for path, each in WHOLE.items()}
    async with responding({path: each for path, each in answers.items() if each}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.API_FAILED
    assert "health check" not in " ".join(diagnosis.evidence)


async def test_a_word_of_the_health_page_that_no_release_has_is_drift() -> None:
    async with responding({**WHOLE, "/health": Answer({"status": "warn"})}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert "status" in diagnosis.summary


async def test_a_database_that_the_api_reports_as_broken_is_the_verdict() -> None:
    async with responding({**WHOLE, "/api/v1/health": Answer({"databaseConnectivity": False})}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.BACKEND_DOWN
    assert "database" in diagnosis.summary
    assert diagnosis.failed_stage == "backend"


async def test_an_api_that_limits_requests_is_not_asked_before_its_time() -> None:
    limited = {**WHOLE, "/api/v1/node": Answer({}, 429, {"Retry-After": "30"})}
    prober = prober_of(find_protocol("headscale"))
    async with responding(limited) as responder:
        await check(target(responder), prober)
        asked = len(responder.heard)
        found, diagnosis = await check(target(responder), prober)
        assert len(responder.heard) == asked
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert re.fullmatch(
        r"It asked for fewer requests: nothing is sent to it for \d+ s more\.", diagnosis.summary
    )
    assert found.sent == 0


async def test_an_answer_that_ends_early_is_named_as_such() -> None:
    summary = (await diagnose(node=Answer({"nodes": []}, cut=True))).summary
    assert "the connection ends in the midst of the answer" in summary


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer({}, 502), "headscale does not run, or the proxy in front of it does not reach it"),
        (Answer({}, 504), "headscale does not run, or the proxy in front of it does not reach it"),
        (Answer({}, 500), "a fault inside of headscale"),
        (Answer({"nodes": []}, cut=True), "headscale, or a proxy in front of it, ends connections"),
    ],
)
async def test_the_first_cause_tells_a_proxy_from_the_control_plane(answer: Answer, cause: str) -> None:
    assert (await diagnose(node=answer)).causes[0].cause == cause


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({}, 500), "an error of the control plane (HTTP 500), so they are not known"),
        (Answer({}, 403), "lacks a right (HTTP 403), so they are not known"),
        (Answer({"apiKeys": []}, cut=True), "in the midst of the answer, so they are not known"),
    ],
)
async def test_a_list_of_keys_that_cannot_be_read_is_named_and_loses_no_end(
    answer: Answer, words: str
) -> None:
    protocol = find_protocol("headscale")
    async with responding(WHOLE) as responder:
        whole, _ = await check(target(responder))
        responder.answers["/api/v1/apikey"] = answer
        found, diagnosis = await check(target(responder))
    assert protocol.has_seen_all_ends(whole)
    assert not protocol.has_seen_all_ends(found)
    assert diagnosis.verdict is Verdict.HEALTHY
    said = [each for each in diagnosis.evidence if each.startswith("the request for api keys")]
    assert [each.endswith(words) for each in said] == [True]


async def test_a_request_that_a_release_does_not_have_is_no_news() -> None:
    without = {path: answer for path, answer in WHOLE.items() if path != "/api/v1/apikey"}
    async with responding(without) as responder:
        found, diagnosis = await check(target(responder))
    assert not [each for each in diagnosis.evidence if "api keys" in each]
    assert find_protocol("headscale").has_seen_all_ends(found)


@repeated_if_starved(0.1)
async def test_an_api_that_hangs_is_silent_and_the_request_is_named() -> None:
    async with responding({**WHOLE, "/api/v1/node": Answer(hang=True)}) as responder:
        _, diagnosis = await check(target(responder, timeout=0.3))
    assert diagnosis.verdict is Verdict.SILENT
    assert "The request for nodes is not answered in time" in diagnosis.summary
    assert diagnosis.failed_stage == "api"


@repeated_if_starved(0.1)
async def test_tls_that_is_not_answered_is_silent() -> None:
    async with responding(WHOLE, deaf=True) as responder:
        checked = target(responder, timeout=0.3)
        url = replace(checked.server.protocol_settings.url, is_tls=True)
        server = replace(checked.server, protocol_settings=ControlPlaneSettings(url))
        _, diagnosis = await check(replace(checked, server=server))
    assert (diagnosis.verdict, diagnosis.failed_stage) == (Verdict.SILENT, "tls")
    assert diagnosis.summary == "TLS is not answered in time."


async def test_a_closed_port_is_port_closed() -> None:
    async with responding(WHOLE) as responder:
        checked = target(responder)
    _, diagnosis = await check(checked)
    assert diagnosis.verdict is Verdict.PORT_CLOSED
    assert diagnosis.failed_stage == "reach"


async def test_a_token_that_expires_at_run_time_turns_the_verdict() -> None:
    async with responding(WHOLE) as responder:
        assert (await check(target(responder)))[1].verdict is Verdict.HEALTHY
        responder.answers["/api/v1/node"] = Answer({"message": "expired"}, 401)
        assert (await check(target(responder)))[1].verdict is Verdict.AUTH_FAILED


def der(pem: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.read_text())


async def test_a_certificate_of_a_configured_authority_is_trusted(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    async with responding(WHOLE, tls=certificates.server()) as responder:
        found, diagnosis = await check(target(responder, der(certificates.authority)))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert [stage.name for stage in found.stages] == ["resolve", "reach", "tls", "api", "backend"]


async def test_the_end_of_the_certificate_and_of_keys_is_evidence(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    soon = {"apiKeys": [{"id": "1", "prefix": "abc", "expiration": format_iso_time(time.time() + 9 * DAY_S)}]}
    far = {"nodes": [{**HEADSCALE_NODE_0_29, "expiry": format_iso_time(time.time() + 500 * DAY_S)}]}
    answers = {**WHOLE, "/api/v1/apikey": Answer(soon), "/api/v1/node": Answer(far)}
    async with responding(answers, tls=certificates.server()) as responder:
        found, _ = await check(target(responder, der(certificates.authority)))
    expiries = [each for each in found.evidence if isinstance(each, Expires)]
    assert [(each.what, each.name) for each in expiries] == [
        ("server certificate", "127.0.0.1"),
        ("API key", "abc"),
    ]
    assert 0 < expiries[0].at - time.time() < 25 * 3600


async def test_an_untrusted_certificate_gets_no_token(tmp_path: Path) -> None:
    async with responding(WHOLE, tls=Certificates(tmp_path).server()) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.BAD_CERTIFICATE
    assert "ca_file" in diagnosis.summary
    assert responder.heard == []


async def test_a_port_without_tls_is_the_wrong_protocol() -> None:
    async with responding(WHOLE) as responder:
        checked = target(responder)
        url = replace(checked.server.protocol_settings.url, is_tls=True)
        server = replace(checked.server, protocol_settings=ControlPlaneSettings(url))
        _, diagnosis = await check(replace(checked, server=server))
    assert diagnosis.verdict is Verdict.WRONG_PROTOCOL


@pytest.mark.parametrize(("slow", "verdict"), [(5.0, Verdict.HEALTHY), (1e-9, Verdict.SLOW)])
async def test_an_answer_slower_than_the_limit_is_slow(slow: float, verdict: Verdict) -> None:
    async with responding(WHOLE) as responder:
        checked = target(responder)
        _, diagnosis = await check(replace(checked, server=replace(checked.server, slow=slow)))
    assert diagnosis.verdict is verdict


PLANES: Mapping[str, Mapping[str, Answer]] = {
    "tailscale": {"/api/v2/tailnet/-/devices?fields=all": Answer({"devices": []})},
    "netbird": {"/api/peers": Answer([])},
    "netmaker": {
        "/api/server/status": Answer({"db_connected": True, "broker_connected": True}),
        "/api/hosts": Answer([]),
        "/api/nodes": Answer([]),
    },
    "innernet": {"/v1/user/state": Answer({"peers": [], "cidrs": []})},
}


@pytest.mark.parametrize("name", PLANES)
async def test_every_kind_of_control_plane_is_healthy_with_its_least_answers(name: str) -> None:
    async with responding(PLANES[name]) as responder:
        protocol, checked = find_protocol(name), target(responder)
        checked = replace(checked, server=replace(checked.server, protocol=name))
        [found] = await prober_of(protocol).check_all(checked)
    assert protocol.diagnose(found, checked.server).verdict is Verdict.HEALTHY


@pytest.mark.parametrize("values", [(), ("nodes",), ("a", "b", "c", "d")])
@pytest.mark.parametrize("kind", ["answer", "connection", "certificate", "part", "nodes", "drift", "x"])
async def test_evidence_of_another_machine_may_have_any_values(kind: str, values: tuple[str, ...]) -> None:
    async with responding(WHOLE) as responder:
        checked = target(responder)
        found, _ = await check(checked)
    sent = replace(found, evidence=(ProtocolEvidence("headscale", kind, values),))
    assert find_protocol("headscale").diagnose(sent, checked.server).evidence


def test_the_words_for_packets_are_those_of_http() -> None:
    protocol = find_protocol("headscale")
    assert protocol.label_of(b"GET /health HTTP/1.1\r\nHost: hs\r\n\r\n") == "GET /health"
    assert protocol.label_of(b"HTTP/1.1 200\r\n\r\n{}") == "200"
    [head, body] = protocol.fields_of(b"HTTP/1.1 200\r\n\r\n{}")
    assert (head.length, body.offset, body.length) == (16, 16, 2)


@pytest.mark.thorough
async def test_a_probe_of_a_control_plane_says_nothing_of_a_soak(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    async with responding(WHOLE) as responder:
        plane = f'[[control_plane]]\nname = "hs"\ntype = "headscale"\nurl = "{responder.url}"\n'
        (tmp_path / "servers.toml").write_text(f'{plane}token_file = "token"\n')
        program = Program("--config", tmp_path, "--state", tmp_path / "state", "probe")
        code, out, _ = await asyncio.to_thread(program.end)
    assert code == 0
    assert "hs  healthy" in out
    assert "soak" not in out
    assert TOKEN not in out
