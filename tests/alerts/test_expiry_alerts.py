"""Alerts about certificates and keys that end: once for each threshold, together, and not in a mute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.alerts.outbox_harness import OutboxHarness, all_to
from tests.alerts.unwritable_store import Stuck
from tests.store.engine_updates import server
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.alerting import DAY_S, DailyWindow, Maintenance, Rule
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.store.write.batch import Batch, Pause, StoredServer

CERTIFICATE = Expires("server certificate", "vpn.example.net", 0.0)
GATHERED_S = 60.0


def sees(harness: OutboxHarness, name: str, *days: float, tags: tuple[str, ...] = ()) -> None:
    """Record that a server has certificates that end in so many days."""
    fleet = {name: StoredServer(server_to_entry(replace(server(name), tags=tags)), 60.0)}
    ends = tuple(
        replace(CERTIFICATE, name=f"{number}.example.net", at=harness.clock.now + each * DAY_S)
        for number, each in enumerate(days)
    )
    stored = {
        known: StoredServer(str(entry), 60.0)
        for known, entry in harness.query("SELECT name, entry FROM servers WHERE removed_at IS NULL")
        if isinstance(known, str)
    }
    OutboxHarness.write(harness, Batch(new_expiries={name: ends}, fleet=stored | fleet))


def gathers(harness: OutboxHarness) -> None:
    """Pass the time in which ends are gathered."""
    harness.passes(0.1)
    harness.passes(GATHERED_S)


def told(harness: OutboxHarness, sink: str = "pager") -> list[list[tuple[str, int]]]:
    """Server and days that are left of each message."""
    return [
        [(each.server, round((each.at - said.at) / DAY_S)) for each in said.expiries]
        for said in harness.got[sink]
        if said.expiries
    ]


def ruled(tmp_path: Path, *rules: Rule, maintenance: tuple[Maintenance, ...] = ()) -> OutboxHarness:
    return OutboxHarness(tmp_path, replace(all_to("pager", rules=rules), maintenance=maintenance))


def test_the_end_is_told_at_each_threshold_once(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 31)
    for _ in range(40 * 4):
        harness.passes(DAY_S / 4)
        harness.passes(GATHERED_S)
    assert told(harness) == [[("fra1", 30)], [("fra1", 7)], [("fra1", 1)]]


def test_what_is_within_several_thresholds_at_first_is_told_once(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 0.5)
    gathers(harness)
    gathers(harness)
    assert told(harness) == [[("fra1", 0)]]


def test_what_ends_later_than_every_threshold_is_not_told(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 31)
    gathers(harness)
    assert told(harness) == []


def test_a_restart_repeats_nothing(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    gathers(harness)
    harness.restart()
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]


def test_a_kill_while_ends_are_gathered_loses_nothing(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    harness.passes(0.1)
    harness.restart()
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]


def test_forty_that_are_found_one_after_another_are_one_message(harness: OutboxHarness) -> None:
    for number in range(40):
        sees(harness, f"fra{number:02}", 6 + number / 100)
        harness.passes(1.0)
    gathers(harness)
    assert [len(each) for each in told(harness)] == [40]


def test_a_renewal_is_told_to_nobody_and_starts_the_thresholds_anew(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    gathers(harness)
    sees(harness, "fra1", 40)
    gathers(harness)
    harness.passes(11 * DAY_S)
    gathers(harness)
    assert told(harness) == [[("fra1", 6)], [("fra1", 29)]]


def test_a_renewal_for_six_days_is_told_only_when_it_comes_too_late(harness: OutboxHarness) -> None:
    for _ in range(5):
        sees(harness, "fra1", 6)
        gathers(harness)
        harness.passes(3 * DAY_S)
    assert told(harness) == [[("fra1", 6)]]
    harness.passes(2.5 * DAY_S)
    gathers(harness)
    assert told(harness) == [[("fra1", 6)], [("fra1", 0)]]


def test_an_earlier_date_is_news(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 29)
    gathers(harness)
    sees(harness, "fra1", 20)
    gathers(harness)
    assert told(harness) == [[("fra1", 29)], [("fra1", 20)]]


def test_a_date_that_wanders_by_seconds_is_the_same_date(harness: OutboxHarness) -> None:
    for _ in range(3):
        sees(harness, "fra1", 6)
        gathers(harness)
    assert told(harness) == [[("fra1", 6)]]


def test_a_rule_says_when_and_of_which_servers(tmp_path: Path) -> None:
    edge = Rule(("pager",), tags=("edge",), expiry=(14 * DAY_S,))
    harness = ruled(tmp_path, edge, Rule(("pager",), servers=("ams*",), expiry=()))
    for name, tags in (("fra1", ("edge",)), ("fra2", ()), ("ams1", ())):
        sees(harness, name, 13, 20, tags=tags)
    gathers(harness)
    assert told(harness) == [[("fra1", 13)]]
    harness.close()


def test_a_rule_for_some_verdicts_tells_of_ends_too(tmp_path: Path) -> None:
    harness = ruled(tmp_path, Rule(("pager",), severities=("down",), verdicts=("silent",)))
    sees(harness, "fra1", 6)
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]
    harness.close()


def test_a_muted_server_is_told_when_the_mute_ends_and_the_log_says_why(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    harness.mutes("fra1", harness.clock.now + 3600)
    gathers(harness)
    gathers(harness)
    assert told(harness) == []
    [(sink, reason)] = harness.held()
    assert (sink, reason.split(" until")[0]) == ("pager", "muted by ada")
    harness.passes(3600)
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]


def test_a_paused_server_is_not_told(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    harness.write(Batch(pauses={"fra1": Pause(harness.clock.now, "ada")}))
    gathers(harness)
    assert (told(harness), harness.held()) == ([], [("pager", "paused")])
    harness.write(Batch(pauses={"fra1": None}))
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]


def test_maintenance_holds_it_back(tmp_path: Path) -> None:
    harness = ruled(tmp_path)
    now = harness.clock.now
    harness.alerts = replace(
        harness.alerts, maintenance=(Maintenance("move", now, now + 3600, servers=("fra1",)),)
    )
    sees(harness, "fra1", 6)
    gathers(harness)
    assert (told(harness), harness.held()) == ([], [("pager", 'maintenance "move"')])
    harness.passes(3600)
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]
    harness.close()


def test_quiet_hours_hold_it_back(tmp_path: Path) -> None:
    always = tuple(DailyWindow(begin, begin + 720, None, "now") for begin in (0, 720))
    harness = ruled(tmp_path, Rule(("pager",), quiet=always))
    sees(harness, "fra1", 6)
    gathers(harness)
    assert (told(harness), harness.held()) == ([], [("pager", "quiet hours now")])
    harness.alerts = all_to("pager", rules=(Rule(("pager",)),))
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]
    harness.close()


def test_a_server_that_left_the_file_is_not_told(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 8)
    harness.write(Batch(fleet={"ams1": StoredServer("{}", 60.0)}))
    harness.passes(2 * DAY_S)
    gathers(harness)
    assert told(harness) == []


def test_while_the_clock_is_in_doubt_nothing_is_told(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    for _ in range(3):
        harness.outbox.expand(harness.alerts, harness.clock.now, is_clock_believed=False)
        harness.clock.now += GATHERED_S
    assert harness.log() == []


def test_what_is_told_from_memory_is_told_once(tmp_path: Path) -> None:
    harness = Stuck(tmp_path, all_to("pager"))
    sees(harness, "fra1", 6)
    harness.passes(0.1)
    harness.away = True
    harness.opens("ams1")
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]
    harness.away = False
    harness.write(Batch())
    gathers(harness)
    harness.restart()
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]
    harness.close()


def test_the_alertmanager_hears_of_it_until_the_date_moves(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    gathers(harness)
    [standing] = harness.outbox.told_expiries("pager")
    assert (standing.server, standing.name) == ("fra1", "0.example.net")
    for days in (90, 92, 20):
        sees(harness, "fra1", days)
        gathers(harness)
        assert bool(harness.outbox.told_expiries("pager")) is (days == 20)


def test_the_alertmanager_does_not_hear_of_a_renewal_that_ends_soon_too(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    gathers(harness)
    sees(harness, "fra1", 20)
    gathers(harness)
    assert harness.outbox.told_expiries("pager") == ()
    harness.passes(14 * DAY_S)
    gathers(harness)
    assert len(harness.outbox.told_expiries("pager")) == 1


def test_what_ended_long_ago_and_is_not_seen_any_more_is_forgotten(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 1)
    gathers(harness)
    assert harness.query("SELECT count(*) FROM expiry_notices") == [(1,)]
    harness.passes(40 * DAY_S)
    harness.outbox.forget(harness.clock.now)
    assert harness.query("SELECT count(*) FROM expiry_notices") == [(1,)]
    harness.write(Batch(new_expiries={"fra1": ()}))
    gathers(harness)
    harness.outbox.forget(harness.clock.now)
    assert harness.query("SELECT count(*) FROM expiry_notices") == [(0,)]


def test_a_store_that_replaces_a_damaged_one_repeats_nothing(harness: OutboxHarness) -> None:
    sees(harness, "fra1", 6)
    gathers(harness)
    harness.shut()
    (harness.state_dir / "history.db").rename(harness.state_dir / "aside.db")
    for rest in ("-wal", "-shm"):
        (harness.state_dir / f"history.db{rest}").unlink(missing_ok=True)
    harness.reopen()
    sees(harness, "fra1", 5.99)
    gathers(harness)
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]
    harness.restart()
    gathers(harness)
    assert told(harness) == [[("fra1", 6)]]
