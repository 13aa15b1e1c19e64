"""Sessions that the server ends: what it refuses, and what only looks like a refusal."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.protocols.openvpn.sample_checks import (
    ANSWERED,
    EXPIRED,
    PATH_WORKS,
    SERVER,
    SILENT,
    TELLS_TIME,
    check,
)
from tests.protocols.openvpn.test_certificates import profile_with
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.stage import AUTHENTICATE, KEY_EXCHANGE, PUSH_REPLY, TLS
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.diagnose import diagnose
from wgmon_tui.protocols.openvpn.events import MALFORMED_KEYS, ResetAnswered
from wgmon_tui.protocols.openvpn.login import problems_at_server
from wgmon_tui.protocols.openvpn.observations import observe


def test_an_expired_client_certificate_comes_first() -> None:
    made = check(ANSWERED, EXPIRED, SILENT, PATH_WORKS, failed=KEY_EXCHANGE)

    assert diagnose(made, SERVER, ()).causes[0].hypothesis == "client-dates"


def test_a_server_that_never_began_tls_has_not_seen_the_client_certificate() -> None:
    silent = observe(seen.SILENT_IN, TLS, "", "", "")
    made = check(ANSWERED, EXPIRED, silent, PATH_WORKS, failed=TLS)

    assert [each.hypothesis for each in diagnose(made, SERVER, ()).causes] == ["tls-parameters"]


@pytest.mark.parametrize(
    ("reason", "who", "stage", "hypotheses"),
    [
        ("sslv3_alert_certificate_expired", "server", KEY_EXCHANGE, ["client-dates"]),
        ("sslv3_alert_certificate_revoked", "server", TLS, ["client-certificate"]),
        ("tlsv1_alert_unknown_ca", "server", KEY_EXCHANGE, ["client-certificate"]),
        ("tlsv13_alert_certificate_required", "server", KEY_EXCHANGE, ["no-certificate"]),
        ("tlsv1_alert_protocol_version", "server", TLS, ["tls-parameters"]),
        ("sslv3_alert_handshake_failure", "server", TLS, ["tls-parameters"]),
        ("sslv3_alert_handshake_failure", "server", KEY_EXCHANGE, ["client-certificate", "server-list"]),
        ("unsupported_protocol", "client", TLS, ["tls-parameters"]),
        ("bad_record_type", "client", TLS, ["damaged-tls"]),
        (MALFORMED_KEYS, "client", KEY_EXCHANGE, ["damaged-tls"]),
    ],
)
def test_an_alert_says_what_the_server_refuses(
    reason: str, who: str, stage: str, hypotheses: list[str]
) -> None:
    made = check(ANSWERED, observe(seen.TLS_FAILED, reason, who, "", ""), failed=stage)

    found = diagnose(made, SERVER, ())

    assert [each.hypothesis for each in found.causes] == hypotheses
    is_told = "handshake_failure" not in reason and who == "server"
    assert all(each.proven is is_told for each in found.causes)


CHAIN_EXPIRED = replace(EXPIRED, values=("client chain", *EXPIRED.values[1:]))
NOT_YET_VALID = replace(EXPIRED, values=(*EXPIRED.values[:2], "early", "2026-01-01"))


def cause_of_expiry(answered: Evidence, *of_profile: Evidence) -> Cause:
    """What the server means by its alert that something has expired."""
    alert = observe(seen.TLS_FAILED, "sslv3_alert_certificate_expired", "server", "", "")
    (cause,) = diagnose(check(answered, *of_profile, alert, failed=KEY_EXCHANGE), SERVER, ()).causes
    assert cause.proven
    return cause


def test_what_expired_there_is_what_expired_here_if_the_clocks_agree() -> None:
    cause = cause_of_expiry(TELLS_TIME, EXPIRED)
    assert cause.cause == "the client certificate of the profile is not valid now"
    assert "expired on 2026-01-01" in cause.why


@pytest.mark.parametrize(
    ("of_profile", "is_told"),
    [((EXPIRED,), True), ((), False), ((NOT_YET_VALID,), False), ((EXPIRED, CHAIN_EXPIRED), False)],
    ids=["expired here too", "valid here", "not valid yet", "two of them"],
)
def test_without_the_clock_of_the_server_it_may_be_the_servers_list(
    of_profile: tuple[Evidence, ...], is_told: bool
) -> None:
    cause = cause_of_expiry(ANSWERED, *of_profile)
    assert "the server's revocation list has expired there" in cause.cause
    assert ("expired on 2026-01-01" in cause.why) is is_told


HEARD = replace(SILENT, values=(KEY_EXCHANGE, "acknowledged", "", "hello"))


SMALL_RESET = observe(seen.STILL_ANSWERS)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ((SILENT, SMALL_RESET), Verdict.SILENT),
        ((EXPIRED, SILENT, SMALL_RESET), Verdict.SILENT),
        ((SILENT, PATH_WORKS), Verdict.AUTH_FAILED),
        ((HEARD, SMALL_RESET), Verdict.AUTH_FAILED),
    ],
)
def test_the_size_of_packets_is_a_cause_until_a_large_one_arrived(
    evidence: tuple[Evidence, ...], verdict: Verdict
) -> None:
    found = diagnose(check(TELLS_TIME, *evidence, failed=KEY_EXCHANGE), SERVER, ())

    assert ("mtu" in {each.hypothesis for each in found.causes}) is (verdict is Verdict.SILENT)
    assert found.verdict is verdict


def test_an_alert_after_the_first_answer_of_tls_is_about_the_client() -> None:
    alert = observe(seen.TLS_FAILED, "sslv3_alert_handshake_failure", "server", "", "", "hello")

    found = diagnose(check(ANSWERED, alert, failed=TLS), SERVER, ())

    assert found.verdict is Verdict.AUTH_FAILED
    assert [each.hypothesis for each in found.causes] == ["client-certificate", "server-list"]


@pytest.mark.parametrize(
    ("reason", "who", "verdict"),
    [
        ("sslv3_alert_certificate_expired", "server", Verdict.BAD_CERTIFICATE),
        ("sslv3_alert_certificate_revoked", "server", Verdict.AUTH_FAILED),
        ("tlsv13_alert_certificate_required", "server", Verdict.AUTH_FAILED),
        ("tlsv1_alert_protocol_version", "server", Verdict.CIPHER_MISMATCH),
        ("unsupported_protocol", "client", Verdict.CIPHER_MISMATCH),
        ("bad_record_type", "client", Verdict.WRONG_PROTOCOL),
    ],
)
def test_the_verdict_is_what_the_alert_is_about(reason: str, who: str, verdict: Verdict) -> None:
    made = check(ANSWERED, observe(seen.TLS_FAILED, reason, who), failed=TLS)

    assert diagnose(made, SERVER, ()).verdict is verdict


@pytest.mark.parametrize(
    ("answered", "verdict"),
    [
        (ANSWERED, Verdict.AUTH_FAILED),
        (TELLS_TIME, Verdict.BAD_CERTIFICATE),
        (replace(TELLS_TIME, values=("tls-crypt", "udp", "-86400")), Verdict.AUTH_FAILED),
    ],
    ids=["no clock", "same clock", "another clock"],
)
def test_an_expired_client_certificate_is_proven_by_the_clock_of_the_server(
    answered: Evidence, verdict: Verdict
) -> None:
    made = check(answered, EXPIRED, SILENT, PATH_WORKS, failed=KEY_EXCHANGE)

    found = diagnose(made, SERVER, ())

    assert found.verdict is verdict
    assert found.causes[0].proven is (verdict is Verdict.BAD_CERTIFICATE)
    assert found.causes[0].hypothesis == "client-dates"


AT_SERVER = observe(seen.DATES, "client at the server", "CN=monitor", "expired", "2026-01-01")
AHEAD = replace(TELLS_TIME, values=("tls-crypt", "udp", "63072000"))


def test_the_clock_of_a_server_that_takes_the_certificate_for_an_old_one_is_the_only_cause() -> None:
    found = diagnose(check(AHEAD, AT_SERVER, SILENT, PATH_WORKS, failed=KEY_EXCHANGE), SERVER, ())

    (cause,) = found.causes
    assert cause.cause.startswith("the clock of the server")
    assert "730 d ahead" in cause.why
    assert cause.proven


@pytest.mark.parametrize(("answered", "is_cause"), [(ANSWERED, True), (TELLS_TIME, False), (AHEAD, False)])
def test_the_clock_of_a_server_is_a_cause_until_it_tells_its_time(
    answered: Evidence, *, is_cause: bool
) -> None:
    found = diagnose(check(answered, SILENT, PATH_WORKS, failed=KEY_EXCHANGE), SERVER, ())

    assert ("server-clock" in {each.hypothesis for each in found.causes}) is is_cause


@pytest.mark.parametrize(("ahead_s", "count"), [(0, 0), (60 * 86400, 1), (-60 * 86400, 1)])
def test_the_certificate_is_compared_with_the_clock_that_the_server_tells(ahead_s: int, count: int) -> None:
    told = ResetAnswered(0.1, int(time.time()) + ahead_s)

    assert len(problems_at_server([told], profile_with())) == count


def test_a_reply_without_an_address_waits_for_no_script() -> None:
    made = check(ANSWERED, observe(seen.PUSHED, "no address", "AES-256-GCM", "7"), failed=PUSH_REPLY)

    assert [each.hypothesis for each in diagnose(made, SERVER, ()).causes] == ["pool", "no-address"]


def test_a_password_in_the_profile_is_not_missing() -> None:
    having = replace(SILENT, values=(KEY_EXCHANGE, "", "password", "hello"))

    found = diagnose(check(ANSWERED, having, PATH_WORKS, failed=KEY_EXCHANGE), SERVER, ())

    assert "no-password" not in {each.hypothesis for each in found.causes}


def test_a_password_that_was_not_sent_is_not_called_wrong() -> None:
    without = observe(seen.AUTH_FAILED, "refused", "", seen.WITHOUT_PASSWORD)
    sent = observe(seen.AUTH_FAILED, "refused", "")

    causes = [
        [each.cause for each in diagnose(check(ANSWERED, one, failed=AUTHENTICATE), SERVER, ()).causes]
        for one in (without, sent)
    ]

    assert "the user or the password is wrong" not in causes[0]
    assert "the server demands a user and a password, and the profile has none" in causes[0]
    assert causes[1][0] == "the user or the password is wrong"


@pytest.mark.parametrize(
    ("word", "verdict", "hypotheses"),
    [
        (seen.CONNECTED, Verdict.CIPHER_MISMATCH, ["tls-parameters"]),
        ("silent", Verdict.SILENT, ["no-room", "mtu", "tls-dropped"]),
    ],
)
def test_the_widest_offer_of_tls_proves_or_disproves_its_parameters(
    word: str, verdict: Verdict, hypotheses: list[str]
) -> None:
    silent, offer = observe(seen.SILENT_IN, TLS, "", "", ""), observe(seen.ANY_TLS, word)

    found = diagnose(check(ANSWERED, silent, PATH_WORKS, offer, failed=TLS), SERVER, ())

    assert found.verdict is verdict
    is_proven = verdict is Verdict.CIPHER_MISMATCH
    assert [(each.hypothesis, each.proven) for each in found.causes] == [
        (each, is_proven) for each in hypotheses
    ]


def test_a_key_of_tls_crypt_v2_may_be_refused_after_the_reset() -> None:
    answered = observe(seen.ANSWERED, "tls-crypt-v2", "udp", "0", at=0.01)
    silent, offer = observe(seen.SILENT_IN, TLS, "", "", ""), observe(seen.ANY_TLS, "silent")

    found = diagnose(check(answered, silent, PATH_WORKS, offer, failed=TLS), SERVER, ())

    assert [each.hypothesis for each in found.causes] == ["client-key", "no-room", "mtu", "tls-dropped"]
