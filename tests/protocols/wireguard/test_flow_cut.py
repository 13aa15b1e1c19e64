"""Tests of what counts as a cut flow, and what is loss or a limit of the packet size."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgmon_tui.checks.evidence import FlowCut
from wgmon_tui.protocols.wireguard.flow_cut import (
    CHECK_RULE,
    SOAK_RULE,
    CutRule,
    FlowEcho,
    find_cut,
    missing_echoes,
)

RTT_S = 0.02
LATER = 1000.0
SIZES = st.lists(st.sampled_from([96, 480, 1456]), min_size=1, max_size=60)


def flow(answers: str, *, gap_s: float = 0.3, sizes: tuple[int, ...] = (96,)) -> list[FlowEcho]:
    """Echoes at regular times: `+` for an answered one, `-` for a lost one."""
    return [
        FlowEcho(
            sizes[number % len(sizes)], number * gap_s, number * gap_s + RTT_S if answer == "+" else None
        )
        for number, answer in enumerate(answers)
    ]


def test_nine_of_fifteen_and_then_nothing_is_a_cut() -> None:
    cut = find_cut(flow("+" * 9 + "-" * 6, gap_s=8 / 14, sizes=(128,)), CHECK_RULE, LATER)
    assert cut is not None
    assert (cut.packets, cut.size, cut.unanswered) == (18, 18 * 128, 6)
    assert cut.after == pytest.approx(8 * 8 / 14 + RTT_S)


def test_twenty_packets_count_both_directions() -> None:
    cut = find_cut(flow("+" * 10 + "-" * 10), CHECK_RULE, LATER)
    assert cut is not None
    assert (cut.packets, cut.unanswered) == (20, 10)


def test_a_lost_echo_before_the_last_answer_counts_as_a_packet_of_the_flow() -> None:
    cut = find_cut(flow("++-++-----------"), CHECK_RULE, LATER)
    assert cut is not None
    assert cut.packets == 5 + 4


@pytest.mark.parametrize("answers", ["", "-" * 20, "+" * 20, "++-", "++---", "+-" * 10, "-" * 15 + "+"])
def test_silence_from_the_start_single_losses_and_short_runs_are_no_cut(answers: str) -> None:
    assert find_cut(flow(answers), CHECK_RULE, LATER) is None


def test_a_run_must_last_long_enough() -> None:
    assert find_cut(flow("+" * 10 + "-" * 20, gap_s=0.05), SOAK_RULE, LATER) is None
    assert find_cut(flow("+" * 10 + "-" * 20, gap_s=0.2), SOAK_RULE, LATER) is not None


def test_echoes_whose_answers_may_still_arrive_do_not_count() -> None:
    echoes = flow("+" * 10 + "-" * 12)
    assert find_cut(echoes, SOAK_RULE, echoes[-1].sent_at) is not None
    assert find_cut(echoes, SOAK_RULE, echoes[-4].sent_at) is None


def test_heavy_loss_needs_a_longer_run() -> None:
    assert find_cut(flow("+++--+---+" + "-" * 10), SOAK_RULE, LATER) is None
    assert find_cut(flow("+++--+---+" + "-" * 16), SOAK_RULE, LATER) is not None


def test_a_check_needs_three_more_lost_echoes_after_the_first() -> None:
    assert missing_echoes(flow("++-"), CHECK_RULE, LATER) == 3
    assert missing_echoes(flow("++----"), CHECK_RULE, LATER) == 0
    assert missing_echoes(flow("+++"), CHECK_RULE, LATER) == 0


@given(st.integers(97, 1456), SIZES)
def test_a_path_that_loses_only_large_packets_cuts_nothing(limit: int, sizes: list[int]) -> None:
    echoes = [
        FlowEcho(size, number * 0.3, number * 0.3 + RTT_S if size < limit else None)
        for number, size in enumerate(sizes)
    ]
    assert find_cut(echoes, CHECK_RULE, LATER) is None


@given(st.integers(1, 50), st.integers(0, 50), SIZES)
def test_a_flow_that_dies_after_some_packets_is_cut_there(alive: int, lost: int, sizes: list[int]) -> None:
    echoes = flow("+" * alive + "-" * (lost + 20), sizes=(*sizes, 96))
    cut = find_cut(echoes, SOAK_RULE, LATER)
    if cut is not None:
        assert cut.packets == 2 * alive
        assert cut.size == 2 * sum(each.size for each in echoes[:alive])
        assert cut.unanswered <= lost + 20
    else:  # nearly all that were lost are larger than what ever passed
        largest = max(each.size for each in echoes[:alive])
        assert sum(each.size <= largest for each in echoes[alive:]) < 22


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 10))
def test_whatever_was_answered_last_ends_the_flow_that_passed(answered: list[bool], lost: int) -> None:
    echoes = flow("".join("+" if each else "-" for each in answered) + "-" * lost)
    for rule in (CHECK_RULE, SOAK_RULE):
        cut = find_cut(echoes, rule, LATER)
        assert cut is None or isinstance(cut, FlowCut)
        if cut:
            trailing = len(echoes) - max(n for n, each in enumerate(echoes) if each.answered_at) - 1
            assert cut.unanswered == trailing >= rule.least_run


@pytest.mark.thorough
@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([0.05, 0.15, 0.28, 0.5]))
def test_random_loss_is_hardly_ever_a_cut(seed: int, loss: float) -> None:
    """Of a thousand soaks over a lossy path; a second soak would have to fail in the same way."""
    random = Random(seed)
    rule = CutRule(SOAK_RULE.least_run, SOAK_RULE.least_s, SOAK_RULE.chance)
    cuts = sum(
        find_cut(flow("".join("-" if random.random() < loss else "+" for _ in range(100))), rule, LATER)
        is not None
        for _ in range(1000)
    )
    assert cuts <= 5
