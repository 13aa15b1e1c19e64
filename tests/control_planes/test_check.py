"""Checks of control planes against a server with their answers: what is asked, recorded and reported."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.control_planes.answers import TAILSCALE_DEVICE
from tests.control_planes.check_harness import (
    NODE_WITH_KEY,
    PLANES,
    TOKEN,
    WHOLE,
    check,
    diagnose,
    prober_of,
    target,
)
from tests.control_planes.responder import Answer, responding
from tests.daemon.harness import Program
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.control_planes.exchange_record import LONGEST_RECORDED_BODY


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


@pytest.mark.parametrize(("slow", "verdict"), [(5.0, Verdict.HEALTHY), (1e-9, Verdict.SLOW)])
async def test_an_answer_slower_than_the_limit_is_slow(slow: float, verdict: Verdict) -> None:
    async with responding(WHOLE) as responder:
        checked = target(responder)
        _, diagnosis = await check(replace(checked, server=replace(checked.server, slow=slow)))
    assert diagnosis.verdict is verdict


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
