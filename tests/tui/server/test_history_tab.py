"""History tab with a real store: content, cursor, and opening of lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import TabbedContent

from tests.tui import sample_exchanges, sample_histories
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.sample_histories import HOUR, MINUTE, Past, Spell
from tests.tui.server_screen_harness import Opened, fleet, opened
from tests.tui.vantage_fleet import seen_by
from wgmon_tui.store.history import History
from wgmon_tui.store.models import PeriodState
from wgmon_tui.store.store_version import STORE
from wgmon_tui.tui.incident.screen import IncidentScreen
from wgmon_tui.tui.widgets.line_list import LineList

TALL = (100, 40)


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


async def turn_to_history(it: Opened) -> None:
    await it.press("tab", "tab")
    await it.read()


def screen(it: Opened) -> str:
    return "\n".join(it.lines())


def cursor(it: Opened) -> str | None:
    return it.screen.query_one("HistoryTab LineList", LineList).cursor


def open_tab(it: Opened) -> str:
    return it.screen.query_one(TabbedContent).active


async def test_the_tab_shows_figures_hours_incidents_and_failed_checks(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=TALL) as it:
        await turn_to_history(it)
        seen = screen(it)
        assert "uptime" in seen
        assert "7 d" in seen
        assert "paused 2 h" in seen
        assert "Fri Nov 20" in seen
        assert "✖█" in seen
        assert "Incidents  3, 1 open" in seen
        assert "✓ anna Nov 20 12:19  provider" in seen
        assert "Failed checks" in seen
        assert "psk-mismatch" in seen


async def test_enter_on_a_failed_check_opens_its_packets_beside_the_last_good_ones(past: History) -> None:
    async with opened(sample_exchanges.healthy(), history=past, size=TALL) as it:
        await turn_to_history(it)
        it.screen.query_one("HistoryTab LineList", LineList)._set_cursor("check 11")
        await it.press("enter")
        await it.read()
        assert open_tab(it) == "packets"
        assert "from history: psk-mismatch, 19:18:00" in it.prose("caption")
        assert "compared to the last good one, 19:17:00: 4 packets missing" in it.prose("caption")
        assert it.view.check is not None
        assert it.view.check.started_at == NOW - 12 * MINUTE


@pytest.mark.thorough
async def test_f_follows_live_again(past: History) -> None:
    async with opened(sample_exchanges.healthy(), history=past, size=TALL) as it:
        await turn_to_history(it)
        it.screen.query_one("HistoryTab LineList", LineList)._set_cursor("check 11")
        await it.press("enter")
        await it.read()
        await it.press("f")
        assert it.prose("caption") == "check of 19:30:00"
        assert it.view.comparison is None


@pytest.mark.thorough
async def test_a_stored_exchange_stays_whatever_comes_in(past: History) -> None:
    async with opened(sample_exchanges.healthy(), history=past, size=TALL) as it:
        await turn_to_history(it)
        it.screen.query_one("HistoryTab LineList", LineList)._set_cursor("check 11")
        await it.press("enter")
        await it.read()
        await it.see(sample_exchanges.foreign(at=NOW + 10))
        assert "from history: psk-mismatch, 19:18:00" in it.prose("caption")
        assert "press f to follow live again" in it.prose("caption")


async def test_enter_on_an_incident_opens_its_view_and_esc_comes_back(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=TALL) as it:
        await turn_to_history(it)
        await it.press("j")
        assert cursor(it) == f"incident fra1-{12 * MINUTE:g}"
        await it.press("enter")
        await it.read()
        assert isinstance(it.app.screen, IncidentScreen)
        assert "from 19:18:00 to now" in "".join(it.lines())
        await it.press("escape")
        assert open_tab(it) == "history"


@pytest.mark.thorough
async def test_where_the_packets_are_gone_it_says_so(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=TALL) as it:
        await turn_to_history(it)
        await it.press("j", "j", "j", "j", "enter")
        await it.read()
        assert it.notices() == ["The packets of this check were not stored"]
        assert open_tab(it) == "history"


@pytest.mark.thorough
async def test_shift_c_copies_the_line_under_the_cursor(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=TALL) as it:
        await turn_to_history(it)
        await it.press("C")
        assert it.notices() == ["No line to copy"]
        await it.press("j", "C")
        assert it.app.clipboard.split() == ["✖", "down", "psk-mismatch", "19:18", "12", "min", "open"]


@pytest.mark.thorough
async def test_c_compares_with_the_last_good_exchange_of_the_store_after_a_start(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past) as it:
        await it.press("c")
        await it.read()
        assert "compared to the last good one, 19:17:00" in it.prose("caption")


@pytest.mark.thorough
async def test_the_end_of_the_list_fetches_older_failed_checks(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.server("fra1", Spell(12 * HOUR, 0, PeriodState.DOWN, rtt=None))
    async with opened(sample_exchanges.silent(), history=past.history(), size=TALL) as it:
        await turn_to_history(it)
        await it.press("G")
        assert cursor(it) == "check 99"
        await it.read()
        await it.press("G")
        assert cursor(it) == "check 143"


def outage_from_two_places(directory: Path) -> History:
    """12 h of failed local checks, one every 5 min, and as many of nyc, each one minute later."""
    past = Past(directory)
    past.server("fra1", Spell(12 * HOUR, 0, PeriodState.DOWN, rtt=None))
    past.incident(sample_histories.incident(opened=12 * HOUR, vantage="local,nyc"))
    past.exchange(sample_exchanges.round_of(sample_exchanges.data_passes(at=NOW - 13 * HOUR)), "good")
    for n in range(144):
        failed = sample_exchanges.silent("fra1", at=NOW - 12 * HOUR + n * 5 * MINUTE + MINUTE)
        past.record_vantage(seen_by("nyc", failed), n, packets=n % 2 == 1)
    return past.history()


@pytest.mark.thorough
async def test_failed_checks_of_all_vantages_are_one_list_by_time(tmp_path: Path) -> None:
    async with opened(
        sample_exchanges.silent(), history=outage_from_two_places(tmp_path), size=(100, 60)
    ) as it:
        await turn_to_history(it)
        seen = screen(it)
        assert "verdict           from  address      packets" in seen
        assert seen.index("19:26:00         silent            nyc") < seen.index(
            "19:25:00         silent            here"
        )
        assert "open  from local, nyc" in seen


@pytest.mark.thorough
async def test_where_all_failed_checks_are_ours_nothing_says_from_where(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=TALL) as it:
        await turn_to_history(it)
        assert "verdict           address" in screen(it)


@pytest.mark.thorough
async def test_enter_opens_the_packets_that_another_vantage_kept(tmp_path: Path) -> None:
    async with opened(sample_exchanges.healthy(), history=outage_from_two_places(tmp_path), size=TALL) as it:
        await turn_to_history(it)
        it.screen.query_one("HistoryTab LineList", LineList)._set_cursor("check 2")
        await it.press("enter")
        await it.read()
        assert it.notices() == ["The packets of this check were not stored"]
        it.screen.query_one("HistoryTab LineList", LineList)._set_cursor("check 0")
        await it.press("enter")
        await it.read()
        assert open_tab(it) == "packets"
        assert "from nyc (history): silent, 19:26:00" in it.prose("caption")
        assert "compared to the last good one, 06:30:00" in it.prose("caption")
        assert it.view.check is not None
        assert it.view.check.vantage == "nyc"
        await it.press("f")
        assert it.prose("caption") == "check of 19:30:00"


@pytest.mark.thorough
async def test_older_failed_checks_of_all_vantages_come_page_by_page(tmp_path: Path) -> None:
    async with opened(sample_exchanges.silent(), history=outage_from_two_places(tmp_path), size=TALL) as it:
        await turn_to_history(it)
        for last in (99, 199, 287):
            await it.press("G")
            assert cursor(it) == f"check {last}"
            await it.read()
        await it.press("G")
        assert cursor(it) == "check 287"
        assert "07:30:00         silent            here" in screen(it)


@pytest.mark.thorough
async def test_the_next_server_has_its_own_past(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=TALL) as it:
        await turn_to_history(it)
        await it.press("]")
        await it.read()
        assert "Failed checks  none" in screen(it)
        assert "psk-mismatch" not in screen(it)


@pytest.mark.thorough
async def test_a_server_without_a_past_says_so(tmp_path: Path) -> None:
    async with opened(history=Past(tmp_path).history()) as it:
        await turn_to_history(it)
        assert "No history yet" in it.prose("no-history")


@pytest.mark.thorough
async def test_a_run_without_a_store_says_so() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await turn_to_history(it)
        assert "This run stores nothing" in it.prose("no-history")


@pytest.mark.thorough
async def test_without_a_store_there_is_no_history_yet(tmp_path: Path) -> None:
    async with opened(sample_exchanges.healthy(), history=History(tmp_path / STORE)) as it:
        await turn_to_history(it)
        assert it.prose("no-history") == "No history yet No process has checked these servers."


async def test_a_store_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / STORE).write_bytes(b"no database" * 1000)
    async with opened(sample_exchanges.healthy(), history=History(tmp_path / STORE)) as it:
        await turn_to_history(it)
        assert "The history cannot be read now" in it.prose("no-history")
        assert "damaged" in it.prose("no-history")


async def test_a_acknowledges_the_open_incident_with_a_note(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), engine=failing(), history=past) as it:
        await it.press("a", *"on it", "enter")
        assert told(it) == [(["fra1"], "on it")]
        assert it.notices() == ["Acknowledged: fra1"]


@pytest.mark.thorough
async def test_the_note_may_stay_empty_and_esc_acknowledges_nothing(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), engine=failing(), history=past) as it:
        await it.press("a", "x", "escape")
        assert told(it) == []
        await it.press("a", "enter")
        assert told(it) == [(["fra1"], "")]


@pytest.mark.thorough
async def test_a_server_that_is_well_has_nothing_to_acknowledge(past: History) -> None:
    async with opened(sample_exchanges.data_passes(), history=past) as it:
        assert "acknowledge" not in it.lines()[-1]
        await it.press("a")
        assert it.screen.is_current


def failing() -> QuietEngine:
    engine = fleet()
    engine.fleet_state.states["fra1"].incident = sample_histories.incident(opened=12 * MINUTE)
    return engine


def told(it: Opened) -> list[tuple[list[str], str]]:
    return it.engine.acknowledged


async def test_v_shows_history_and_plot_as_another_vantage_sees_the_server(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.server("fra1", Spell(12 * HOUR, 0))
    for n in range(12):
        answered = sample_exchanges.healthy(at=NOW - HOUR + n * 5 * MINUTE)
        past.record_vantage(seen_by("nyc", answered), n, packets=False)
    async with opened(sample_exchanges.healthy(), history=past.history(), size=TALL) as it:
        await turn_to_history(it)
        await it.press("v")
        assert it.notices() == ["No other vantage checks this server"]
        it.engine.fleet_state.set_vantage_names(("nyc",), 1)
        await it.press("v")
        await it.read()
        assert "as nyc alone sees it" in screen(it)
        await it.press("tab")
        await it.read()
        assert "from nyc" in it.prose("rtt-caption")
        assert "12" in it.prose("rtt-caption")
        await it.press("shift+tab", "v")
        await it.read()
        assert "as nyc alone sees it" not in screen(it)
