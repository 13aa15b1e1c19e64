"""Verdicts and causes from evidence alone."""

from __future__ import annotations

import pytest

from tests.protocols.ikev2.sample_checks import (
    ANSWERED,
    CHILDLESS,
    PROVEN,
    ROWS,
    SA_INIT,
    UNANSWERED,
    diagnose,
    server,
)
from wgmon_tui.checks.verdict import Verdict


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


def test_a_port_that_answers_is_not_called_blocked() -> None:
    assert "drops UDP port 4500" not in causes_of("large request lost")
    assert causes_of("large request lost").startswith("the path drops fragments")


def test_before_the_experiment_a_blocked_port_4500_is_a_guess() -> None:
    found = diagnose(SA_INIT, UNANSWERED)
    assert found.causes[0].cause == "a firewall drops UDP port 4500"
    assert not found.causes[0].proven


def test_a_refused_secret_is_not_blamed_on_a_certificate() -> None:
    assert "certificate" not in causes_of("refused")


def test_a_server_on_another_port_alone_has_no_cause_with_port_4500() -> None:
    found = diagnose(SA_INIT, UNANSWERED, of=server(port=4501))
    assert "4500" not in "".join(each.cause for each in found.causes)
