"""Tests of the stages of a check."""

from __future__ import annotations

from wgmon_tui.checks.stage import HANDSHAKE, REACH, TUNNEL, Stage, StageOutcome, find_failed_stage


def test_the_failed_stage_is_the_first_one_that_failed() -> None:
    stages = (
        Stage(REACH, StageOutcome.NOT_KNOWN),
        Stage(HANDSHAKE, StageOutcome.FAILED),
        Stage(TUNNEL, StageOutcome.FAILED),
    )

    failed = find_failed_stage(stages)

    assert failed is not None
    assert failed.name == HANDSHAKE


def test_stages_that_passed_or_did_not_run_have_no_failed_one() -> None:
    stages = (Stage(REACH, StageOutcome.PASSED), Stage(TUNNEL, StageOutcome.NOT_RUN, detail="tunnel = false"))

    assert find_failed_stage(stages) is None
