"""Causes of IKEv2, and what a summary says beside the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.protocols.ikev2.sample_checks import (
    ANSWERED,
    BY_PASSWORD,
    BY_SECRET,
    CHILD,
    CHILDLESS,
    PROVEN,
    REFUSED,
    ROWS,
    SA_INIT,
    diagnose,
    experiment,
    server,
)
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, InnerEcho, Silence
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.ikev2.evidence_kinds import EvidenceKind, make_evidence
from wgmon_tui.protocols.ikev2.protocol import PROTOCOL


def test_silence_alone_proves_nothing() -> None:
    assert len(ROWS["silence"][0].causes) > 1
    assert not any(each.proven for each in ROWS["silence"][0].causes)


def test_silence_that_known_loss_explains_is_loss() -> None:
    own = server()
    check = Check("gate", "local", own.endpoint, None, 0.0, None, (Silence(5.0),), protocol="ikev2")
    assert PROTOCOL.diagnose(check, own, is_explained_by_loss=True).verdict is Verdict.LOSSY
    proven = replace(check, evidence=(Silence(5.0), experiment(EvidenceKind.NAT_PORT, "answers")))
    assert PROTOCOL.diagnose(proven, own, is_explained_by_loss=True).verdict is Verdict.SILENT


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
