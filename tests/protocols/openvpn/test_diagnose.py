"""The diagnosis: a row for each verdict, and no cause that the evidence disproves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.openvpn.sample_checks import (
    ANSWERED,
    DATA,
    NO_DATA,
    ORDER,
    PATH_WORKS,
    PUSHED,
    SERVER,
    SILENT,
    check,
)
from wgmon_tui.checks.check import Check, Tunnel
from wgmon_tui.checks.evidence import (
    Evidence,
    PathMtu,
    Silence,
)
from wgmon_tui.checks.stage import (
    AUTHENTICATE,
    KEY_EXCHANGE,
    PUSH_REPLY,
    REACH,
    RESET,
    TLS,
    TUNNEL,
)
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.diagnose import diagnose
from wgmon_tui.protocols.openvpn.events import NOT_OPENVPN, UNAUTHENTIC
from wgmon_tui.protocols.openvpn.observations import observe

LAST_ROWS = [
    (check(Silence(5.0), failed=RESET), Verdict.SILENT),
    (check(observe(seen.TCP, "refused"), failed=REACH, is_tcp=True), Verdict.PORT_CLOSED),
    (
        check(
            observe(seen.REJECTED, UNAUTHENTIC, "54"),
            failed=RESET,
        ),
        Verdict.PSK_MISMATCH,
    ),
    (
        check(observe(seen.REJECTED, NOT_OPENVPN, "12"), failed=RESET),
        Verdict.WRONG_PROTOCOL,
    ),
    (check(ANSWERED, observe(seen.SETTINGS, "cert or key: bad"), failed=TLS), Verdict.MISCONFIGURED),
    (
        check(
            ANSWERED,
            observe(
                seen.TLS_FAILED,
                "certificate_verify_failed",
                "client",
                "10",
                "certificate has expired",
            ),
            failed=TLS,
        ),
        Verdict.BAD_CERTIFICATE,
    ),
    (
        check(ANSWERED, observe(seen.MISMATCH, "verify-x509-name", "vpn", "other"), failed=TLS),
        Verdict.BAD_CERTIFICATE,
    ),
    (
        check(
            ANSWERED,
            observe(seen.MISMATCH, "data-ciphers", "AES-256-GCM", "BF-CBC"),
            failed=PUSH_REPLY,
        ),
        Verdict.CIPHER_MISMATCH,
    ),
    (
        check(
            ANSWERED,
            observe(seen.TLS_FAILED, "sslv3_alert_certificate_unknown", "server", "", ""),
            failed=KEY_EXCHANGE,
        ),
        Verdict.AUTH_FAILED,
    ),
    (check(ANSWERED, SILENT, failed=KEY_EXCHANGE), Verdict.SILENT),
    (
        check(ANSWERED, SILENT, PATH_WORKS, failed=KEY_EXCHANGE),
        Verdict.AUTH_FAILED,
    ),
    (
        check(ANSWERED, observe(seen.TCP_CLOSED, KEY_EXCHANGE, "", "", "hello"), failed=KEY_EXCHANGE),
        Verdict.AUTH_FAILED,
    ),
    (
        check(ANSWERED, observe(seen.AUTH_FAILED, "refused", ""), failed=AUTHENTICATE),
        Verdict.AUTH_FAILED,
    ),
    (
        check(ANSWERED, observe(seen.AUTH_FAILED, "challenge", "code?"), failed=AUTHENTICATE),
        Verdict.AUTH_FAILED,
    ),
    (
        check(ANSWERED, observe(seen.AUTH_FAILED, "cipher", "none"), failed=AUTHENTICATE),
        Verdict.CIPHER_MISMATCH,
    ),
    (check(ANSWERED, observe(seen.AUTH_PENDING, "OTP"), failed=AUTHENTICATE), Verdict.AUTH_FAILED),
    (
        check(ANSWERED, replace(SILENT, values=(PUSH_REPLY,)), failed=PUSH_REPLY),
        Verdict.SILENT,
    ),
    (
        check(ANSWERED, replace(SILENT, values=(PUSH_REPLY, "acknowledged")), failed=PUSH_REPLY),
        Verdict.SESSION_REFUSED,
    ),
    (
        check(ANSWERED, observe(seen.ENDED, "RESTART", "full"), failed=PUSH_REPLY),
        Verdict.SESSION_REFUSED,
    ),
    (
        check(ANSWERED, observe(seen.PUSHED, "no address", "AES-256-GCM", "7"), failed=PUSH_REPLY),
        Verdict.SESSION_REFUSED,
    ),
    (check(observe(seen.TCP_CLOSED, RESET), Silence(0.1), failed=RESET, is_tcp=True), Verdict.SILENT),
    (
        check(ANSWERED, PUSHED, failed=TUNNEL, tunnel=NO_DATA),
        Verdict.DATA_DEAD,
    ),
    (
        check(
            ANSWERED,
            PUSHED,
            observe(seen.KEEPALIVE_ARRIVED, "1.0"),
            failed=TUNNEL,
            tunnel=NO_DATA,
        ),
        Verdict.INNER_DEAD,
    ),
    (check(ANSWERED, PUSHED, PathMtu(1280, 0, 1280), tunnel=DATA), Verdict.MTU_BLACKHOLE),
    (check(ANSWERED, PUSHED, tunnel=replace(DATA, received=1)), Verdict.LOSSY),
    (check(ANSWERED, PUSHED, tunnel=Tunnel(0, 0, None, None, passive=True)), Verdict.UNPROVEN),
    (check(ANSWERED, observe(seen.NOT_DEDICATED)), Verdict.UNPROVEN),
    (check(ANSWERED, observe(seen.IN_USE, "77")), Verdict.UNPROVEN),
    (check(ANSWERED), Verdict.UNPROVEN),
    (check(ANSWERED, PUSHED, tunnel=replace(DATA, rtt=9.0)), Verdict.SLOW),
    (check(ANSWERED, PUSHED, tunnel=DATA), Verdict.HEALTHY),
]


@pytest.mark.parametrize(("made", "verdict"), LAST_ROWS, ids=lambda each: getattr(each, "slug", ""))
def test_evidence_has_its_verdict(made: Check, verdict: Verdict) -> None:
    found = diagnose(made, SERVER, ())

    assert found.verdict is verdict
    assert found.failed_stage == (made.failed_stage.name if made.failed_stage else "")
    assert found.summary.endswith(".")


def test_only_data_from_the_server_makes_it_healthy() -> None:
    for made, verdict in LAST_ROWS:
        if verdict.severity is Severity.UP:
            assert made.tunnel is not None
            assert made.tunnel.received > 0


@pytest.mark.parametrize(
    ("evidence", "failed"),
    [
        ((PUSHED,), ""),
        ((observe(seen.AUTH_FAILED, "refused", "no"),), AUTHENTICATE),
        ((PUSHED,), TUNNEL),
    ],
    ids=["healthy", "refused", "dead"],
)
def test_what_an_earlier_login_found_carries_its_age(evidence: tuple[Evidence, ...], failed: str) -> None:
    marked = observe(seen.FULL_CHECK, "1000", "3", "3", "0.02")
    now, later = (
        check(ANSWERED, *evidence, failed=failed, tunnel=DATA),
        check(ANSWERED, *evidence, marked, failed=failed),
    )

    assert diagnose(replace(later, started_at=1042.0), SERVER, ()).summary.endswith("The login was 42 s ago.")
    assert "ago" not in diagnose(now, SERVER, ()).summary


def test_a_summary_without_a_login_says_why_and_how_to_allow_it() -> None:
    found = diagnose(check(ANSWERED, observe(seen.NOT_DEDICATED)), SERVER, ())

    assert "Login and data are not tested" in found.summary
    assert "dedicated = true" in found.causes[0].why
    assert found.causes[0].fix == "on the machine of the authority: ./easyrsa build-client-full wgmon nopass"


def test_text_of_a_server_cannot_reach_the_terminal_as_it_is() -> None:
    made = check(ANSWERED, observe(seen.AUTH_FAILED, "refused", "no\x1b[2J"), failed=AUTHENTICATE)

    found = diagnose(made, SERVER, ())

    shown = " ".join([found.summary, *found.evidence, *(each.why for each in found.causes)])
    assert "\x1b" not in shown


KINDS = [value for name, value in vars(seen).items() if name.isupper() and isinstance(value, str)]
VALUES = st.lists(
    st.one_of(st.text(max_size=12), st.sampled_from(["", "10", *ORDER, "refused", "cipher"])), max_size=5
)
OBSERVED = st.builds(observe, st.sampled_from(KINDS)).flatmap(
    lambda each: VALUES.map(lambda values: replace(each, values=tuple(values)))
)


@given(st.lists(OBSERVED, max_size=6), st.sampled_from(["", *ORDER]), st.booleans())
def test_evidence_of_another_machine_may_have_any_values(
    evidence: list[Evidence], failed: str, has_tunnel: bool
) -> None:
    made = check(*evidence, failed=failed, tunnel=DATA if has_tunnel else None)

    found = diagnose(made, SERVER, ())

    assert found.summary
    if found.verdict is Verdict.HEALTHY:
        assert failed == ""
        assert has_tunnel or any(each.kind == seen.FULL_CHECK for each in evidence)  # type: ignore[union-attr]


def test_what_a_client_obeys_and_a_check_does_not_is_named_beside_healthy() -> None:
    untested = observe(seen.UNTESTED, "verify-hash", "ns-cert-type")

    found = diagnose(check(ANSWERED, PUSHED, untested, tunnel=DATA), SERVER, ())

    assert found.verdict is Verdict.HEALTHY
    assert "Not tested: verify-hash and ns-cert-type of the profile." in found.summary


def test_an_offer_that_the_server_refuses_is_a_proven_mismatch() -> None:
    refused = observe(seen.OFFER_REFUSED, "tls-groups", from_experiment=True)

    found = diagnose(check(ANSWERED, refused, failed=TLS), SERVER, ())

    assert found.verdict is Verdict.CIPHER_MISMATCH
    (cause,) = found.causes
    assert cause.proven
    assert "tls-groups of the profile and of the server have nothing in common" in cause.cause
