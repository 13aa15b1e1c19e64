"""Tests of History except periods: failures, exchanges, incidents, last known states, the journal."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.output.sample_rounds import healthy, silent
from tests.parameters import default_run
from tests.store.sql_stores import T0, Store
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import MAX_VERDICTS, Incident, VerdictChange
from wgmon_tui.monitor.rtt_window import CAPACITY
from wgmon_tui.store.database import NewerStoreError, StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.models import (
    ExchangeSummary,
    JournalEntry,
    Note,
    PeriodState,
    StoredCheck,
    StoredEntry,
    TimelinePoint,
)
from wgmon_tui.store.store_version import VERSION
from wgmon_tui.store.write.batch import Batch

DAY = 86_400.0

ADDRESS = ip_address("192.0.2.7")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.db")
    yield made
    made.close()


def past(after: float, verdict: Verdict = Verdict.SILENT, *, is_deciding: bool = True) -> TimelinePoint:
    rtt = 0.25 if verdict is Verdict.HEALTHY else None
    check = StoredCheck(T0 + after, ADDRESS, "here", verdict, is_deciding, rtt)
    return TimelinePoint(T0 + after, PeriodState.UP if rtt else PeriodState.DOWN, check)


def incident(number: int, opened: float, closed: float | None = None, server: str = "fra1") -> Incident:
    return Incident(
        f"incident-{number}",
        server,
        "here",
        T0 + opened,
        Verdict.SILENT,
        Severity.DOWN,
        "Nothing came back.",
        None if closed is None else T0 + closed,
    )


# Failures


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


# Exchanges


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


# Incidents


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


def changes(*verdicts: Verdict) -> tuple[VerdictChange, ...]:
    return tuple(VerdictChange(T0 + at, each, f"{each.slug}.") for at, each in enumerate(verdicts))


def write(store: Store, *incidents: Incident) -> None:
    for each in incidents:
        store.server(each.server)
        Batch(incidents={each.id: each}).write(store.connection, store.ids, T0)


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


# Last known states


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


# The journal


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


# Values of another version


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


def test_a_store_of_a_later_version_is_refused_in_one_sentence(store: Store) -> None:
    store.history.names()
    store.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(NewerStoreError, match="later version") as refused:
        store.history.names()
    assert "\n" not in str(refused.value)


# The store cannot be read


def in_one_line(ask: Callable[[], object]) -> str:
    with pytest.raises(StoreUnavailableError) as failure:
        ask()
    assert "\n" not in str(failure.value)
    return str(failure.value)


def test_a_missing_store_is_reported_in_one_line_and_found_once_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    history = History(path)
    assert str(path) in in_one_line(history.names)
    store = Store(path)
    store.server("fra1")
    assert history.names() == ["fra1"]
    history.close()
    store.close()


def test_a_file_that_is_no_store_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"This is no database. " * 100)
    assert "damaged" in in_one_line(History(path).names)


def test_an_empty_file_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.touch()
    assert "earlier version" in in_one_line(History(path).names)


def test_a_new_store_in_the_place_of_a_damaged_one_is_read_from_then_on(store: Store) -> None:
    store.server("old")
    assert store.history.names() == ["old"]
    for suffix in ("-wal", "-shm", ""):
        file = store.path.with_name(store.path.name + suffix)
        file.rename(file.with_name(f"aside{suffix}"))
    new = Store(store.path)
    new.server("new")
    assert store.history.names() == ["new"]
    new.close()


def test_a_reader_sees_what_was_committed_and_nothing_else(store: Store) -> None:
    store.connection.execute("BEGIN")
    store.server("fra1")
    assert store.history.names() == []
    store.connection.execute("COMMIT")
    assert store.history.names() == ["fra1"]


def test_a_reader_never_writes(store: Store) -> None:
    with (
        store.history._reader.transaction() as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM servers")


def test_many_threads_read_at_once(store: Store) -> None:
    store.journal(*(past(after) for after in range(50)))
    with ThreadPoolExecutor(8) as pool:
        counts = pool.map(lambda _: len(store.history.checks("fra1", T0, T0 + 60)), range(64))
        assert set(counts) == {50}


def test_a_closed_history_opens_again(store: Store) -> None:
    store.server("fra1")
    store.history.names()
    store.history.close()
    assert store.history.names() == ["fra1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to read as another account")
@pytest.mark.parametrize("writer", default_run(["was killed"], ["is there", "has ended", "was killed"]))
def test_a_member_of_the_group_reads_what_only_the_owner_may_write(writer: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o750)
        os.chown(directory, -1, 65_534)
        store = Store(directory / "history.db")
        store.server("fra1")
        if writer == "has ended":
            store.close()
        for path in directory.iterdir():
            path.chmod(0o640)
            os.chown(path, -1, 65_534)
        if writer == "was killed":
            # What a kill leaves: the log with its content, and no lock.
            left = {path.name: path.read_bytes() for path in directory.iterdir()}
            store.close()
            for file, content in left.items():
                (directory / file).write_bytes(content)
                (directory / file).chmod(0o640)
                os.chown(directory / file, -1, 65_534)
        assert _read_as(12_345, 65_534, directory / "history.db") == "['fra1']"
        store.close()


AS_SOMEBODY_ELSE = """
import os, sys
import urllib.parse  # which pathlib needs later: the other account may not read this Python
from pathlib import Path
from wgmon_tui.store.history import History

os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
print(History(Path(sys.argv[3])).names())
"""


def _read_as(user: int, group: int, path: Path) -> str:
    """Return the names in a store as read by another account, or its error."""
    child = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY_ELSE, str(user), str(group), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return (child.stdout + child.stderr).strip()
