"""The stages of a check as text: one line from the first stage to the one that failed, and notes below it.

resolve ✓ 2.1 ms → reach ✓ → handshake ✓ 12.4 ms → authenticate ✖
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.stage import REACH, RESOLVE, Stage, StageOutcome, find_failed_stage
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.text import format_rtt

_NOTABLE = (StageOutcome.NOT_KNOWN, StageOutcome.NOT_RUN)
_BY_AN_EARLIER_CHECK = "an earlier check found it"
_SERVER_ANSWERED = frozenset(
    {Verdict.WRONG_SERVER_KEY, Verdict.WRONG_PARAMETERS, Verdict.PEER_MISSING, Verdict.STUCK_FLOW}
)
"""Verdicts that rest on an answer to an experiment, which only one of several checks runs."""


def judged_stages(check: Check, diagnosis: Diagnosis) -> tuple[Stage, ...]:
    """The stages of a check as its verdict sees them; empty if they are not known.

    A verdict may rest on an earlier check: the stage that it blames may have passed in this one, and silence
    now does not mean that the server is out of reach.
    """
    has_failed = find_failed_stage(check.stages) is not None
    return tuple(_judged(each, diagnosis, has_failed=has_failed) for each in check.stages)


def _judged(stage: Stage, diagnosis: Diagnosis, *, has_failed: bool) -> Stage:
    if stage.name == diagnosis.failed_stage and not has_failed:
        return replace(stage, outcome=StageOutcome.FAILED, detail=_BY_AN_EARLIER_CHECK)
    is_unknown = stage.name == REACH and stage.outcome is StageOutcome.NOT_KNOWN
    if is_unknown and diagnosis.verdict in _SERVER_ANSWERED:
        return replace(stage, outcome=StageOutcome.PASSED, detail=_BY_AN_EARLIER_CHECK)
    return stage


def until_failed(stages: Sequence[Stage]) -> Sequence[Stage]:
    """The stages up to the one that failed; all of them if none did."""
    failed = find_failed_stage(stages)
    return stages[: stages.index(failed) + 1] if failed else stages


def stage_mark(stage: Stage, *, ascii_only: bool = False) -> str:
    """The glyph of a stage's outcome, and what it took: `✓ 12.4 ms`."""
    glyph = stage.outcome.ascii_glyph if ascii_only else stage.outcome.glyph
    return glyph if stage.seconds is None else f"{glyph} {format_rtt(stage.seconds)}"


def format_stages(stages: Sequence[Stage], *, ascii_only: bool = False) -> str:
    """The stages on one line, up to the one that failed."""
    arrow = " -> " if ascii_only else " → "
    return arrow.join(
        f"{each.name} {stage_mark(each, ascii_only=ascii_only)}" for each in until_failed(stages)
    )


def stage_notes(stages: Sequence[Stage]) -> list[str]:
    """One sentence for each stage that is not known or did not run; those of one reason share theirs.

    A failed stage has none: verdict and evidence say why.
    """
    notable = [each for each in until_failed(stages) if each.outcome in _NOTABLE and not _is_needless(each)]
    return [
        f"{', '.join(each.name for each in same)} {outcome.word}{': ' if detail else ''}{detail}"
        for (outcome, detail), same in groupby(notable, key=lambda each: (each.outcome, each.detail))
    ]


def _is_needless(stage: Stage) -> bool:
    """Whether the stage did not run because an address needs no lookup."""
    return stage.name == RESOLVE and stage.outcome is StageOutcome.NOT_RUN
