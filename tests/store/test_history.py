"""Tests of History except periods: failures, exchanges, incidents, last known states, the journal."""

from __future__ import annotations

import math

from tests.output.sample_rounds import healthy, silent
from tests.store.sample_incidents import incident, past
from tests.store.sql_stores import T0, Store
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.rtt_window import CAPACITY
from wgmon_tui.store.models import (
    ExchangeSummary,
    JournalEntry,
    PeriodState,
    StoredCheck,
    StoredEntry,
    TimelinePoint,
)

DAY = 86_400.0


def test_failures_come_from_journal_and_packs_the_latest_first(store: Store) -> None:
    store.packed([past(0), past(10, Verdict.HEALTHY), past(20, Verdict.SLOW), past(70)])
    store.journal(past(130, Verdict.HEALTHY), past(140))
    found = store.history.failures("fra1")
    assert [check.at - T0 for check, _ in found] == [140, 70, 20, 0]
    assert [check.verdict for check, _ in found] == [
        Verdict.SILENT,
        Verdict.SILENT,
        Verdict.SLOW,
        Verdict.SILENT,
    ]


def test_a_local_fault_is_no_failure(store: Store) -> None:
    store.journal(past(0, Verdict.LOCAL_FAULT), TimelinePoint(T0 + 1, PeriodState.PAUSED))
    assert store.history.failures("fra1") == []


def test_as_many_failures_as_asked_before_a_time(store: Store) -> None:
    store.packed([past(after) for after in range(0, 300, 10)])
    found = store.history.failures("fra1", T0 + 200, 3)
    assert [check.at - T0 for check, _ in found] == [190, 180, 170]


def test_a_failure_comes_with_the_exchange_that_was_kept_of_it(store: Store) -> None:
    store.packed([past(0.1234567), past(10.1234567), past(20.1234567, is_deciding=False), past(20.1234567)])
    change = store.exchange(silent(), T0 + 0.1234567, "change")
    kept = store.exchange(silent(), T0 + 20.1234567, incident="incident-1")
    found = store.history.failures("fra1")
    assert [(round(check.at - T0, 2), check.is_deciding, line and line.id) for check, line in found] == [
        (20.12, False, None),
        (20.12, True, kept),
        (10.12, True, None),
        (0.12, True, change),
    ]
    assert found[-1][1] == ExchangeSummary(change, "fra1", T0 + 0.1234567, "change", Verdict.SILENT, None)


def test_failures_whose_check_is_forgotten_come_from_their_exchanges(store: Store) -> None:
    outcome = silent()
    old = store.exchange(outcome, T0 - 10 * DAY)
    store.exchange(healthy(), T0 - 11 * DAY, "change")
    store.exchange(healthy(), T0 - 12 * DAY, "good")
    store.packed([past(0)])
    [recent, (check, line)] = store.history.failures("fra1")
    assert recent[0].at == T0
    assert line is not None
    assert line.id == old
    assert check == StoredCheck(
        T0 - 10 * DAY, outcome.check.address, outcome.check.vantage, Verdict.SILENT, True, None
    )


def test_a_failure_whose_packets_cannot_be_read_is_still_returned(store: Store) -> None:
    store.exchange(silent(), T0 - DAY, stored=b"\x07nonsense")
    [(check, line)] = store.history.failures("fra1")
    assert check == StoredCheck(T0 - DAY, None, "", Verdict.SILENT, True, None)
    assert line is not None


def test_exchanges_come_the_latest_first(store: Store) -> None:
    first = store.exchange(silent(), T0)
    second = store.exchange(silent(), T0 + 10, server="ams2")
    third = store.exchange(healthy(), T0 + 20, "change", incident="incident-1")
    history = store.history
    assert [line.id for line in history.exchanges()] == [third, second, first]
    assert [line.id for line in history.exchanges("fra1")] == [third, first]
    assert [line.id for line in history.exchanges(start=T0 + 10, end=T0 + 20)] == [second]
    assert [line.id for line in history.exchanges(incident="incident-1")] == [third]
    assert [line.id for line in history.exchanges("fra1", incident="incident-1")] == [third]
    assert [line.id for line in history.exchanges(limit=1)] == [third]
    assert len(history.exchanges(limit=None)) == 3
    assert history.exchanges("nobody") == []


def test_an_exchange_opens_with_its_packets(store: Store) -> None:
    outcome = healthy()
    number = store.exchange(outcome, T0, "good")
    found = store.history.exchange(number)
    assert found is not None
    assert found.round == outcome
    assert found.line == ExchangeSummary(number, "fra1", T0, "good", Verdict.HEALTHY, None)


def test_an_exchange_that_is_gone_or_unreadable_is_none(store: Store) -> None:
    spoiled = store.exchange(healthy(), T0, stored=b"spoiled")
    assert store.history.exchange(spoiled) is None
    assert store.history.exchange(4711) is None


def test_the_last_good_one_is_the_latest_in_which_the_server_was_well(store: Store) -> None:
    store.exchange(healthy(), T0, "change")
    good = store.exchange(healthy(), T0 + 10, "good")
    store.exchange(silent(), T0 + 20, "change")
    found = store.history.last_good("fra1")
    assert found is not None
    assert found.line.id == good


def test_before_a_time_the_last_good_one_is_the_latest_that_is_kept_of_then(store: Store) -> None:
    recovered = store.exchange(healthy(), T0, "change")
    store.exchange(silent(), T0 + 10, "change")
    after = store.exchange(healthy(), T0 + 20, "good")
    before = store.history.last_good("fra1", T0 + 15)
    nearest = store.history.last_good("fra1", T0 - 100)
    assert before is not None
    assert before.line.id == recovered
    assert nearest is not None
    assert nearest.line.id == recovered
    assert after != recovered


def test_a_good_one_that_cannot_be_read_gives_way_to_the_one_before(store: Store) -> None:
    readable = store.exchange(healthy(), T0, "change")
    store.exchange(healthy(), T0 + 10, "good", stored=b"spoiled")
    found = store.history.last_good("fra1")
    assert found is not None
    assert found.line.id == readable


def test_a_server_that_was_never_well_has_no_good_one(store: Store) -> None:
    store.exchange(silent(), T0)
    assert store.history.last_good("fra1") is None
    assert store.history.last_good("nobody") is None


def test_what_is_known_now_is_what_was_compacted(store: Store) -> None:
    store.current(T0, PeriodState.DEGRADED, since=T0 - 50, samples=[0.25, math.nan], verdict="slow")
    known = store.history.current()["fra1"]
    assert (known.state, known.since, known.verdict) == (PeriodState.DEGRADED, T0 - 50, Verdict.SLOW)
    assert (known.rtt, known.port_monitor, known.damping) == (0.25, "open", "{}")
    assert known.samples[0] == 0.25
    assert math.isnan(known.samples[1])
    assert (known.incident, known.paused_since, known.paused_by) == (None, None, "")


def test_the_journal_goes_on_from_there(store: Store) -> None:
    ids = store.journal(past(0, Verdict.HEALTHY))
    store.current(T0, as_of=ids[0], samples=[0.5])
    store.journal(past(10), past(10, Verdict.HEALTHY, is_deciding=False), since=T0 + 9, port="closed")
    known = store.history.current()["fra1"]
    assert (known.verdict, known.rtt, known.port_monitor) == (Verdict.SILENT, None, "closed")
    assert known.since == T0 + 9
    assert [None if math.isnan(rtt) else rtt for rtt in known.samples] == [0.5, None]


def test_a_change_without_a_check_leaves_the_last_check_known(store: Store) -> None:
    store.journal(past(0, Verdict.HEALTHY), TimelinePoint(T0 + 5, PeriodState.PAUSED), since=T0 + 5)
    known = store.history.current()["fra1"]
    assert (known.state, known.since, known.verdict, known.rtt) == (
        PeriodState.PAUSED,
        T0 + 5,
        Verdict.HEALTHY,
        0.25,
    )


def test_local_faults_are_no_samples(store: Store) -> None:
    store.journal(past(0, Verdict.LOCAL_FAULT))
    assert list(store.history.current()["fra1"].samples) == []


def test_only_the_last_samples_are_given(store: Store) -> None:
    store.current(T0, samples=[0.5] * CAPACITY)
    store.journal(past(10, Verdict.HEALTHY))
    assert list(store.history.current()["fra1"].samples) == [0.5] * (CAPACITY - 1) + [0.25]


def test_a_server_that_was_never_checked_is_not_known(store: Store) -> None:
    store.server("new")
    assert store.history.current() == {}


def test_entries_and_names_are_of_every_server_of_the_store(store: Store) -> None:
    store.server("fra1")
    store.server("ams2", removed_at=T0)
    assert store.history.entries() == [
        StoredEntry("ams2", '{"endpoint":"ams2"}', T0),
        StoredEntry("fra1", '{"endpoint":"fra1"}', None),
    ]
    assert store.history.names() == ["ams2", "fra1"]


def test_the_journal_is_followed_by_its_ids(store: Store) -> None:
    moments = [past(0, Verdict.HEALTHY), TimelinePoint(T0 + 5, PeriodState.PAUSED), past(10)]
    ids = store.journal(*moments, since=T0, port="open")
    entries = [JournalEntry(ids[n], "fra1", T0, moments[n], "open") for n in range(3)]
    assert store.history.journal_after(0) == entries
    assert store.history.journal_after(ids[0]) == entries[1:]
    assert store.history.journal_after(0, 2) == entries[:2]
    assert store.history.journal_after(ids[2]) == []


def test_the_end_of_the_journal_is_known_when_it_is_empty_again(store: Store) -> None:
    assert store.history.journal_end() == 0
    ids = store.journal(past(0), past(10))
    store.connection.execute("DELETE FROM checks")
    assert store.history.journal_end() == ids[-1]


def test_the_fleet_version_is_the_writers(store: Store) -> None:
    assert store.history.fleet_version() == 0
    store.connection.execute("INSERT INTO facts (name, value) VALUES ('fleet_version', 7)")
    assert store.history.fleet_version() == 7


def test_unknown_stored_strings_are_left_out(store: Store) -> None:
    store.journal(past(0, Verdict.HEALTHY), past(10))
    store.exchange(silent(), T0)
    store.incident(incident(1, 0))
    store.incident(incident(2, 10))
    for table, column in (("checks", "verdict"), ("exchanges", "verdict"), ("incidents", "severity")):
        store.connection.execute(
            f"UPDATE {table} SET {column} = 'clairvoyant' WHERE rowid = (SELECT min(rowid) FROM {table})"
        )
    store.connection.execute("UPDATE checks SET state = 'bewitched'")
    history = store.history
    assert [check.at for check in history.checks("fra1", T0, T0 + 60)] == [T0 + 10]
    assert [entry.moment.check is None for entry in history.journal_after(0)] == [True, False]
    assert history.current()["fra1"].state is PeriodState.UNKNOWN
    assert history.exchanges() == []
    assert history.incidents() == [incident(2, 10)]
