"""Incidents of the history, with the sequence of their verdicts."""

from __future__ import annotations

from dataclasses import replace

from tests.store.sample_incidents import changes, incident, past, write
from tests.store.sql_stores import T0, Store
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.incidents import MAX_VERDICTS
from wgmon_tui.store.models import (
    Note,
    PeriodState,
)


def test_incidents_come_the_latest_first_and_as_they_are(store: Store) -> None:
    old = replace(incident(1, 0, 60), flapping=True)
    new = replace(incident(2, 100, server="ams2"), acknowledged_at=T0 + 5, acknowledged_by="kim")
    store.incident(old)
    store.incident(new)
    assert store.history.incidents() == [new, old]
    assert store.history.incidents("fra1") == [old]
    assert store.history.incidents(open_only=True) == [new]
    assert store.history.incidents("fra1", open_only=True) == []
    assert store.history.incidents(limit=1) == [new]


def test_an_incident_has_its_sequence_of_verdicts_wherever_it_is_read(store: Store) -> None:
    over = replace(incident(1, 0, 60), verdicts=changes(Verdict.SILENT, Verdict.SLOW, Verdict.HEALTHY))
    going = replace(incident(2, 100), verdicts=changes(Verdict.SILENT))
    write(store, over, going)
    store.journal(past(0))
    assert store.history.incidents() == [going, over]
    assert store.history.incidents("fra1") == [going, over]
    assert store.history.incidents(open_only=True) == [going]
    assert store.history.current()["fra1"].incident == going


def test_a_sequence_is_written_as_it_is_after_the_last_change(store: Store) -> None:
    first = replace(incident(1, 0), verdicts=changes(Verdict.SLOW))
    second = replace(first, verdicts=changes(Verdict.SLOW, Verdict.SILENT))
    write(store, first, second)
    assert store.history.incidents() == [second]


def test_the_verdicts_that_a_long_sequence_left_out_are_counted(store: Store) -> None:
    pair = (Verdict.SILENT, Verdict.PORT_CLOSED)
    long = replace(incident(1, 0), verdicts=changes(*pair * (MAX_VERDICTS // 2)), omitted_verdicts=7)
    write(store, long)
    assert store.history.incidents() == [long]


def test_a_verdict_of_a_later_version_counts_as_left_out(store: Store) -> None:
    write(store, replace(incident(1, 0), verdicts=changes(Verdict.SILENT, Verdict.SLOW)))
    store.connection.execute("UPDATE verdict_changes SET verdict = 'on-fire' WHERE number = 1")
    [found] = store.history.incidents()
    assert (found.verdicts, found.omitted_verdicts) == (changes(Verdict.SILENT), 1)


def test_more_incidents_than_one_query_can_name_have_their_sequences(store: Store) -> None:
    many = [replace(incident(each, each, each), verdicts=changes(Verdict.SILENT)) for each in range(1100)]
    write(store, *many)
    assert store.history.incidents(limit=None) == many[::-1]


def test_incidents_of_an_earlier_writer_are_read_without_a_sequence(store: Store) -> None:
    store.connection.execute("DROP TABLE verdict_changes")
    store.incident(incident(1, 0))
    assert store.history.incidents() == [incident(1, 0)]
    assert store.history.incidents()[0].sequence == "silent"


def test_since_leaves_out_only_what_was_over_before(store: Store) -> None:
    over, ended, going = incident(1, 0, 60), incident(2, 10, 100), incident(3, 20)
    for each in (over, ended, going):
        store.incident(each)
    assert store.history.incidents(since=T0 + 100, limit=None) == [going, ended]


def test_notes_come_in_their_order(store: Store) -> None:
    store.connection.executemany(
        "INSERT INTO notes (incident, at, who, text) VALUES (?, ?, ?, ?)",
        [("i", 2.0, "kim", "fixed"), ("i", 1.0, "lee", "looking"), ("j", 1.0, "kim", "other")],
    )
    assert store.history.notes("i") == [Note(1.0, "lee", "looking"), Note(2.0, "kim", "fixed")]
    assert store.history.notes("nothing") == []


def test_the_open_incident_and_the_pause_are_known(store: Store) -> None:
    store.incident(incident(1, 0, 60))
    store.incident(incident(2, 100))
    store.journal(past(0))
    store.connection.execute(
        "INSERT INTO pauses (server, since, who) VALUES (?, ?, 'kim')", (store.server("ams2"), T0)
    )
    current = store.history.current()
    assert current["fra1"].incident == incident(2, 100)
    assert (current["ams2"].paused_since, current["ams2"].paused_by) == (T0, "kim")
    assert current["ams2"].state is PeriodState.UNKNOWN
