"""Verdicts and causes from evidence alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import CookieDemanded, Evidence, IcmpError, InnerEcho, InnerHop, Silence
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.evidence_kinds import EvidenceKind, make_evidence
from wgmon_tui.protocols.ikev2.protocol import PROTOCOL

BY_SECRET = 'dedicated = true\nlocal_id = "monitor.test"\nsecret = "secret"\n'
BY_PASSWORD = 'dedicated = true\neap_user = "monitor"\neap_password = "secret"\nremote_id = "gate.test"\n'
SA_INIT = make_evidence(EvidenceKind.SA_INIT, "aes256gcm16-prfsha384-ecp384", "fragments", at=0.01)
PROVEN = make_evidence(EvidenceKind.SERVER_PROVEN, "gate.test", "certificate", at=0.02)
CHILDLESS = make_evidence(EvidenceKind.ESTABLISHED, "childless", at=0.02)
CHILD = make_evidence(EvidenceKind.ESTABLISHED, "child", at=0.02)
REFUSED = make_evidence(EvidenceKind.REFUSED, "IKE_AUTH", "AUTHENTICATION_FAILED", at=0.02)
UNANSWERED = make_evidence(EvidenceKind.UNANSWERED, "IKE_AUTH", "1700", "5", at=5.0)
ANSWERED = Handshake(0.01)


def server(settings: str = BY_SECRET, *, tunnel: bool = False, port: int = 500) -> Server:
    entry = f'[[server]]\nname = "gate"\nprotocol = "ikev2"\nendpoint = "gate.test:{port}"\n'
    return parse(f"{entry}tunnel = {str(tunnel).lower()}\n[server.ikev2]\n{settings}").servers[0]


def diagnose(
    *evidence: Evidence,
    of: Server | None = None,
    handshake: Handshake | None = None,
    standing: Sequence[Evidence] = (),
) -> Diagnosis:
    own = of or server()
    check = Check(
        own.name, "local", Endpoint("gate.test", 500), None, 0.0, handshake, evidence, protocol="ikev2"
    )
    return PROTOCOL.diagnose(check, own, standing=standing)


def rejected(fault: str, detail: str = "", chain_fault: str = "") -> Evidence:
    return make_evidence(EvidenceKind.SERVER_REJECTED, fault, detail, chain_fault, at=0.02)


def experiment(kind: EvidenceKind, *values: str) -> Evidence:
    return make_evidence(kind, *values, from_experiment=True)


ROWS: dict[str, tuple[Diagnosis, Verdict, str, str]] = {
    "both sides proved": (
        diagnose(SA_INIT, PROVEN, CHILDLESS, handshake=ANSWERED),
        Verdict.HEALTHY,
        "",
        "gate.test proved itself by certificate",
    ),
    "cookie": (
        diagnose(CookieDemanded(0.0), SA_INIT, PROVEN, CHILDLESS, handshake=Handshake(0.01, 0, True)),
        Verdict.UNDER_LOAD,
        "",
        "cookies",
    ),
    "slow": (diagnose(SA_INIT, PROVEN, CHILDLESS, handshake=Handshake(0.9)), Verdict.SLOW, "", "limit"),
    "echoes": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            InnerEcho("10.9.0.1", 1, 1, 0.02),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.HEALTHY,
        "",
        "Data came back",
    ),
    "no echo": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            InnerEcho("10.9.0.1", 3, 0, None),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.DATA_DEAD,
        "tunnel",
        "10.9.0.1",
    ),
    "ended by the server": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            make_evidence(EvidenceKind.ENDED, "by-server", at=1.0),
            InnerEcho("10.9.0.1", 3, 0, None),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.SESSION_REFUSED,
        "tunnel",
        "the server ended it before 10.9.0.1 answered",
    ),
    "one of two echoes": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            InnerEcho("10.9.0.1", 1, 1, 0.02),
            InnerEcho("10.9.0.2", 3, 0, None),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.INNER_DEAD,
        "tunnel",
        "10.9.0.2 does not answer",
    ),
    "first hop silent": (
        diagnose(SA_INIT, PROVEN, CHILD, InnerHop(4, None, None), of=server(tunnel=True), handshake=ANSWERED),
        Verdict.UNPROVEN,
        "",
        "Set tunnel_ping",
    ),
    "no address": (
        diagnose(
            SA_INIT,
            PROVEN,
            make_evidence(EvidenceKind.ESTABLISHED, "INTERNAL_ADDRESS_FAILURE"),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.SESSION_REFUSED,
        "tunnel",
        "no inner address",
    ),
    "child refused": (
        diagnose(
            SA_INIT,
            PROVEN,
            make_evidence(EvidenceKind.ESTABLISHED, "TS_UNACCEPTABLE"),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.SESSION_REFUSED,
        "tunnel",
        "TS_UNACCEPTABLE",
    ),
    "child only later": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILDLESS,
            make_evidence(EvidenceKind.CHILD_LATER),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.UNPROVEN,
        "",
        "only after IKE_AUTH",
    ),
    "not dedicated": (
        diagnose(SA_INIT, make_evidence(EvidenceKind.NOT_TRIED, "not-dedicated"), handshake=ANSWERED),
        Verdict.UNPROVEN,
        "",
        "may be shared",
    ),
    "no credentials": (
        diagnose(
            SA_INIT,
            make_evidence(EvidenceKind.NOT_TRIED, "no-credentials"),
            of=server(""),
            handshake=ANSWERED,
        ),
        Verdict.UNPROVEN,
        "",
        "without credentials",
    ),
    "silence": (diagnose(Silence(5.0)), Verdict.SILENT, "sa-init", "No answer to IKE_SA_INIT"),
    "port 500 blocked": (
        diagnose(Silence(5.0), experiment(EvidenceKind.NAT_PORT, "answers")),
        Verdict.SILENT,
        "sa-init",
        "silent on port 500",
    ),
    "no default proposal": (
        diagnose(
            make_evidence(EvidenceKind.REFUSED, "IKE_SA_INIT", "NO_PROPOSAL_CHOSEN"),
            experiment(EvidenceKind.ACCEPTS, "aes128-sha1-modp2048"),
        ),
        Verdict.UNPROVEN,
        "sa-init",
        "refuses the default proposals, but would accept aes128-sha1-modp2048",
    ),
    "no proposal": (
        diagnose(
            make_evidence(EvidenceKind.REFUSED, "IKE_SA_INIT", "NO_PROPOSAL_CHOSEN"),
            experiment(EvidenceKind.ACCEPTS, "aes128-sha1-modp1024"),
            of=server(BY_SECRET + 'proposals = ["aes256gcm16-prfsha384-ecp384"]\n'),
        ),
        Verdict.CIPHER_MISMATCH,
        "sa-init",
        "would accept aes128-sha1-modp1024",
    ),
    "other version": (
        diagnose(make_evidence(EvidenceKind.REFUSED, "IKE_SA_INIT", "INVALID_MAJOR_VERSION")),
        Verdict.WRONG_PROTOCOL,
        "sa-init",
        "INVALID_MAJOR_VERSION",
    ),
    "something else": (
        diagnose(make_evidence(EvidenceKind.DROPPED, "only 4 bytes", "4")),
        Verdict.WRONG_PROTOCOL,
        "sa-init",
        "not with IKEv2",
    ),
    "redirected": (
        diagnose(make_evidence(EvidenceKind.REDIRECTED, "gate2.test")),
        Verdict.UNPROVEN,
        "sa-init",
        "gate2.test",
    ),
    "redirected into silence": (
        diagnose(
            make_evidence(EvidenceKind.REDIRECTED, "gate2.test"),
            make_evidence(EvidenceKind.UNANSWERED, "IKE_SA_INIT", "300", "5"),
        ),
        Verdict.SILENT,
        "sa-init",
        "clients to gate2.test, which does not answer",
    ),
    "cookie and silence": (
        diagnose(CookieDemanded(0.0), make_evidence(EvidenceKind.UNANSWERED, "IKE_SA_INIT", "300", "5")),
        Verdict.SILENT,
        "sa-init",
        "demands a cookie",
    ),
    "refused": (diagnose(SA_INIT, REFUSED), Verdict.AUTH_FAILED, "authenticate", "refuses monitor.test"),
    "port 4500 blocked": (
        diagnose(SA_INIT, UNANSWERED, experiment(EvidenceKind.NAT_PORT, "silent")),
        Verdict.SILENT,
        "authenticate",
        "silent on port 4500",
    ),
    "large request lost": (
        diagnose(SA_INIT, UNANSWERED, experiment(EvidenceKind.NAT_PORT, "answers")),
        Verdict.SILENT,
        "authenticate",
        "silent to IKE_AUTH",
    ),
    "silent RADIUS": (
        diagnose(SA_INIT, PROVEN, UNANSWERED, of=server(BY_PASSWORD)),
        Verdict.SILENT,
        "authenticate",
        "began EAP",
    ),
    "own certificate expired": (
        diagnose(SA_INIT, make_evidence(EvidenceKind.OWN_CERTIFICATE, "CN=monitor expired at noon"), REFUSED),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "CN=monitor expired at noon",
    ),
    "port 4500 closed": (
        diagnose(SA_INIT, UNANSWERED, IcmpError(0.0, 4, 3, 3, "192.0.2.1", True)),
        Verdict.PORT_CLOSED,
        "authenticate",
        "nothing listens on port 4500",
    ),
    "port 4500 refused": (
        diagnose(SA_INIT, UNANSWERED, IcmpError(0.0, 4, 3, 13, "192.0.2.9", False)),
        Verdict.UNREACHABLE,
        "authenticate",
        "refuses packets to port 4500",
    ),
    "EAP refused": (
        diagnose(SA_INIT, PROVEN, make_evidence(EvidenceKind.EAP_ENDED, "691", ""), of=server(BY_PASSWORD)),
        Verdict.AUTH_FAILED,
        "authenticate",
        "refused monitor",
    ),
    "EAP-TLS": (
        diagnose(SA_INIT, PROVEN, make_evidence(EvidenceKind.EAP_ENDED, "", "13"), of=server(BY_PASSWORD)),
        Verdict.UNPROVEN,
        "authenticate",
        "asked for EAP-TLS",
    ),
    "no secret there": (
        diagnose(SA_INIT, rejected("bad-secret")),
        Verdict.PSK_MISMATCH,
        "authenticate",
        "did not prove",
    ),
    "expired": (
        diagnose(SA_INIT, rejected("chain", "CN=gate expired at noon", "expired")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "expired at noon",
    ),
    "revoked": (
        diagnose(SA_INIT, rejected("chain", "CN=gate", "revoked")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "A certificate of the server is revoked: CN=gate",
    ),
    "unusable list": (
        diagnose(SA_INIT, rejected("chain", "the revocation list has expired: CN=ca", "unusable-list")),
        Verdict.MISCONFIGURED,
        "authenticate",
        "because the revocation list has expired: CN=ca",
    ),
    "no authority": (
        diagnose(SA_INIT, rejected("chain", "it sent no certificate that can be read", "unreadable")),
        Verdict.MISCONFIGURED,
        "authenticate",
        "names no authority",
    ),
    "not an authority": (
        diagnose(SA_INIT, rejected("chain", "CN=gate", "not-an-authority")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "prove nothing: CN=gate",
    ),
    "no list for a certificate": (
        diagnose(
            SA_INIT,
            PROVEN,
            make_evidence(EvidenceKind.NOT_LOOKED_UP, "CN=gate", "CN=ca"),
            CHILDLESS,
            handshake=ANSWERED,
        ),
        Verdict.UNPROVEN,
        "",
        "Not known: whether CN=gate is revoked",
    ),
    "untrusted": (
        diagnose(SA_INIT, rejected("chain", "CN=unknown", "untrusted")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "CN=unknown did",
    ),
    "another name": (
        diagnose(SA_INIT, rejected("wrong-identity", "other.test")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "not gate.test",
    ),
    "unnamed": (
        diagnose(SA_INIT, rejected("unnamed", "gate.test")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "does not name that",
    ),
    "other key": (
        diagnose(SA_INIT, rejected("bad-signature", "CN=gate")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "signature",
    ),
    "no Ed25519": (
        diagnose(SA_INIT, make_evidence(EvidenceKind.CANNOT_SIGN, "the server takes no Ed25519 signatures")),
        Verdict.CIPHER_MISMATCH,
        "authenticate",
        "Ed25519",
    ),
    "port closed": (
        diagnose(Silence(5.0), IcmpError(0.0, 4, 3, 3, "192.0.2.1", True)),
        Verdict.PORT_CLOSED,
        "",
        "Nothing listens",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_verdict_stage_and_summary(name: str) -> None:
    found, verdict, stage, words = ROWS[name]
    assert (found.verdict, found.failed_stage) == (verdict, stage)
    assert words in found.summary
    assert found.evidence


def causes_of(name: str) -> str:
    return " / ".join(each.cause for each in ROWS[name][0].causes)


def test_nothing_is_healthy_without_the_proof_of_the_server() -> None:
    """SA_INIT can be answered by anybody."""
    for evidence in ((SA_INIT,), (SA_INIT, CHILDLESS), (SA_INIT, PROVEN), (PROVEN, CHILDLESS)):
        assert diagnose(*evidence, handshake=ANSWERED).verdict is not Verdict.HEALTHY
    assert diagnose(SA_INIT, PROVEN, CHILDLESS).verdict is not Verdict.HEALTHY


def test_an_answer_on_port_4500_disproves_the_other_causes_of_silence() -> None:
    assert causes_of("port 500 blocked") == "a firewall drops UDP port 500"
    assert all(each.proven for each in ROWS["port 500 blocked"][0].causes)


def test_silence_alone_proves_nothing() -> None:
    assert len(ROWS["silence"][0].causes) > 1
    assert not any(each.proven for each in ROWS["silence"][0].causes)


def test_silence_that_known_loss_explains_is_loss() -> None:
    own = server()
    check = Check("gate", "local", own.endpoint, None, 0.0, None, (Silence(5.0),), protocol="ikev2")
    assert PROTOCOL.diagnose(check, own, is_explained_by_loss=True).verdict is Verdict.LOSSY
    proven = replace(check, evidence=(Silence(5.0), experiment(EvidenceKind.NAT_PORT, "answers")))
    assert PROTOCOL.diagnose(proven, own, is_explained_by_loss=True).verdict is Verdict.SILENT


def test_a_port_that_answers_is_not_called_blocked() -> None:
    assert "drops UDP port 4500" not in causes_of("large request lost")
    assert causes_of("large request lost").startswith("the path drops fragments")


def test_before_the_experiment_a_blocked_port_4500_is_a_guess() -> None:
    found = diagnose(SA_INIT, UNANSWERED)
    assert found.causes[0].cause == "a firewall drops UDP port 4500"
    assert not found.causes[0].proven


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (EvidenceKind.WITHOUT_ID, "remote_id is wrong"),
        (EvidenceKind.EAP_OFFERED, "wants EAP"),
        (EvidenceKind.OTHER_IDENTITY, "another preshared key for monitor.test"),
    ],
)
def test_an_experiment_leaves_one_proven_cause_of_a_refusal(kind: EvidenceKind, words: str) -> None:
    found = diagnose(SA_INIT, REFUSED, experiment(kind, "gate2.test"))
    assert len(found.causes) == 1
    assert found.causes[0].proven
    assert words in found.causes[0].cause


def test_a_refused_secret_is_not_blamed_on_a_certificate() -> None:
    assert "certificate" not in causes_of("refused")


def test_a_server_on_another_port_alone_has_no_cause_with_port_4500() -> None:
    found = diagnose(SA_INIT, UNANSWERED, of=server(port=4501))
    assert "4500" not in "".join(each.cause for each in found.causes)


def test_a_remembered_proof_carries_its_age() -> None:
    age = make_evidence(EvidenceKind.REMEMBERED, "42")
    found = diagnose(SA_INIT, age, PROVEN, CHILDLESS, handshake=ANSWERED)
    assert "42 s ago" in found.summary


@pytest.mark.parametrize(
    "evidence", [(REFUSED,), (PROVEN, make_evidence(EvidenceKind.ESTABLISHED, "TS_UNACCEPTABLE"))]
)
def test_a_remembered_failure_carries_its_age(evidence: tuple[Evidence, ...]) -> None:
    age = make_evidence(EvidenceKind.REMEMBERED, "42")
    found = diagnose(SA_INIT, age, *evidence, of=server(tunnel=True))
    assert found.summary.endswith("IKE_AUTH was tried 42 s ago.")
    assert "ago" not in diagnose(SA_INIT, *evidence, of=server(tunnel=True)).summary


def test_hostile_values_are_escaped() -> None:
    found = diagnose(SA_INIT, replace(PROVEN, values=("\x1b[31m", "x", "y")), CHILDLESS, handshake=ANSWERED)
    assert "\x1b" not in found.summary + "".join(found.evidence)


@pytest.mark.parametrize("kind", EvidenceKind)
@pytest.mark.parametrize(
    "values",
    [(), ("",), ("x", "y", "z", "w"), ("12", "99", "7"), ("9" * 400,) * 3, ("\u00b2",) * 3, ("\u0663",) * 3],
)
def test_every_kind_has_words_whatever_its_values(kind: EvidenceKind, values: tuple[str, ...]) -> None:
    found = diagnose(SA_INIT, PROVEN, CHILDLESS, make_evidence(kind, *values), handshake=ANSWERED)
    assert found.summary
    assert PROTOCOL.describe_evidence(make_evidence(kind, *values, at=0.1)) != kind.value


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("aes192-sha1-prfsha1-modp2048", 'proposals = ["aes192-sha1-prfsha1-modp2048"]'),
        ("3des-md5-prfmd5-modp1024", "on the server: add a current proposal"),
        ("ecp512bp", "on the server: add a current proposal"),
    ],
)
def test_no_advice_names_a_proposal_that_cannot_be_made(words: str, fix: str) -> None:
    refused = make_evidence(EvidenceKind.REFUSED, "IKE_SA_INIT", "NO_PROPOSAL_CHOSEN")

    (cause,) = diagnose(refused, experiment(EvidenceKind.ACCEPTS, words)).causes

    assert fix in cause.fix
    assert words in cause.cause


@pytest.mark.parametrize(
    ("selectors", "cause"),
    [
        (("10.9.0.7/32", "10.50.0.0/16 and 10.60.0.0/16", ""), "lets no packets to 10.9.0.1 through"),
        (("10.44.0.0/16", "0.0.0.0/0", "outside"), "an inner address that its traffic selectors exclude"),
        (("10.9.0.7/32", "10.9.0.0/24", ""), "does not forward packets"),
        (("", "", ""), "does not forward packets"),
        (("10.9.0.7/32", "nonsense", ""), "does not forward packets"),
    ],
)
def test_what_the_server_lets_through_explains_silence_inside(selectors: tuple[str, ...], cause: str) -> None:
    found = diagnose(
        SA_INIT,
        PROVEN,
        CHILD,
        make_evidence(EvidenceKind.SELECTORS, *selectors),
        InnerEcho("10.9.0.1", 3, 0, None),
        of=server(tunnel=True),
        handshake=ANSWERED,
    )

    assert found.verdict is Verdict.DATA_DEAD
    assert cause in found.causes[0].cause


def test_a_local_id_that_the_own_certificate_lacks_is_the_first_cause() -> None:
    unnamed = make_evidence(EvidenceKind.OWN_NAME, "other.test")

    found = diagnose(SA_INIT, REFUSED, unnamed)

    assert found.verdict is Verdict.AUTH_FAILED
    assert "does not name other.test" in found.causes[0].cause
    assert len(found.causes) > 1


@pytest.mark.parametrize(("code", "causes"), [("691", 1), ("", 2)])
def test_eap_without_an_error_code_may_have_ended_before_the_password(code: str, causes: int) -> None:
    ended = make_evidence(EvidenceKind.EAP_ENDED, code, "", at=0.1)

    found = diagnose(SA_INIT, PROVEN, ended, of=server(BY_PASSWORD))

    assert len(found.causes) == causes


_PROPOSALS = 'proposals = ["aes256-sha256-ecp256"]\n'


@pytest.mark.parametrize(
    ("more", "tunnel", "expected"),
    [
        ("", True, "because proposals and esp_proposals are not set."),
        ("", False, "because proposals is not set."),
        (_PROPOSALS, True, "because esp_proposals is not set."),
        (_PROPOSALS, False, "because of tunnel = false."),
        (_PROPOSALS + 'esp_proposals = ["aes256gcm16"]', True, "Data came back through the tunnel."),
    ],
)
def test_healthy_names_what_clients_may_not_offer(more: str, tunnel: bool, expected: str) -> None:
    established = (CHILD, InnerEcho("10.9.0.1", 3, 3, 0.01)) if tunnel else (CHILDLESS,)

    found = diagnose(
        SA_INIT, PROVEN, *established, of=server(BY_SECRET + more, tunnel=tunnel), handshake=ANSWERED
    )

    assert found.verdict is Verdict.HEALTHY
    assert found.summary.endswith(expected)
