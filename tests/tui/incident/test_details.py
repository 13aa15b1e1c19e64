"""What is read about one incident, and that nothing of another one is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.tui import sample_exchanges
from tests.tui.sample_exchanges import server
from tests.tui.sample_histories import MINUTE
from tests.tui.sample_incidents import DOWN_AT, SILENT_AT, SLOW_AT, RememberedIncident, over, remembered
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.tui.incident.details import IncidentDetails, read_details


def read(made: RememberedIncident) -> IncidentDetails:
    with made.history() as history:
        found = read_details(history, made.harness.state_dir, over().id, {"fra1": server("fra1")})
    assert found
    return found


def test_the_entry_has_its_notes_and_its_server(tmp_path: Path) -> None:
    entry = read(RememberedIncident(tmp_path)).entry
    assert entry.incident == over()
    assert [note.text for note in entry.notes] == ["their new router"]
    assert entry.server == server("fra1")


def test_exchanges_of_other_incidents_and_servers_are_left_out(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.keep_packets()
    made.keep(sample_exchanges.silent("lon3", at=DOWN_AT), "change", tagged=False)
    made.incident = replace(over(), id="of another incident")
    made.keep(sample_exchanges.silent(at=DOWN_AT + 1), "failure")
    assert [each.at for each in read(made).exchanges] == [SLOW_AT - 5, DOWN_AT, SILENT_AT]


def test_failures_before_the_last_good_check_do_not_belong_to_it(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.keep(sample_exchanges.silent(at=SLOW_AT - 2 * MINUTE), "change", tagged=False)
    made.keep_packets()
    assert read(made).exchanges[0].at == SLOW_AT - 5


def test_failures_of_an_incident_just_before_do_not_belong_to_it(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.keep(sample_exchanges.silent(at=SLOW_AT), "change")
    made.incident = replace(over(), id="of the incident before")
    made.keep(sample_exchanges.silent(at=SLOW_AT - MINUTE), "change")
    assert [each.at for each in read(made).exchanges] == [SLOW_AT]


def test_the_headline_exchange_has_the_verdict_of_the_headline(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.keep(sample_exchanges.silent(at=SLOW_AT), "change")
    made.keep(sample_exchanges.psk_mismatch(at=DOWN_AT), "change")
    details = read(made)
    assert details.headline_exchange
    assert details.headline_exchange.verdict is Verdict.PSK_MISMATCH
    other = replace(details, exchanges=details.exchanges[:1])
    assert other.headline_exchange == details.exchanges[0]
    assert replace(details, exchanges=()).headline_exchange is None


def test_messages_about_several_incidents_belong_to_each_and_others_to_none(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.notify()
    before = len(read(made).deliveries or ())
    made = RememberedIncident(tmp_path)
    for name in ("lon3", "ams2"):
        made.harness.opens(name)
    made.harness.expand()
    assert len(made.harness.log()) > before
    assert len(read(made).deliveries or ()) == before
    [opened, *_] = [
        each for each in made.harness.log() if each.announcement.about[0].incident.server != "fra1"
    ]
    ids = [each.incident.id for each in opened.announcement.about]
    assert len(ids) == 2
    for number in ids:
        with made.history() as history:
            found = read_details(history, tmp_path, number, {})
        assert found
        assert [each.id for each in found.deliveries or ()] == [opened.id - 1, opened.id]


def test_without_a_state_directory_nothing_is_known_of_alerts(tmp_path: Path) -> None:
    with remembered(tmp_path) as history:
        found = read_details(history, None, over().id, {})
    assert found
    assert found.deliveries is None


def test_an_incident_that_is_not_stored_has_no_details(tmp_path: Path) -> None:
    with remembered(tmp_path) as history:
        assert read_details(history, tmp_path, "another", {}) is None
