"""Tests of the stages of a check as text."""

from __future__ import annotations

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.checks.stage_text import format_stages, judged_stages, stage_notes
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.net.addresses import Endpoint

RESOLVED = Stage("resolve", StageOutcome.PASSED, 0.002)
NEEDLESS = Stage("resolve", StageOutcome.NOT_RUN, detail="not needed for an address")
REACHED = Stage("reach", StageOutcome.PASSED)
UNKNOWN = Stage("reach", StageOutcome.NOT_KNOWN, detail="nothing answered")
ANSWERED = Stage("handshake", StageOutcome.PASSED, 0.0124)
UNANSWERED = Stage("handshake", StageOutcome.FAILED, detail="no answer within 5 s")
DATA = Stage("tunnel", StageOutcome.PASSED, 0.013, "3 of 3 answered")
NO_DATA = Stage("tunnel", StageOutcome.NOT_RUN, detail="the handshake failed")
SWITCHED_OFF = Stage("tunnel", StageOutcome.NOT_RUN, detail="tunnel = false")


def checked(*stages: Stage) -> Check:
    return Check("fra1", "here", Endpoint("fra1.example.net", 51820), None, 0.0, None, stages=stages)


def test_the_stages_stand_on_one_line_with_their_times() -> None:
    stages = (RESOLVED, REACHED, ANSWERED, DATA)

    assert format_stages(stages) == "resolve ✓ 2.0 ms → reach ✓ → handshake ✓ 12.4 ms → tunnel ✓ 13.0 ms"


def test_the_line_ends_at_the_stage_that_failed() -> None:
    assert format_stages((RESOLVED, UNKNOWN, UNANSWERED, NO_DATA)) == (
        "resolve ✓ 2.0 ms → reach ? → handshake ✖"
    )


def test_the_line_has_ascii_marks_where_the_terminal_needs_them() -> None:
    assert format_stages((NEEDLESS, REACHED, UNANSWERED), ascii_only=True) == (
        "resolve - -> reach ok -> handshake X"
    )


def test_a_stage_that_is_not_known_has_a_note_and_the_failed_one_has_none() -> None:
    assert stage_notes((NEEDLESS, UNKNOWN, UNANSWERED, NO_DATA)) == ["reach not known: nothing answered"]
    assert stage_notes((NEEDLESS, Stage("reach", StageOutcome.NOT_KNOWN))) == ["reach not known"]


def test_stages_that_did_not_run_for_one_reason_share_a_note() -> None:
    busy = [Stage(name, StageOutcome.NOT_RUN, detail="busy") for name in ("reach", "handshake")]

    assert stage_notes((NEEDLESS, *busy, SWITCHED_OFF)) == [
        "reach, handshake not run: busy",
        "tunnel not run: tunnel = false",
    ]


def test_a_check_whose_stages_all_passed_has_no_note() -> None:
    assert stage_notes((NEEDLESS, REACHED, ANSWERED, DATA)) == []


def test_a_verdict_that_rests_on_an_earlier_check_fails_its_stage() -> None:
    blamed = Diagnosis(Verdict.MTU_BLACKHOLE, "Large packets are lost.", failed_stage="tunnel")

    assert format_stages(judged_stages(checked(REACHED, DATA), blamed)) == "reach ✓ → tunnel ✖ 13.0 ms"


def test_a_server_that_answered_an_earlier_experiment_is_reached() -> None:
    blamed = Diagnosis(Verdict.PEER_MISSING, "It answers another identity.", failed_stage="handshake")
    stages = judged_stages(checked(UNKNOWN, UNANSWERED), blamed)

    assert format_stages(stages) == "reach ✓ → handshake ✖"
    assert stage_notes(stages) == []


def test_silence_leaves_open_whether_the_server_is_reached() -> None:
    blamed = Diagnosis(Verdict.SILENT, "No answer.", failed_stage="handshake")

    assert format_stages(judged_stages(checked(UNKNOWN, UNANSWERED), blamed)) == "reach ? → handshake ✖"


def test_a_check_of_an_earlier_version_has_no_line() -> None:
    failed = Diagnosis(Verdict.SILENT, "No answer.", failed_stage="handshake")

    assert format_stages(judged_stages(checked(), failed)) == ""
