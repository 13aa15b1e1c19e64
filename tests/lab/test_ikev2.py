"""The embedded IKEv2 server, checked by the prober. tests/real/ikev2 has charon as its client."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import chain
from pathlib import Path
from typing import cast

import pytest

from tests.busy_machine import play_again_if_starved
from tests.protocols.ikev2.certificates import Issued, issue, make_authority
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.packets import fields_of
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.stage import AUTHENTICATE, DELETE, SA_INIT, TUNNEL, StageOutcome
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.lab.ikev2.demo import Ikev2Demo
from wgmon_tui.lab.ikev2.responder import LabIkeSetup
from wgmon_tui.lab.ikev2.server import LabIkeServer
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.expiries import expiries_of
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.credentials import CertificateKey, Credentials, SharedSecret
from wgmon_tui.protocols.ikev2.iana_numbers import Notify, PayloadType
from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.protocols.ikev2.targets import Ikev2Target
from wgmon_tui.protocols.ikev2.wire import (
    NON_ESP_MARKER,
    RESPONSE,
    NotifyPayload,
    encode_message,
    parse_message,
)

IDENTITY, MONITOR = "gw.example.net", "monitor.example.net"
SETTINGS = Ikev2Settings(local_id=MONITOR, remote_id=IDENTITY, dedicated=True)
SECRET = b"correct horse"
KNOWN = SharedSecret(SECRET)


async def look(
    lab: LabIkeServer,
    settings: Ikev2Settings = SETTINGS,
    credentials: Credentials | None = KNOWN,
    authority: Issued | None = None,
) -> Round:
    server = Server("gw", lab.endpoint, protocol="ikev2", protocol_settings=settings, timeout=10.0, slow=10.0)
    authorities = (authority.certificate,) if authority else ()
    target = Ikev2Target(server, credentials=credentials, authorities=authorities)
    prober = find_protocol("ikev2").make_prober(ProbeServices(lambda _: b""))
    return await run_check_round(prober, server, target, CheckDepth(deep=True, explain=True))


def check(setup: LabIkeSetup, **asked: object) -> Round:
    async def run() -> Round:
        async with LabIkeServer(setup) as lab:
            return await look(lab, **asked)  # type: ignore[arg-type]

    return play_again_if_starved(
        lambda: asyncio.run(run()), lambda _: True, lambda found: found.check.evidence
    )


def outcomes(found: Round) -> dict[str, StageOutcome]:
    return {each.name: each.outcome for each in found.check.stages}


def test_a_healthy_server_passes_every_stage() -> None:
    found = check(LabIkeSetup(IDENTITY, SECRET))
    assert found.diagnosis.verdict is Verdict.HEALTHY
    passed = {SA_INIT, AUTHENTICATE, TUNNEL, DELETE}
    assert {name for name, outcome in outcomes(found).items() if outcome is StageOutcome.PASSED} >= passed


class Redirecting(asyncio.DatagramProtocol):
    """Answers IKE_SA_INIT with the address of another gateway (RFC 5685)."""

    def __init__(self, gateway: str) -> None:
        self._gateway = IPv4Address(gateway).packed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        if not data:  # a port monitor
            return
        request = parse_message(data.removeprefix(NON_ESP_MARKER))
        nonce = request.find(PayloadType.NONCE)
        assert nonce is not None
        header = replace(request.header, flags=RESPONSE)
        redirect = NotifyPayload(Notify.REDIRECT, b"\x01\x04" + self._gateway + nonce.body)
        self._transport.sendto(NON_ESP_MARKER + encode_message(header, [redirect.to_payload()]), source)


async def _look_past_a_redirection() -> Round:
    """Raises OSError if another program has the port of one of the two addresses."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Redirecting("127.0.0.2"), local_addr=("127.0.0.1", 0)
    )
    port: int = transport.get_extra_info("sockname")[1]
    try:
        async with LabIkeServer(LabIkeSetup(IDENTITY, SECRET), host="127.0.0.2", port=port) as lab:
            lab.endpoint = replace(lab.endpoint, host="127.0.0.1")
            return await look(lab)
    finally:
        transport.close()


def test_a_redirection_is_followed_to_the_gateway() -> None:
    for _ in range(5):
        try:
            found = asyncio.run(_look_past_a_redirection())
        except OSError:
            continue
        break
    assert found.diagnosis.verdict is Verdict.HEALTHY, found.diagnosis
    assert "at 127.0.0.2, where the server sends clients" in found.diagnosis.summary


@pytest.mark.thorough
def test_a_redirection_to_itself_is_not_followed() -> None:
    async def run() -> Round:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Redirecting("127.0.0.1"), local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        lab = LabIkeServer(LabIkeSetup(IDENTITY, SECRET))
        await lab.stop()
        lab.endpoint = Endpoint("127.0.0.1", port)
        try:
            return await look(lab)
        finally:
            transport.close()

    found = asyncio.run(run())
    assert found.diagnosis.verdict is Verdict.UNPROVEN
    assert found.diagnosis.failed_stage == SA_INIT


@pytest.mark.thorough
def test_the_hex_view_tells_what_the_encrypted_packets_held() -> None:
    found = check(LabIkeSetup(IDENTITY, SECRET)).check
    words = [each.meaning for packet in found.exchange for each in fields_of(found, packet)]
    decrypted = [each.partition("decrypted: ")[2] for each in words if "decrypted: " in each]
    assert any(IDENTITY in each for each in decrypted)
    assert any("echo reply" in each for each in decrypted)
    assert SECRET.decode() not in found.framing


def test_a_session_is_over_after_its_check() -> None:
    async def run() -> int:
        async with LabIkeServer(LabIkeSetup(IDENTITY, SECRET)) as lab:
            await look(lab)
            return len(lab.responder.sessions)

    assert asyncio.run(run()) == 0


def test_a_certificate_proves_the_server() -> None:
    authority = make_authority()
    own, client = issue(IDENTITY, authority), issue(MONITOR, authority)
    setup = LabIkeSetup(
        IDENTITY, certificate=CertificateKey((own.certificate,), own.key), authority=authority.certificate
    )
    credentials = CertificateKey((client.certificate,), client.key)
    found = check(setup, credentials=credentials, authority=authority)
    assert found.diagnosis.verdict is Verdict.HEALTHY


def test_an_expired_certificate_is_named() -> None:
    authority = make_authority()
    own = issue(IDENTITY, authority, not_after=datetime.now(UTC) - timedelta(days=1))
    setup = LabIkeSetup(IDENTITY, SECRET, CertificateKey((own.certificate,), own.key))
    found = check(setup, authority=authority)
    assert found.diagnosis.verdict.severity is Severity.DOWN
    assert "expired" in found.diagnosis.summary
    [expires] = [each for each in expiries_of(found) if each.what == "server certificate"]
    assert expires == Expires("server certificate", IDENTITY, own.certificate.not_valid_after_utc.timestamp())


def test_a_wrong_secret_is_down_at_the_authentication() -> None:
    found = check(LabIkeSetup(IDENTITY, b"another"))
    assert outcomes(found)[AUTHENTICATE] is StageOutcome.FAILED
    assert found.check.handshake is None


@pytest.mark.thorough
def test_a_cookie_is_given_back() -> None:
    found = check(LabIkeSetup(IDENTITY, SECRET, demands_cookie=True))
    assert found.diagnosis.verdict is Verdict.UNDER_LOAD


def test_what_the_server_would_accept_is_found() -> None:
    setup = LabIkeSetup(IDENTITY, SECRET, proposals=(parse_proposal("aes256-sha512-modp2048"),))
    narrow = replace(SETTINGS, proposals=(parse_proposal("aes128gcm16-prfsha256-ecp256"),))
    found = check(setup, settings=narrow)
    assert found.diagnosis.verdict is Verdict.CIPHER_MISMATCH
    assert "aes256-sha512-prfsha512-modp2048" in found.diagnosis.summary


def test_without_credentials_only_the_first_exchange_is_made() -> None:
    found = check(LabIkeSetup(IDENTITY, SECRET), settings=Ikev2Settings(), credentials=None)
    assert found.diagnosis.verdict is Verdict.UNPROVEN
    assert outcomes(found)[SA_INIT] is StageOutcome.PASSED


async def demo_verdicts() -> dict[str, Round]:
    """The result of each server of the demo, as the writer gets it."""
    demo = Ikev2Demo()
    fleet = Fleet(demo.servers)
    await demo.start()
    try:
        keyring = await asyncio.to_thread(open_keyring, fleet, Path())
        protocol = find_protocol("ikev2")
        targets = protocol.make_targets(fleet.servers, fleet, keyring)
        assert not targets.problems
        prober = protocol.make_prober(ProbeServices(lambda _: b""))
        depth = CheckDepth(deep=True, explain=True)
        return {
            each.name: await run_check_round(prober, each, targets.ready[each.name], depth)
            for each in demo.servers
        }
    finally:
        await demo.stop()


def test_the_demo_has_a_healthy_server_one_with_another_secret_and_an_expired_one() -> None:
    played = play_again_if_starved(
        lambda: asyncio.run(demo_verdicts()),
        lambda _: True,
        lambda rounds: chain.from_iterable(each.check.evidence for each in rounds.values()),
    )
    healthy, other_secret, expired = played.values()
    assert healthy.diagnosis.verdict is Verdict.HEALTHY
    assert outcomes(other_secret)[AUTHENTICATE] is StageOutcome.FAILED
    assert "expired" in expired.diagnosis.summary
