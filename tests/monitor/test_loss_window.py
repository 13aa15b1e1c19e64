"""Tests of the losses of the last checks: what counts, when a path is lossy, and what loss explains."""

from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import ip_address

import pytest

from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.evidence import (
    Evidence,
    FlowCut,
    InnerEcho,
    PassiveKeepalive,
    ReceiveOverflow,
    RecentLoss,
    Silence,
)
from wgmon_tui.monitor.loss_window import (
    CHECKS_KEPT,
    NO_CHECKS,
    LossWindow,
    is_explained_by_loss,
    known_loss,
    with_check,
    without_last_outage,
)
from wgmon_tui.net.addresses import Endpoint


def check(handshake: Handshake | None, sent: int, *evidence: Evidence) -> Check:
    tunnel = Tunnel(3, 3, 0.02, None, passive=False) if handshake else None
    return Check(
        "fra1", "here", Endpoint("a", 1), ip_address("192.0.2.7"), 0.0, handshake, evidence, (), sent, tunnel
    )


def answered(echoes: int = 3, *, lost_initiations: int = 0) -> Check:
    echo = InnerEcho("10.8.0.1", 3, echoes, 0.02 if echoes else None)
    return check(Handshake(0.02, lost_initiations), 1 + lost_initiations, echo)


SILENT = check(None, 2, Silence(5.0))
FINE, DEAD = answered(), answered(0)


def after(*checks: Check) -> LossWindow:
    window = NO_CHECKS
    for each in checks:
        window = with_check(window, each)
    return window


def test_one_of_three_echoes_lost_in_every_check_is_known_loss() -> None:
    assert known_loss(after(*[answered(2)] * CHECKS_KEPT)) == RecentLoss(20, 20, 0, 60, 20)


def test_initiations_that_a_retransmission_hides_add_up() -> None:
    assert known_loss(after(*[answered(lost_initiations=1)] * 5)) == RecentLoss(5, 10, 5, 15, 0)


def test_two_separate_losses_are_no_loss_yet() -> None:
    assert known_loss(after(FINE, answered(1), FINE, answered(1), FINE)) is None


def test_a_few_losses_among_many_packets_are_no_loss() -> None:
    few = [FINE] * 6 + [answered(2)]
    assert known_loss(after(*few * 2, *few)) is None  # 3 of 80


def test_an_outage_is_no_loss() -> None:
    assert known_loss(after(*([FINE] * 3 + [SILENT] * 4) * 3, FINE)) is None


def test_dead_data_for_a_while_is_no_loss() -> None:
    assert known_loss(after(*([FINE] * 3 + [DEAD] * 4) * 3, FINE)) is None


def test_checks_that_are_silent_one_at_a_time_are_loss() -> None:
    assert known_loss(after(*[FINE, FINE, SILENT] * 4, FINE)) == RecentLoss(13, 17, 8, 27, 0)


def test_dead_checks_at_the_end_do_not_count_yet() -> None:
    assert known_loss(after(*[answered(2)] * 5, SILENT, SILENT)) == RecentLoss(7, 5, 0, 15, 5)


def test_a_flow_that_was_cut_is_no_loss() -> None:
    cut = check(Handshake(0.02), 1, InnerEcho("10.8.0.1", 3, 1, 0.02), FlowCut(4, 500, 0.2, 2))
    assert known_loss(after(*[cut] * 10)) is None


def test_what_this_machine_lost_is_no_loss() -> None:
    assert known_loss(after(*[FINE, check(None, 2, Silence(5.0), ReceiveOverflow(3))] * 6, FINE)) is None


def test_loss_ends_only_well_below_where_it_begins() -> None:
    window = after(*[answered(2)] * 5, *[FINE] * 16)  # 4 of 80 left
    assert known_loss(window)
    for _ in range(2):
        window = with_check(window, FINE)
    assert known_loss(window)  # 2 of 80 are 2.5 %
    assert known_loss(with_check(window, FINE)) is None


def test_a_single_silent_check_is_explained_by_known_loss() -> None:
    window = after(*[answered(2)] * 6, SILENT)
    assert is_explained_by_loss(window, SILENT)


def test_a_silent_check_without_known_loss_is_not_explained() -> None:
    assert not is_explained_by_loss(after(FINE, FINE, SILENT), SILENT)


@pytest.mark.parametrize("last", [SILENT, DEAD], ids=["silent", "no data"])
def test_two_dead_checks_that_loss_makes_improbable_are_an_outage(last: Check) -> None:
    assert not is_explained_by_loss(after(*[answered(2)] * 6, last, last), last)


def test_two_silent_checks_that_heavy_loss_makes_likely_are_loss_but_four_are_an_outage() -> None:
    heavy = [answered(1, lost_initiations=1), answered(1, lost_initiations=2)] * 4
    assert is_explained_by_loss(after(*heavy, SILENT, SILENT), SILENT)
    assert not is_explained_by_loss(after(*heavy, *[SILENT] * 4), SILENT)


def test_a_single_lost_keepalive_of_a_lossy_server_is_explained_and_several_are_not() -> None:
    no_keepalive = replace(
        check(Handshake(0.02), 1, PassiveKeepalive(None, 10.75)),
        tunnel=Tunnel(1, 0, None, None, passive=True),
    )
    lossy = [check(Handshake(0.02, 1), 2), check(Handshake(0.02), 1), check(Handshake(0.02), 1)] * 3
    assert is_explained_by_loss(after(*lossy, no_keepalive), no_keepalive)
    assert not is_explained_by_loss(after(*lossy, *[no_keepalive] * 4), no_keepalive)


def test_an_outage_that_this_machine_caused_is_taken_back() -> None:
    before = after(FINE, answered(2))
    assert without_last_outage(with_check(with_check(before, SILENT), SILENT)).checks == before.checks


def test_a_path_with_fifteen_percent_of_loss_each_way_is_lossy_and_stays_so() -> None:
    rng = random.Random(7)

    def passes() -> bool:
        return rng.random() < 0.85**2

    window, lossy = NO_CHECKS, []
    for _ in range(300):
        initiations = [passes(), passes()]
        echoes = sum(passes() for _ in range(3))
        each = answered(echoes, lost_initiations=initiations.index(True)) if any(initiations) else SILENT
        window = with_check(window, each)
        lossy.append(window.is_lossy)
    assert all(lossy[CHECKS_KEPT:])
