"""Checks of Debian's strongSwan: each way to authenticate, and what goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import until
from tests.parameters import default_run
from tests.real.ikev2.strongswan import Charon
from tests.real.ikev2.world import (
    MONITOR,
    SERVER,
    SIGNATURES,
    Watcher,
    by_certificate,
    by_password,
    by_secret,
    configuration,
    only_by_secret,
    stages_of,
    strongswan,
)
from tests.real.namespaces import SERVER_V6, RoutedPath
from wgmon_tui.checks.check import Direction
from wgmon_tui.checks.stage import StageOutcome
from wgmon_tui.checks.verdict import Verdict


@pytest.fixture(scope="module")
def server(path: RoutedPath, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charon]:
    with strongswan(
        path, tmp_path_factory.mktemp("charon"), plugins="kernel-libipsec kernel-netlink"
    ) as started:
        yield started


@pytest.fixture
def watcher(server: Charon, path: RoutedPath, tmp_path: Path) -> Watcher:
    return Watcher(path, tmp_path)


METHODS = {
    "preshared key": by_secret(),
    **{f"{kind} certificate": by_certificate(kind) for kind in SIGNATURES},
    "EAP-MSCHAPv2": by_password(),
}


@pytest.mark.parametrize("method", default_run(("preshared key", "EAP-MSCHAPv2"), METHODS))
def test_each_method_authenticates_both_sides_and_leaves_no_session(
    watcher: Watcher, server: Charon, method: str
) -> None:
    outcome = watcher.look(METHODS[method])
    assert outcome.diagnosis.verdict is Verdict.HEALTHY, outcome.diagnosis
    assert stages_of(outcome.check) == {
        "resolve": "not-run",
        "reach": "passed",
        "sa-init": "passed",
        "authenticate": "passed",
        "tunnel": "not-run",
        "delete": "passed",
    }
    assert server.sessions() == ""


@pytest.mark.thorough
def test_checks_of_the_first_exchange_leave_nothing_half_open(watcher: Watcher, server: Charon) -> None:
    """strongSwan ignores an address that has five sessions half open: a user behind the same NAT too."""
    for _ in range(8):
        assert watcher.look("").diagnosis.verdict is Verdict.UNPROVEN
    assert server.sessions() == ""
    assert watcher.look(by_secret()).diagnosis.verdict is Verdict.HEALTHY


def test_checks_at_the_same_time_do_not_put_the_server_under_load(watcher: Watcher, server: Charon) -> None:
    """strongSwan demands cookies of an address with three sessions half open, for ten seconds."""
    began = len(server.log.read_text())
    outcomes = watcher.look_at_once(by_secret(), 12)
    assert {each.diagnosis.verdict for each in outcomes} == {Verdict.HEALTHY}
    assert "N(COOKIE)" not in server.log.read_text()[began:]


def test_a_cheap_check_remembers_what_the_full_one_proved(watcher: Watcher, server: Charon) -> None:
    watcher.look(by_secret())
    logins = server.log.read_text().count("parsed IKE_AUTH request 1 [ IDi")
    outcome = watcher.look(by_secret(), deep=False)
    assert server.log.read_text().count("parsed IKE_AUTH request 1 [ IDi") == logins
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert " s ago" in outcome.diagnosis.summary
    earlier = next(each for each in outcome.check.stages if each.name == "authenticate")
    assert (earlier.outcome, earlier.seconds) == (StageOutcome.PASSED, None)
    assert earlier.detail == "found by the last check of all stages"


@pytest.mark.thorough
def test_a_cheap_check_remembers_a_refusal(watcher: Watcher) -> None:
    watcher.look(by_secret("wrong"))
    outcome = watcher.look(by_secret("wrong"), deep=False)
    assert outcome.diagnosis.verdict is Verdict.AUTH_FAILED
    assert outcome.check.handshake is None
    assert outcome.check.failed_stage is not None
    assert outcome.check.failed_stage.name == outcome.diagnosis.failed_stage == "authenticate"


@pytest.mark.thorough
def test_what_other_credentials_proved_is_not_remembered(watcher: Watcher) -> None:
    watcher.look(by_secret())
    outcome = watcher.look(by_secret("wrong"), deep=False)
    assert outcome.diagnosis.verdict is Verdict.AUTH_FAILED


def test_a_cancelled_check_ends_its_session(watcher: Watcher, server: Charon) -> None:
    """The check waits for an inner address that nobody has."""
    began = len(server.log.read_text())

    async def cancel_when_established(check: asyncio.Task[object]) -> None:
        await until(lambda: "CHILD_SA net" in server.log.read_text()[began:])
        check.cancel()

    with pytest.raises(asyncio.CancelledError):
        watcher.look(by_secret(), tunnel=True, ping="10.99.7.7", timeout="9s", beside=cancel_when_established)
    deadline = time.monotonic() + 60
    while server.sessions() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.sessions() == ""


@pytest.mark.thorough
def test_a_server_that_wants_a_child_sa_gets_a_request_for_one(watcher: Watcher, server: Charon) -> None:
    """Without RFC 6023, IKE_AUTH needs one, also where no data is sent."""
    server.load(only_by_secret().replace("version = 2", "version = 2\n    childless = never"))
    outcome = watcher.look(by_secret())
    server.load(configuration())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY, outcome.diagnosis
    assert "both sides are authenticated, with a CHILD_SA" in " ".join(outcome.diagnosis.evidence)
    assert server.sessions() == ""


@pytest.mark.parametrize("fragmentation", default_run(["yes"], ["no", "yes"]))
def test_a_long_certificate_arrives_whole_and_in_fragments(
    watcher: Watcher, server: Charon, fragmentation: str
) -> None:
    server.load(configuration().replace("fragmentation = no", f"fragmentation = {fragmentation}"))
    settings = by_secret(
        local_id=f"long.{MONITOR}", more=f'ca_file = "ecdsa-ca.pem"\nremote_id = "long.{SERVER}"\n'
    )
    outcome = watcher.look(settings)
    server.load(configuration())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY, outcome.diagnosis
    received = [each.data for each in outcome.check.exchange if each.direction is Direction.RECEIVED]
    assert (max(map(len, received)) > 4000) == (fragmentation == "no")


def test_ipv6_works_too(watcher: Watcher) -> None:
    outcome = watcher.look(by_secret(), endpoint=f"[{SERVER_V6}]:500", tunnel=True, ping="10.77.2.2")
    assert outcome.diagnosis.verdict is Verdict.HEALTHY, outcome.diagnosis


@pytest.mark.thorough
@pytest.mark.parametrize("encryption", ["aes256gcm16", "aes128gcm16", "chacha20poly1305", "aes256-sha512"])
@pytest.mark.parametrize(
    "group", ["curve25519", "ecp256", "ecp384", "ecp521", "modp2048", "modp3072", "modp4096"]
)
def test_each_group_and_cipher_authenticates(
    path: RoutedPath, server: Charon, tmp_path: Path, encryption: str, group: str
) -> None:
    prf = "" if "sha" in encryption else "-prfsha384"
    words = f"{encryption}{prf}-{group}"
    server.load(only_by_secret(words))
    try:
        outcome = Watcher(path, tmp_path).look(by_secret(more=f'proposals = ["{words}"]'))
    finally:
        server.load(configuration())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY, outcome.diagnosis


@pytest.mark.thorough
def test_a_method_of_eap_that_is_missing_here_is_named(watcher: Watcher, server: Charon) -> None:
    server.load(configuration().replace("auth = eap-mschapv2", "auth = eap-md5"))
    outcome = watcher.look(by_password(), explain=True)
    server.load(configuration())
    assert outcome.diagnosis.verdict is Verdict.UNPROVEN, outcome.diagnosis
    assert outcome.diagnosis.causes[0].cause == "the server wants EAP-MD5, and wgmon-tui has EAP-MSCHAPv2"
    assert outcome.diagnosis.causes[0].proven


@pytest.mark.thorough
def test_a_signature_with_the_newer_padding_of_rsa_is_verified(watcher: Watcher, server: Charon) -> None:
    """RSASSA-PSS, which RFC 7427 allows beside PKCS #1."""
    own = "certs = rsa-server.pem"
    server.load(configuration().replace(f"auth = pubkey\n      {own}", f"auth = rsa/pss-sha256\n      {own}"))
    outcome = watcher.look(by_certificate("rsa"))
    server.load(configuration())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY, outcome.diagnosis
    assert f"authentication of 'rsa.{SERVER}' (myself) with RSA_EMSA_PSS" in server.log.read_text()
