"""Causes of a reset without an answer, and of a login without a tunnel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.protocols.openvpn.sample_checks import ANSWERED, PATH_WORKS, SERVER, SILENT, check, words
from wgmon_tui.checks.context_evidence import WorkedUntil
from wgmon_tui.checks.evidence import (
    Evidence,
    IcmpError,
    Silence,
)
from wgmon_tui.checks.stage import (
    PUSH_REPLY,
    RESET,
)
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.diagnose import diagnose
from wgmon_tui.protocols.openvpn.events import NOT_OPENVPN
from wgmon_tui.protocols.openvpn.observations import observe
from wgmon_tui.protocols.openvpn.profile import WrapperKind


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


def test_remotes_that_are_all_silent_speak_for_something_near_this_machine() -> None:
    asked = observe(seen.NO_OTHER_REMOTE, "b.example:1194", "c.example:443", from_experiment=True)
    made = check(Silence(5.0), asked, failed=RESET, wrapping=WrapperKind.PLAIN)

    found = diagnose(made, SERVER, ())

    assert found.causes[0].hypothesis == "no-remote"
    assert "b.example:1194 and c.example:443" in found.causes[0].why
    assert "no-remote" not in {
        each.hypothesis for each in diagnose(replace(made, evidence=()), SERVER, ()).causes
    }


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


def test_without_a_push_reply_the_pool_is_no_cause() -> None:
    """With an exhausted pool, OpenVPN pushes options without an address."""
    found = diagnose(check(ANSWERED, PATH_WORKS, SILENT, failed=PUSH_REPLY), SERVER, ())

    assert found.verdict is Verdict.SESSION_REFUSED
    assert [each.hypothesis for each in found.causes] == ["script", "disabled"]


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
