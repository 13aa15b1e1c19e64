"""Decides from the echoes of one flow whether the path cut the flow off. Pure functions.

A cut flow ends in a run of lost echoes. Random loss ends in such a run too, but rarely in a long one: the
run must be too long for the loss seen before it. A path that loses only large packets cuts nothing, so
echoes larger than any answered one do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log

from wgmon_tui.checks.evidence import FlowCut
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class FlowEcho:
    """One echo of a flow. `size` counts the bytes of its datagram; times are seconds after the handshake.

    An echo and its answer have the same size.
    """

    size: int
    sent_at: float
    answered_at: float | None = None


@dataclass(frozen=True, slots=True)
class CutRule:
    """What proves a cut: a run of at least `least_run` lost echoes that were sent over `least_s` seconds.

    Random loss must end in such a run with a probability of at most `chance`.
    """

    least_run: int
    least_s: float
    chance: float


CHECK_RULE = CutRule(least_run=4, least_s=0.5, chance=0.01)
"""For the few echoes of an ordinary check: a lost echo and three that follow it."""

SOAK_RULE = CutRule(least_run=10, least_s=3.0, chance=0.0001)


def find_cut(echoes: Sequence[FlowEcho], rule: CutRule, lost_before: float) -> FlowCut | None:
    """Find the cut of a flow; None if it goes on, or if too few echoes were lost to tell.

    `echoes` are in the order in which they were sent. Unanswered ones count as lost if they were sent before
    `lost_before`; the answers to later ones may still arrive.
    """
    answered, run = _split(echoes, lost_before)
    if not answered or len(run) < _needed_run(answered, run, rule):
        return None
    if run[-1].sent_at - run[0].sent_at < rule.least_s:
        return None
    answers = [each for each in answered if each.answered_at is not None]
    return FlowCut(
        packets=len(answered) + len(answers),
        size=sum(each.size for each in (*answered, *answers)),
        after=max(each.answered_at for each in answers if each.answered_at is not None),
        unanswered=len(run),
    )


def missing_echoes(echoes: Sequence[FlowEcho], rule: CutRule, lost_before: float) -> int:
    """Return how many more lost echoes would prove a cut; 0 if no echo at the end is lost."""
    answered, run = _split(echoes, lost_before)
    return max(0, _needed_run(answered, run, rule) - len(run)) if answered and run else 0


def _split(echoes: Sequence[FlowEcho], lost_before: float) -> tuple[Sequence[FlowEcho], Sequence[FlowEcho]]:
    """Split into the echoes up to the last answered one, and those lost after it that count."""
    last = max((number for number, each in enumerate(echoes) if each.answered_at is not None), default=-1)
    answered = echoes[: last + 1]
    largest = max((each.size for each in answered if each.answered_at is not None), default=0)
    run = [each for each in echoes[last + 1 :] if each.size <= largest and each.sent_at < lost_before]
    return answered, run


def _needed_run(answered: Sequence[FlowEcho], run: Sequence[FlowEcho], rule: CutRule) -> int:
    """Return the length of a run that random loss hardly explains.

    The loss rate is estimated from the echoes before the run, by the rule of succession.
    """
    largest = max((each.size for each in run), default=0)
    alike = [each for each in answered if each.size <= largest]
    lost = sum(each.answered_at is None for each in alike)
    rate = (lost + 1) / (len(alike) + 2)
    return max(rule.least_run, ceil(log(rule.chance) / log(rate)))
