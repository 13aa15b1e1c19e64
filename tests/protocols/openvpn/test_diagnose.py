"""The diagnosis: a row for each verdict, and no cause that the evidence disproves."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.context_evidence import WorkedUntil
from wgmon_tui.checks.evidence import (
    Evidence,
    IcmpError,
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
    Stage,
    StageOutcome,
)
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.diagnose import diagnose
from wgmon_tui.protocols.openvpn.events import NOT_OPENVPN, UNAUTHENTIC
from wgmon_tui.protocols.openvpn.observations import observe
from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout
from wgmon_tui.protocols.openvpn.profile import Wrapper, WrapperKind

SERVER = Server(name="vpn", endpoint=Endpoint("192.0.2.7", 1194), protocol="openvpn")
ORDER = (REACH, RESET, TLS, KEY_EXCHANGE, AUTHENTICATE, PUSH_REPLY, TUNNEL)
ANSWERED = observe(seen.ANSWERED, "tls-auth", "udp", at=0.01)
TELLS_TIME = observe(seen.ANSWERED, "tls-auth", "udp", "2", at=0.01)
PUSHED = observe(seen.PUSHED, "10.8.0.2/24", "AES-256-GCM", "7")
DATA = Tunnel(3, 3, 0.02, 1500, passive=False)
NO_DATA = Tunnel(3, 0, None, None, passive=False)
PATH_WORKS = observe(seen.STILL_ANSWERS, seen.LARGE)
SILENT = observe(seen.SILENT_IN, KEY_EXCHANGE, "", "", "hello")
EXPIRED = observe(seen.DATES, "client", "CN=monitor", "expired", "2026-01-01")


def stages(failed: str = "") -> tuple[Stage, ...]:
    """All stages until one failed."""
    until = ORDER.index(failed) if failed else len(ORDER)
    passed = tuple(Stage(name, StageOutcome.PASSED, 0.01) for name in ORDER[:until])
    return (*passed, Stage(failed, StageOutcome.FAILED)) if failed else passed


def check(
    *evidence: Evidence,
    failed: str = "",
    wrapping: WrapperKind = WrapperKind.TLS_AUTH,
    tunnel: Tunnel | None = None,
    is_tcp: bool = False,
) -> Check:
    """A check whose reset was answered, unless it failed there."""
    is_answered = failed not in (REACH, RESET)
    return Check(
        "vpn",
        "local",
        SERVER.endpoint,
        ip_address("192.0.2.7"),
        0.0,
        Handshake(0.01) if is_answered else None,
        evidence,
        tunnel=tunnel,
        stages=stages(failed),
        protocol="openvpn",
        framing=str(PacketLayout.of(Wrapper(wrapping), is_tcp=is_tcp)),
    )


def words(found: Diagnosis) -> list[str]:
    return [each.cause for each in found.causes]


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


@pytest.mark.parametrize("wrapping", list(WrapperKind))
def test_silence_alone_proves_nothing(wrapping: WrapperKind) -> None:
    found = diagnose(check(Silence(5.0), failed=RESET, wrapping=wrapping), SERVER, ())

    assert len(found.causes) > 1
    assert not any(each.proven for each in found.causes)


def test_an_answer_to_a_variation_proves_its_cause_and_drops_the_others() -> None:
    proof = observe(seen.VARIATION, "key-direction", "1", "0", from_experiment=True)

    found = diagnose(check(Silence(5.0), failed=RESET), SERVER, (proof,))

    assert words(found) == ["the server expects key-direction 1; the profile has 0"]
    assert found.causes[0].proven


def test_what_was_tried_in_vain_is_no_cause() -> None:
    tried = observe(seen.NO_VARIATION, "proto", "wrapping", "key-direction", "auth")

    found = diagnose(check(Silence(5.0), tried, failed=RESET), SERVER, ())

    hypotheses = {each.hypothesis for each in found.causes}
    assert hypotheses == {"key", "stopped", "firewall", "no-room"}


def test_a_key_that_another_remote_takes_is_no_cause() -> None:
    other = observe(seen.OTHER_REMOTE, "b.example:1194", from_experiment=True)

    found = diagnose(check(Silence(5.0), other, failed=RESET), SERVER, ())

    assert {each.hypothesis for each in found.causes} == {"stopped", "firewall", "proto", "no-room"}


def test_a_key_that_worked_before_is_not_the_first_cause() -> None:
    before = diagnose(check(Silence(5.0), failed=RESET), SERVER, ())
    after = diagnose(check(Silence(5.0), failed=RESET), SERVER, (WorkedUntil(0.0),))

    assert before.causes[0].hypothesis == "key"
    assert after.causes[0].hypothesis == "stopped"


def test_a_closed_port_beside_an_answer_over_tcp_is_the_wrong_transport() -> None:
    closed = IcmpError(0.0, 4, 3, 3, "192.0.2.7", from_target=True, quotes_packet=True)
    proof = observe(seen.VARIATION, "proto", "tcp", "udp")

    found = diagnose(check(closed, proof, failed=RESET), SERVER, ())

    assert found.verdict is Verdict.PORT_CLOSED
    assert words(found) == ["the server expects proto tcp; the profile has udp"]


def test_a_closed_connection_is_no_proof_of_another_program_and_no_loss() -> None:
    made = check(observe(seen.TCP_CLOSED, RESET), Silence(0.1), failed=RESET, is_tcp=True)

    found = diagnose(made, SERVER, (), is_explained_by_loss=True)

    assert found.verdict is Verdict.SILENT
    assert len(found.causes) > 1
    assert not any(each.proven for each in found.causes)


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


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        (("100", "3", "3", "0.02"), Verdict.HEALTHY),
        (("100", "3", "3", "9.0"), Verdict.SLOW),
        (("100", "3", "1", "0.02"), Verdict.LOSSY),
        (("100", "0", "0", ""), Verdict.UNPROVEN),
        (("100",), Verdict.UNPROVEN),
        (("100", "x", "³", "9" * 50), Verdict.UNPROVEN),
    ],
)
def test_the_echoes_of_the_last_full_check_count(values: tuple[str, ...], verdict: Verdict) -> None:
    made = check(ANSWERED, PUSHED, observe(seen.FULL_CHECK, *values))

    assert diagnose(made, SERVER, ()).verdict is verdict


STOPPED = observe(seen.DATA_STOPPED)


@pytest.mark.parametrize(
    ("evidence", "verdict", "hypotheses"),
    [
        ((STOPPED, PATH_WORKS), Verdict.SESSION_REFUSED, ["duplicate-cn", "restarted"]),
        ((observe(seen.ENDED, "RESTART"),), Verdict.SESSION_REFUSED, ["duplicate-cn", "restarted"]),
        ((STOPPED,), Verdict.DATA_DEAD, ["inner-firewall", "path"]),
    ],
    ids=["answers others", "said so", "silent"],
)
def test_a_session_that_ends_while_data_is_tested_is_told(
    evidence: tuple[Evidence, ...], verdict: Verdict, hypotheses: list[str]
) -> None:
    found = diagnose(check(ANSWERED, PUSHED, *evidence, failed=TUNNEL, tunnel=DATA), SERVER, ())

    assert found.verdict is verdict
    assert [each.hypothesis for each in found.causes] == hypotheses


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


def test_remotes_that_are_all_silent_speak_for_something_near_this_machine() -> None:
    asked = observe(seen.NO_OTHER_REMOTE, "b.example:1194", "c.example:443", from_experiment=True)
    made = check(Silence(5.0), asked, failed=RESET, wrapping=WrapperKind.PLAIN)

    found = diagnose(made, SERVER, ())

    assert found.causes[0].hypothesis == "no-remote"
    assert "b.example:1194 and c.example:443" in found.causes[0].why
    assert "no-remote" not in {
        each.hypothesis for each in diagnose(replace(made, evidence=()), SERVER, ()).causes
    }


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
    assert not any("expired" in each.cause or "clock" in each.cause for each in found.causes)


def test_a_chain_that_is_not_whole_is_a_cause_where_no_issuer_is_known() -> None:
    failed = observe(seen.TLS_FAILED, "certificate_verify_failed", "client", "20", "no issuer")
    found = diagnose(check(ANSWERED, failed, failed=TLS), SERVER, ())
    assert "does not send the certificates between" in found.causes[-1].cause


@pytest.mark.parametrize(
    "found",
    [observe(seen.TCP, "connected"), observe(seen.REJECTED, NOT_OPENVPN, "12")],
    ids=lambda each: each.kind,
)
def test_a_port_that_somebody_listens_on_is_neither_closed_nor_filtered(found: Evidence) -> None:
    made = check(found, Silence(5.0), failed=RESET, is_tcp=True)

    hypotheses = {each.hypothesis for each in diagnose(made, SERVER, ()).causes}

    assert hypotheses == {"key", "key-direction", "auth", "no-room", "other-program"}


def test_known_loss_explains_one_silence() -> None:
    found = diagnose(check(Silence(5.0), failed=RESET), SERVER, (), is_explained_by_loss=True)

    assert found.verdict is Verdict.LOSSY


def test_a_summary_without_a_login_says_why_and_how_to_allow_it() -> None:
    found = diagnose(check(ANSWERED, observe(seen.NOT_DEDICATED)), SERVER, ())

    assert "Login and data are not tested" in found.summary
    assert "dedicated = true" in found.causes[0].why
    assert found.causes[0].fix == "./easyrsa build-client-full wgmon-tui nopass"


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


def test_a_cipher_that_is_missing_here_is_no_fault_of_the_server() -> None:
    found = diagnose(check(ANSWERED, PUSHED, observe(seen.UNKNOWN_CIPHER, "BF-CBC")), SERVER, ())

    assert found.verdict is Verdict.UNPROVEN
    assert "BF-CBC" in found.causes[0].why


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


@pytest.mark.parametrize(
    ("fault", "cipher", "cause"),
    [
        ("forged", "AES-256-CBC", "auth"),
        ("forged", "AES-256-GCM", "framing"),
        ("framing", "AES-256-CBC", "framing"),
        ("compressed", "AES-256-GCM", "framing"),
    ],
)
def test_data_that_came_and_is_not_accepted_names_its_cause_first(
    fault: str, cipher: str, cause: str
) -> None:
    pushed = observe(seen.PUSHED, "10.8.0.2/24", cipher, "7")
    rejected = observe(seen.DATA_REJECTED, fault, "3")

    found = diagnose(check(ANSWERED, pushed, rejected, failed=TUNNEL, tunnel=NO_DATA), SERVER, ())

    assert found.verdict is Verdict.DATA_DEAD
    assert found.causes[0].hypothesis == cause


def test_small_packets_that_pass_do_not_hide_that_others_are_not_understood() -> None:
    framing, compressed = (observe(seen.DATA_REJECTED, each, "1") for each in ("framing", "compressed"))

    unread = diagnose(check(ANSWERED, PUSHED, framing, PathMtu(1280, 1500, None), tunnel=DATA), SERVER, ())
    # A client of a profile with compression does read what this one does not.
    read = diagnose(check(ANSWERED, PUSHED, compressed, PathMtu(1280, 1500, None), tunnel=DATA), SERVER, ())

    assert (unread.verdict, read.verdict) == (Verdict.LOSSY, Verdict.HEALTHY)
    assert "compress" in unread.causes[0].cause


def test_a_certificate_that_no_list_covers_is_not_green() -> None:
    missing = observe(seen.NOT_LOOKED_UP, "CN=vpn", "CN=ca")

    found = diagnose(check(ANSWERED, PUSHED, missing, tunnel=DATA), SERVER, ())

    assert found.verdict is Verdict.UNPROVEN
    assert "whether CN=vpn is revoked" in found.summary
    assert found.causes[0].cause == "crl-verify of the profile has no list of CN=ca"


def test_without_a_push_reply_the_pool_is_no_cause() -> None:
    """With an exhausted pool, OpenVPN pushes options without an address."""
    found = diagnose(check(ANSWERED, PATH_WORKS, SILENT, failed=PUSH_REPLY), SERVER, ())

    assert found.verdict is Verdict.SESSION_REFUSED
    assert [each.hypothesis for each in found.causes] == ["script", "disabled"]


def test_what_a_client_obeys_and_a_check_does_not_is_named_beside_healthy() -> None:
    untested = observe(seen.UNTESTED, "verify-hash", "ns-cert-type")

    found = diagnose(check(ANSWERED, PUSHED, untested, tunnel=DATA), SERVER, ())

    assert found.verdict is Verdict.HEALTHY
    assert "Not tested: verify-hash and ns-cert-type of the profile." in found.summary


def test_behind_a_bridge_no_setting_is_advised_that_changes_nothing() -> None:
    nothing = Tunnel(0, 0, None, None, passive=True)
    bridge, alive = observe(seen.BRIDGE), observe(seen.KEEPALIVE_ARRIVED, "1.0")

    found = diagnose(check(ANSWERED, PUSHED, bridge, alive, tunnel=nothing), SERVER, ())

    assert found.verdict is Verdict.UNPROVEN
    assert "bridge" in found.causes[0].cause
    assert "tunnel_ping" not in found.causes[0].fix


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        (("wrapping", "plain", "tls-auth"), "In the profile, remove tls-auth and its key."),
        (("wrapping", "tls-crypt", "tls-auth"), "between <tls-crypt> and </tls-crypt>, instead of tls-auth"),
        (("key-direction", "none", "1"), "In the profile, remove key-direction."),
        (("proto", "tcp", "udp"), "In the profile, write: proto tcp"),
    ],
)
def test_the_fix_of_a_variation_is_a_line_of_a_profile(values: tuple[str, ...], fix: str) -> None:
    found = diagnose(check(observe(seen.VARIATION, *values), failed=RESET), SERVER, ())

    assert fix in found.causes[0].fix


def test_a_name_that_is_only_a_part_of_the_subject_has_its_word() -> None:
    mismatch = observe(seen.MISMATCH, "verify-x509-name", "vpn", "C=DE, CN=vpn")

    found = diagnose(check(ANSWERED, mismatch, failed=TLS), SERVER, ())

    assert found.causes[0].fix == 'In the profile, write: verify-x509-name "vpn" name'


def test_an_offer_that_the_server_refuses_is_a_proven_mismatch() -> None:
    refused = observe(seen.OFFER_REFUSED, "tls-groups", from_experiment=True)

    found = diagnose(check(ANSWERED, refused, failed=TLS), SERVER, ())

    assert found.verdict is Verdict.CIPHER_MISMATCH
    (cause,) = found.causes
    assert cause.proven
    assert "tls-groups of the profile and of the server have nothing in common" in cause.cause
