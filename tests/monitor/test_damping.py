"""Tests of the damping rule: what changes a server's state, what does not, and that it always settles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.damping import (
    Damping,
    DampingRules,
    as_json,
    from_json,
    is_unsettled,
    needs_quick_recheck,
    next_damping,
    reset_keeping_severity,
    settling_progress,
)

UP, DEGRADED, DOWN, UNKNOWN = Severity.UP, Severity.DEGRADED, Severity.DOWN, Severity.UNKNOWN
LETTERS = {"u": UP, "g": DEGRADED, "d": DOWN, "?": UNKNOWN}
BADNESS = {UP: 0, DEGRADED: 1, DOWN: 2}

USUAL = DampingRules()
AT_ONCE = DampingRules(fail_after=1, fail_window=1, recover_after=1)
EVERY_S = 10.0


def after(
    checks: str, rules: DampingRules = USUAL, *, of: Damping | None = None, start: float = 0.0
) -> Damping:
    """Return the state after checks ten seconds apart: u up, g degraded, d down, ? unknown."""
    damping = of or Damping()
    for number, letter in enumerate(checks):
        damping = next_damping(damping, LETTERS[letter], rules, start + number * EVERY_S)
    return damping


# The rule


@pytest.mark.parametrize(
    ("checks", "settled"),
    [
        ("", None),
        ("u", UP),
        ("d", None),
        ("dd", DOWN),
        ("g", None),
        ("dg", DEGRADED),
        ("du", UP),
        ("ud", UP),
        ("udu", UP),
        ("udd", DOWN),
        ("udud", DOWN),
        ("uduud", UP),
        ("ugd", DEGRADED),
        ("ugdd", DOWN),
        ("ddu", DOWN),
        ("dduu", UP),
        ("ddgu", DEGRADED),
        ("ddggu", DEGRADED),
        ("ddgguu", UP),
        ("dduuu", UP),
        ("dduud", UP),
        ("dduududd", DOWN),
    ],
)
def test_by_the_usual_thresholds(checks: str, settled: Severity | None) -> None:
    assert after(checks).severity is settled


def test_a_lost_packet_is_no_change() -> None:
    assert after("u" * 20 + "d" + "u" * 20).severity is UP


@pytest.mark.parametrize(("checks", "settled"), [("d", DOWN), ("ud", DOWN), ("udu", UP), ("ug", DEGRADED)])
def test_with_thresholds_of_one_every_check_settles(checks: str, settled: Severity) -> None:
    assert after(checks, AT_ONCE).severity is settled


def test_unknown_outcomes_are_not_counted() -> None:
    before = after("ud")
    assert after("???", of=before) is before
    assert after("u?d?u?d??").severity is DOWN


# Flapping


def test_it_flaps_at_the_fourth_crossing_and_stays_down() -> None:
    assert after("u" + "dduu" + "ddu").flapping is False
    flapping = after("u" + "dduu" + "dduu")
    assert (flapping.severity, flapping.flapping) == (DOWN, True)
    assert after("u" * 5, of=flapping, start=100.0).severity is DOWN


def test_between_up_and_degraded_it_flaps_at_the_fourth_crossing_and_stays_degraded() -> None:
    assert after("u" + "gguu" + "ggu").flapping is False
    flapping = after("u" + "gguu" + "gguu")
    assert (flapping.severity, flapping.flapping, flapping.crossings) == (DEGRADED, True, ())
    assert after("u" * 5, of=flapping, start=100.0).severity is DEGRADED
    assert after("uu", of=flapping, start=400.0).severity is UP


def test_an_outage_of_a_server_that_flaps_between_up_and_degraded_ends_when_it_answers() -> None:
    down = after("dd", of=after("u" + "gguugguu"), start=90.0)
    assert (down.severity, down.flapping) == (DOWN, False)
    back = after("uu", of=down, start=110.0)
    assert (back.severity, back.flapping) == (DEGRADED, True)


@pytest.mark.parametrize(
    ("checks", "quick"),
    [("u", False), ("ug", False), ("ggu", False), ("ud", True), ("ddu", True), ("g", True)],
)
def test_only_an_outage_that_begins_or_ends_is_rechecked_at_once(checks: str, quick: bool) -> None:
    assert needs_quick_recheck(after(checks)) is quick


def test_the_first_settlement_is_no_crossing() -> None:
    assert after("dd").crossings == ()


def test_crossings_long_ago_are_no_flapping() -> None:
    once = after("u" + "dduu" + "dd")
    assert after("uu", of=once, start=700.0).severity is UP


def test_flapping_ends_after_the_calm_and_is_forgotten() -> None:
    flapping = after("u" + "dduudduu")
    assert flapping.failed_at == 60.0
    late = after("u" * 27, of=flapping, start=90.0)
    assert (late.severity, late.flapping) == (DOWN, True)
    calm = after("u", of=late, start=360.0)
    assert (calm.severity, calm.flapping, calm.crossings) == (UP, False, ())
    assert after("dd", of=calm, start=370.0).flapping is False


def test_a_failed_check_restarts_the_calm() -> None:
    flapping = after("u" + "dduudduu")
    failed = next_damping(flapping, DOWN, USUAL, 350.0)
    assert after("uu", of=failed, start=639.0).severity is DOWN
    assert after("uu", of=failed, start=640.0).severity is UP


def test_a_clock_that_was_set_back_makes_no_calm_longer() -> None:
    flapping = after("u" + "dduudduu", start=86_400.0)
    back = after("u" * 31, of=flapping, start=0.0)
    assert (back.severity, back.flapping) == (UP, False)


# What another check soon would settle


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("", None),
        ("u", None),
        ("ud", (1, 2)),
        ("udd", None),
        ("d", (1, 2)),
        ("ddu", (1, 2)),
        ("ddg", (1, 2)),
        ("dduu", None),
        ("ugd", (1, 2)),
        ("u?", None),
        ("ud?", (1, 2)),
    ],
)
def test_unsettled_it_returns_the_progress_of_the_change(checks: str, said: tuple[int, int] | None) -> None:
    assert settling_progress(after(checks), USUAL) == said
    assert is_unsettled(after(checks)) is (said is not None)


def test_flapping_needs_no_quick_recheck() -> None:
    assert not is_unsettled(after("u" + "dduudduu"))


def test_a_reset_keeps_the_severity_alone() -> None:
    assert reset_keeping_severity(after("u" + "dduudduu")) == Damping(DOWN)


# Any sequence of checks

severities = st.sampled_from([UP, DEGRADED, DOWN, UNKNOWN])
counted = st.sampled_from([UP, DEGRADED, DOWN])


@st.composite
def rules(draw: st.DrawFn) -> DampingRules:
    fail_after = draw(st.integers(1, 4))
    return DampingRules(
        fail_after,
        draw(st.integers(fail_after, 6)),
        draw(st.integers(1, 4)),
        draw(st.integers(2, 5)),
        draw(st.floats(1.0, 1000.0)),
        draw(st.floats(1.0, 1000.0)),
    )


pasts = st.lists(st.tuples(severities, st.floats(-200.0, 200.0)), max_size=40)
"""Checks, each with the seconds since the one before; sometimes the clock is set back."""


def played(
    past: list[tuple[Severity, float]], by: DampingRules, now: float = 1000.0
) -> list[tuple[Damping, float]]:
    """Return the states after each check, and when."""
    states = [(Damping(), now)]
    for severity, gap in past:
        now += gap
        states.append((next_damping(states[-1][0], severity, by, now), now))
    return states


@given(pasts, rules())
def test_a_check_makes_it_no_worse_than_itself_and_a_better_one_never_worse(
    past: list[tuple[Severity, float]], by: DampingRules
) -> None:
    for ((before, _), (now, _)), (severity, _) in zip(pairwise(played(past, by)), past, strict=True):
        if now.severity is not before.severity:
            assert now.severity is not None
            old = -1 if before.severity is None else BADNESS[before.severity]
            worsens = BADNESS[now.severity] > old
            assert BADNESS[severity] >= BADNESS[now.severity] if worsens else BADNESS[severity] < old


@given(pasts, rules())
def test_it_worsens_only_after_so_many_failures_and_improves_only_after_so_many_better_checks(
    past: list[tuple[Severity, float]], by: DampingRules
) -> None:
    states = played(past, by)
    for number, ((before, _), (now, _)) in enumerate(pairwise(states), 1):
        if now.severity is before.severity or now.severity is None:
            continue
        seen = [severity for severity, _ in past[:number] if severity is not UNKNOWN]
        bad = sum(BADNESS[each] >= BADNESS[now.severity] for each in seen[-by.fail_window :])
        if before.severity is None:
            assert now.severity is UP or bad >= by.fail_after
        elif BADNESS[now.severity] > BADNESS[before.severity]:
            assert bad >= by.fail_after
        else:
            lately = seen[-by.recover_after :]
            assert len(lately) == by.recover_after
            worst = max(map(BADNESS.__getitem__, lately))
            assert BADNESS[now.severity] == (max(worst, BADNESS[DEGRADED]) if now.flapping else worst)


@given(pasts, rules(), counted)
def test_what_lasts_is_settled_and_flapping_ends_with_it(
    past: list[tuple[Severity, float]], by: DampingRules, lasting: Severity
) -> None:
    damping, now = played(past, by)[-1]
    for _ in range(max(by.fail_after, by.recover_after)):
        assert not damping.flapping or not is_unsettled(damping)
        damping = next_damping(damping, lasting, by, now := now + 1.0)
    if damping.flapping:
        assert damping.severity in (DOWN, DEGRADED)
        damping = next_damping(damping, lasting, by, now + by.calm)
    assert damping.severity is lasting
    assert not is_unsettled(damping)
    assert lasting is not UP or not damping.flapping


@given(pasts, rules())
def test_flapping_is_never_up_and_the_state_stays_small(
    past: list[tuple[Severity, float]], by: DampingRules
) -> None:
    for damping, _ in played(past, by):
        assert damping.severity in (DOWN, DEGRADED) or not damping.flapping
        assert len(damping.window) <= max(by.fail_window, by.recover_after)
        assert len(damping.crossings) <= by.flap_after
        assert len(damping.up_crossings) <= by.flap_after + 1


@given(pasts, rules())
def test_progress_never_reaches_what_it_takes(past: list[tuple[Severity, float]], by: DampingRules) -> None:
    for damping, _ in played(past, by):
        said = settling_progress(damping, by)
        assert (said is None) is not is_unsettled(damping)
        assert said is None or 0 < said[0] < said[1]


# Text form


@given(pasts, rules())
def test_it_reads_what_it_wrote(past: list[tuple[Severity, float]], by: DampingRules) -> None:
    damping, _ = played(past, by)[-1]
    assert from_json(as_json(damping)) == damping


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(repr))
def test_unreadable_text_gives_a_fresh_state(text: str) -> None:
    assert from_json(text) == Damping()


@pytest.mark.parametrize(
    "changed", ['"severity":"gone"', '"severity":"unknown"', '"window":["up",3]', '"crossings":["x"]']
)
def test_values_of_another_version_give_a_fresh_state(changed: str) -> None:
    key = changed.partition(":")[0]
    whole = as_json(Damping())
    old = whole[whole.index(key) :].partition(',"')[0]
    assert from_json(whole.replace(old, changed)) == Damping()
