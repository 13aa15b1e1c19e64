"""TLS of a control plane: which certificates are trusted, when they end, and what gets no token."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from tests.alerts.certificates import Certificates
from tests.busy_machine import repeated_if_starved
from tests.control_planes.answers import HEADSCALE_NODE_0_29
from tests.control_planes.check_harness import WHOLE, check, der, target
from tests.control_planes.responder import Answer, responding
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.text import format_iso_time


@repeated_if_starved(0.1)
async def test_tls_that_is_not_answered_is_silent() -> None:
    async with responding(WHOLE, deaf=True) as responder:
        checked = target(responder, timeout=0.3)
        url = replace(checked.server.protocol_settings.url, is_tls=True)
        server = replace(checked.server, protocol_settings=ControlPlaneSettings(url))
        _, diagnosis = await check(replace(checked, server=server))
    assert (diagnosis.verdict, diagnosis.failed_stage) == (Verdict.SILENT, "tls")
    assert diagnosis.summary == "TLS is not answered in time."


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
