"""Timestamp ledger: how far ahead the clock may be, and what the operator trusts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.store.ledger_harness import IDENTITY, OTHER, YEAR_NS, Clock, stamp_file
from wgmon_tui.checks import tai64n
from wgmon_tui.store.identity_lock import identity_digest
from wgmon_tui.store.timestamp_ledger import TimestampLedger


def test_a_clock_years_ahead_of_the_last_stamp_holds_the_next_one(tmp_path: Path) -> None:
    stamp_file(tmp_path, time.time_ns() - 5 * YEAR_NS)
    with TimestampLedger(tmp_path) as ledger:
        assert not ledger.may_stamp(IDENTITY)
        assert ledger.held is not None
        assert "1825 d later" in ledger.held
        assert "poison" in ledger.held
        assert "\n" not in ledger.held


@pytest.mark.parametrize("days", [0, 1, 29])
def test_a_clock_of_a_machine_that_was_off_for_a_while_holds_nothing(tmp_path: Path, days: int) -> None:
    stamp_file(tmp_path, time.time_ns() - days * 86_400 * 10**9)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)
        assert ledger.held is None


def test_another_identity_of_this_machine_is_evidence_for_the_clock(tmp_path: Path) -> None:
    stamp_file(tmp_path, time.time_ns() - YEAR_NS // 2)
    stamp_file(tmp_path, time.time_ns() - 10**9, OTHER)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)


def test_a_first_stamp_needs_no_evidence_until_ten_years_after_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)
    clock.now_ns += 20 * YEAR_NS
    with TimestampLedger(tmp_path / "other") as ledger:
        assert not ledger.may_stamp(IDENTITY)


def test_a_stamp_from_a_clock_that_was_not_set_yet_is_no_evidence(tmp_path: Path) -> None:
    stamp_file(tmp_path, 5 * 10**9)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)


def test_a_last_stamp_that_only_a_damaged_file_can_hold_is_not_continued(tmp_path: Path) -> None:
    stamp_file(tmp_path, time.time_ns() + 10 * YEAR_NS)
    with TimestampLedger(tmp_path) as ledger:
        assert not ledger.may_stamp(IDENTITY)
        assert ledger.held is not None
        assert "the last timestamp of an identity is far ahead" in ledger.held


def test_a_last_stamp_that_the_store_has_too_is_continued(tmp_path: Path) -> None:
    at_ns = time.time_ns() + 10 * YEAR_NS
    stamp_file(tmp_path, at_ns)
    with TimestampLedger(tmp_path, known={identity_digest(IDENTITY): at_ns}) as ledger:
        assert ledger.may_stamp(IDENTITY)


def test_stamps_do_not_follow_a_clock_that_jumps_while_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        before = tai64n.decode(ledger.next(IDENTITY))
        clock.now_ns += 2 * YEAR_NS
        assert ledger.may_stamp(IDENTITY)
        assert 0 < tai64n.decode(ledger.next(IDENTITY)) - before < 60 * 10**9
        assert ledger.clock_warning is not None
        clock.now_ns -= 2 * YEAR_NS
        clock.now_ns += 10**9
        assert abs(tai64n.decode(ledger.next(IDENTITY)) - clock.now_ns) < 2 * 10**9


def test_the_operator_trusts_the_clock_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp_file(tmp_path, time.time_ns() - YEAR_NS)
    monkeypatch.setattr("wgmon_tui.store.timestamp_ledger._LOOK_AGAIN_S", 3600.0)
    with TimestampLedger(tmp_path) as running, TimestampLedger(tmp_path) as command:
        assert not running.may_stamp(IDENTITY)
        command.trust_clock()
        assert running.may_stamp(IDENTITY)
        assert running.held is None


def test_a_jump_that_the_operator_trusts_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        clock.now_ns += YEAR_NS
        assert ledger.may_stamp(IDENTITY)
        ledger.trust_clock()
        assert ledger.may_stamp(IDENTITY)
        assert ledger.next(IDENTITY) == tai64n.encode(clock.now_ns)
