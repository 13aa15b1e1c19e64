"""Alerts about certificates and keys that end: once for each threshold, together, and not in a mute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.alerts.outbox_harness import Shop, all_to
from tests.alerts.unwritable_store import Stuck
from tests.store.engine_updates import server
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.alerting import DAY_S, DailyWindow, Maintenance, Rule
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.store.write.batch import Batch, Pause, StoredServer

CERTIFICATE = Expires("server certificate", "vpn.example.net", 0.0)
GATHERED_S = 60.0


def sees(shop: Shop, name: str, *days: float, tags: tuple[str, ...] = ()) -> None:
    """Record that a server has certificates that end in so many days."""
    fleet = {name: StoredServer(server_to_entry(replace(server(name), tags=tags)), 60.0)}
    ends = tuple(
        replace(CERTIFICATE, name=f"{number}.example.net", at=shop.clock.now + each * DAY_S)
        for number, each in enumerate(days)
    )
    stored = {
        known: StoredServer(str(entry), 60.0)
        for known, entry in shop.query("SELECT name, entry FROM servers WHERE removed_at IS NULL")
        if isinstance(known, str)
    }
    Shop.write(shop, Batch(new_expiries={name: ends}, fleet=stored | fleet))


def gathers(shop: Shop) -> None:
    """Pass the time in which ends are gathered."""
    shop.passes(0.1)
    shop.passes(GATHERED_S)


def told(shop: Shop, sink: str = "pager") -> list[list[tuple[str, int]]]:
    """Server and days that are left of each message."""
    return [
        [(each.server, round((each.at - said.at) / DAY_S)) for each in said.expiries]
        for said in shop.got[sink]
        if said.expiries
    ]


def ruled(tmp_path: Path, *rules: Rule, maintenance: tuple[Maintenance, ...] = ()) -> Shop:
    return Shop(tmp_path, replace(all_to("pager", rules=rules), maintenance=maintenance))


def test_the_end_is_told_at_each_threshold_once(shop: Shop) -> None:
    sees(shop, "fra1", 31)
    for _ in range(40 * 4):
        shop.passes(DAY_S / 4)
        shop.passes(GATHERED_S)
    assert told(shop) == [[("fra1", 30)], [("fra1", 7)], [("fra1", 1)]]


def test_what_is_within_several_thresholds_at_first_is_told_once(shop: Shop) -> None:
    sees(shop, "fra1", 0.5)
    gathers(shop)
    gathers(shop)
    assert told(shop) == [[("fra1", 0)]]


def test_what_ends_later_than_every_threshold_is_not_told(shop: Shop) -> None:
    sees(shop, "fra1", 31)
    gathers(shop)
    assert told(shop) == []


def test_a_restart_repeats_nothing(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    gathers(shop)
    shop.restart()
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]


def test_a_kill_while_ends_are_gathered_loses_nothing(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    shop.passes(0.1)
    shop.restart()
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]


def test_forty_that_are_found_one_after_another_are_one_message(shop: Shop) -> None:
    for number in range(40):
        sees(shop, f"fra{number:02}", 6 + number / 100)
        shop.passes(1.0)
    gathers(shop)
    assert [len(each) for each in told(shop)] == [40]


def test_a_renewal_is_told_to_nobody_and_starts_the_thresholds_anew(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    gathers(shop)
    sees(shop, "fra1", 40)
    gathers(shop)
    shop.passes(11 * DAY_S)
    gathers(shop)
    assert told(shop) == [[("fra1", 6)], [("fra1", 29)]]


def test_a_renewal_for_six_days_is_told_only_when_it_comes_too_late(shop: Shop) -> None:
    for _ in range(5):
        sees(shop, "fra1", 6)
        gathers(shop)
        shop.passes(3 * DAY_S)
    assert told(shop) == [[("fra1", 6)]]
    shop.passes(2.5 * DAY_S)
    gathers(shop)
    assert told(shop) == [[("fra1", 6)], [("fra1", 0)]]


def test_an_earlier_date_is_news(shop: Shop) -> None:
    sees(shop, "fra1", 29)
    gathers(shop)
    sees(shop, "fra1", 20)
    gathers(shop)
    assert told(shop) == [[("fra1", 29)], [("fra1", 20)]]


def test_a_date_that_wanders_by_seconds_is_the_same_date(shop: Shop) -> None:
    for _ in range(3):
        sees(shop, "fra1", 6)
        gathers(shop)
    assert told(shop) == [[("fra1", 6)]]


def test_a_rule_says_when_and_of_which_servers(tmp_path: Path) -> None:
    edge = Rule(("pager",), tags=("edge",), expiry=(14 * DAY_S,))
    shop = ruled(tmp_path, edge, Rule(("pager",), servers=("ams*",), expiry=()))
    for name, tags in (("fra1", ("edge",)), ("fra2", ()), ("ams1", ())):
        sees(shop, name, 13, 20, tags=tags)
    gathers(shop)
    assert told(shop) == [[("fra1", 13)]]
    shop.close()


def test_a_rule_for_some_verdicts_tells_of_ends_too(tmp_path: Path) -> None:
    shop = ruled(tmp_path, Rule(("pager",), severities=("down",), verdicts=("silent",)))
    sees(shop, "fra1", 6)
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]
    shop.close()


def test_a_muted_server_is_told_when_the_mute_ends_and_the_log_says_why(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    shop.mutes("fra1", shop.clock.now + 3600)
    gathers(shop)
    gathers(shop)
    assert told(shop) == []
    [(sink, reason)] = shop.held()
    assert (sink, reason.split(" until")[0]) == ("pager", "muted by ada")
    shop.passes(3600)
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]


def test_a_paused_server_is_not_told(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    shop.write(Batch(pauses={"fra1": Pause(shop.clock.now, "ada")}))
    gathers(shop)
    assert (told(shop), shop.held()) == ([], [("pager", "paused")])
    shop.write(Batch(pauses={"fra1": None}))
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]


def test_maintenance_holds_it_back(tmp_path: Path) -> None:
    shop = ruled(tmp_path)
    now = shop.clock.now
    shop.alerts = replace(shop.alerts, maintenance=(Maintenance("move", now, now + 3600, servers=("fra1",)),))
    sees(shop, "fra1", 6)
    gathers(shop)
    assert (told(shop), shop.held()) == ([], [("pager", 'maintenance "move"')])
    shop.passes(3600)
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]
    shop.close()


def test_quiet_hours_hold_it_back(tmp_path: Path) -> None:
    always = tuple(DailyWindow(begin, begin + 720, None, "now") for begin in (0, 720))
    shop = ruled(tmp_path, Rule(("pager",), quiet=always))
    sees(shop, "fra1", 6)
    gathers(shop)
    assert (told(shop), shop.held()) == ([], [("pager", "quiet hours now")])
    shop.alerts = all_to("pager", rules=(Rule(("pager",)),))
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]
    shop.close()


def test_a_server_that_left_the_file_is_not_told(shop: Shop) -> None:
    sees(shop, "fra1", 8)
    shop.write(Batch(fleet={"ams1": StoredServer("{}", 60.0)}))
    shop.passes(2 * DAY_S)
    gathers(shop)
    assert told(shop) == []


def test_while_the_clock_is_in_doubt_nothing_is_told(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    for _ in range(3):
        shop.outbox.expand(shop.alerts, shop.clock.now, is_clock_believed=False)
        shop.clock.now += GATHERED_S
    assert shop.log() == []


def test_what_is_told_from_memory_is_told_once(tmp_path: Path) -> None:
    shop = Stuck(tmp_path, all_to("pager"))
    sees(shop, "fra1", 6)
    shop.passes(0.1)
    shop.away = True
    shop.opens("ams1")
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]
    shop.away = False
    shop.write(Batch())
    gathers(shop)
    shop.restart()
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]
    shop.close()


def test_the_alertmanager_hears_of_it_until_the_date_moves(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    gathers(shop)
    [standing] = shop.outbox.told_expiries("pager")
    assert (standing.server, standing.name) == ("fra1", "0.example.net")
    for days in (90, 92, 20):
        sees(shop, "fra1", days)
        gathers(shop)
        assert bool(shop.outbox.told_expiries("pager")) is (days == 20)


def test_the_alertmanager_does_not_hear_of_a_renewal_that_ends_soon_too(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    gathers(shop)
    sees(shop, "fra1", 20)
    gathers(shop)
    assert shop.outbox.told_expiries("pager") == ()
    shop.passes(14 * DAY_S)
    gathers(shop)
    assert len(shop.outbox.told_expiries("pager")) == 1


def test_what_ended_long_ago_and_is_not_seen_any_more_is_forgotten(shop: Shop) -> None:
    sees(shop, "fra1", 1)
    gathers(shop)
    assert shop.query("SELECT count(*) FROM expiry_notices") == [(1,)]
    shop.passes(40 * DAY_S)
    shop.outbox.forget(shop.clock.now)
    assert shop.query("SELECT count(*) FROM expiry_notices") == [(1,)]
    shop.write(Batch(new_expiries={"fra1": ()}))
    gathers(shop)
    shop.outbox.forget(shop.clock.now)
    assert shop.query("SELECT count(*) FROM expiry_notices") == [(0,)]


def test_a_store_that_replaces_a_damaged_one_repeats_nothing(shop: Shop) -> None:
    sees(shop, "fra1", 6)
    gathers(shop)
    shop.shut()
    (shop.state_dir / "history.db").rename(shop.state_dir / "aside.db")
    for rest in ("-wal", "-shm"):
        (shop.state_dir / f"history.db{rest}").unlink(missing_ok=True)
    shop.reopen()
    sees(shop, "fra1", 5.99)
    gathers(shop)
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]
    shop.restart()
    gathers(shop)
    assert told(shop) == [[("fra1", 6)]]
