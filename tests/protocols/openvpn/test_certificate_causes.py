"""Causes of a certificate of OpenVPN's server that is not accepted."""

from __future__ import annotations

import pytest

from tests.protocols.openvpn.sample_checks import ANSWERED, DATA, PUSHED, SERVER, check
from wgmon_tui.checks.stage import (
    TLS,
)
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.diagnose import diagnose
from wgmon_tui.protocols.openvpn.observations import observe

EXPIRED_SERVER = observe(seen.TLS_FAILED, "certificate_verify_failed", "client", "10", "has expired")


@pytest.mark.parametrize(
    ("ahead", "hypotheses"),
    [([], ["", "clock"]), (["2"], [""]), (["-86400"], ["clock", ""]), (["nonsense"], ["", "clock"])],
)
def test_the_clock_is_a_cause_only_where_the_server_does_not_tell_the_same_time(
    ahead: list[str], hypotheses: list[str]
) -> None:
    answered = observe(seen.ANSWERED, "tls-auth", "udp", *ahead)

    found = diagnose(check(answered, EXPIRED_SERVER, failed=TLS), SERVER, ())

    assert [each.hypothesis for each in found.causes] == hypotheses


def test_a_certificate_that_is_not_trusted_is_called_unverified() -> None:
    shown = observe(seen.UNVERIFIED, "CN=vpn", "CN=Another CA", "2026-11-28")

    found = diagnose(check(ANSWERED, EXPIRED_SERVER, shown, failed=TLS), SERVER, ())

    assert "shows, unverified, the certificate CN=vpn" in next(
        each.why for each in found.causes if "expired" in each.cause
    )


OLD_AUTHORITY = observe(seen.DATES, "authority", "CN=Old CA", "expired", "2026-01-01")


@pytest.mark.parametrize(
    ("shown", "cause"),
    [
        (("server", "CN=vpn"), "the certificate of the server has expired"),
        (("server chain", "CN=Between"), "a certificate between those of the server and of its authority"),
        (("server chain", "CN=Old CA"), "the certificate of the authority has expired"),
    ],
)
def test_the_certificate_of_the_chain_that_expired_is_the_cause(shown: tuple[str, str], cause: str) -> None:
    dates = observe(seen.DATES, *shown, "expired", "2026-01-01")
    found = diagnose(check(ANSWERED, OLD_AUTHORITY, EXPIRED_SERVER, dates, failed=TLS), SERVER, ())
    assert found.causes[0].cause.startswith(cause)
    assert [each.hypothesis for each in found.causes] == ["", "clock"]


@pytest.mark.parametrize("code", ["19", "20", "23", "26"])
def test_an_authority_that_expired_explains_no_certificate_with_valid_dates(code: str) -> None:
    failed = observe(seen.TLS_FAILED, "certificate_verify_failed", "client", code, "not accepted")
    found = diagnose(check(ANSWERED, OLD_AUTHORITY, failed, failed=TLS), SERVER, ())
    assert found.causes
    assert not any("expired" in each.cause or "clock" in each.cause for each in found.causes)


def test_a_chain_that_is_not_whole_is_a_cause_where_no_issuer_is_known() -> None:
    failed = observe(seen.TLS_FAILED, "certificate_verify_failed", "client", "20", "no issuer")
    found = diagnose(check(ANSWERED, failed, failed=TLS), SERVER, ())
    assert "does not send the certificates between" in found.causes[-1].cause


@pytest.mark.parametrize(
    ("code", "cause", "is_proven"),
    [
        ("23", "the certificate of the server, or of an authority above it, is revoked", True),
        ("12", "the revocation list of the profile has expired", True),
        ("11", "the clock of this machine is wrong", False),
        ("8", "the revocation list of the profile is of another authority", True),
    ],
)
def test_a_revocation_list_names_what_it_says(code: str, cause: str, is_proven: bool) -> None:
    failed = observe(seen.TLS_FAILED, seen.REVOCATION, "client", code, "it is so: CN=x", "hello")

    found = diagnose(check(ANSWERED, failed, failed=TLS), SERVER, ())

    assert found.verdict is Verdict.BAD_CERTIFICATE
    assert (found.causes[0].cause, found.causes[0].proven) == (cause, is_proven)
    assert "OpenSSL" not in found.causes[0].why


def test_a_certificate_that_no_list_covers_is_not_green() -> None:
    missing = observe(seen.NOT_LOOKED_UP, "CN=vpn", "CN=ca")

    found = diagnose(check(ANSWERED, PUSHED, missing, tunnel=DATA), SERVER, ())

    assert found.verdict is Verdict.UNPROVEN
    assert "whether CN=vpn is revoked" in found.summary
    assert found.causes[0].cause == "crl-verify of the profile has no list of CN=ca"


def test_a_name_that_is_only_a_part_of_the_subject_has_its_word() -> None:
    mismatch = observe(seen.MISMATCH, "verify-x509-name", "vpn", "C=DE, CN=vpn")

    found = diagnose(check(ANSWERED, mismatch, failed=TLS), SERVER, ())

    assert found.causes[0].fix == 'In the profile, write: verify-x509-name "vpn" name'
