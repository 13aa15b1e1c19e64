"""Tests of the incident screen with a real store: what it shows, and every key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Static, TabbedContent

from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.lists.test_alerts_screen import Telling
from tests.tui.sample_fleet import NOW
from tests.tui.sample_histories import HOUR, MINUTE, Past, Spell
from tests.tui.sample_incidents import DOWN_AT, SLOW_AT, RememberedIncident, begun, over, remembered
from tests.tui.test_file_export import names
from tests.tui.vantage_fleet import seen_by
from wgmon_tui.monitor.incidents import MAX_VERDICTS, EventKind, Incident, IncidentEvent, VerdictChange
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.tui.help.explain_screen import ExplainScreen
from wgmon_tui.tui.incident.screen import IncidentScreen
from wgmon_tui.tui.server.exchange_layout import CursorStop
from wgmon_tui.tui.server.exchange_view import ExchangeView
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.server.screen import ServerScreen

TALL = (100, 60)


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


@asynccontextmanager
async def opened(
    history: History | None,
    state_dir: Path | None = None,
    incident: Incident | None = None,
    *,
    sinks: tuple[str, ...] = ("pager", "chat"),
    size: tuple[int, int] = TALL,
) -> AsyncIterator[Face]:
    """The screen of an incident, after it is read."""
    async with face(Telling(*sinks), history=history, state_dir=state_dir, size=size) as it:
        it.app.open_incident(incident or over())
        await it.press("home")
        await it.read()
        assert isinstance(it.app.screen, IncidentScreen)
        yield it


def prose(it: Face, widget: str) -> str:
    shown = it.app.screen.query_one(f"#{widget}", Static).content
    return " ".join(str(shown).split())


def section(it: Face, name: str) -> list[str]:
    """The lines of a section of the overview."""
    lines = str(it.app.screen.query_one("#words", Static).content).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(name))
    end = lines.index("", start) if "" in lines[start:] else len(lines)
    return [" ".join(line.split()) for line in lines[start + 1 : end]]


def dump(it: Face) -> HexView:
    return it.app.screen.query_one(HexView)


# What it shows


async def test_the_head_is_the_verdict_of_the_worst_time_and_from_when_to_when(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        head = prose(it, "head")
        assert head.startswith(
            "✖ down psk-mismatch fra1 closed 19:02:00: It answers, but with another preshared key"
        )
        assert head.endswith("from 19:00:00 to 19:20:00, 20 min, acknowledged by anna 19:05")


async def test_the_verdicts_stand_in_their_order_with_their_times(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        assert section(it, "Verdicts") == [
            "19:00:00 ▲ slow The handshake takes 2.40 s.",
            "19:02:00 ✖ psk-mismatch It answers, but with another preshared key: a client with this key",
            "cannot connect.",
            "19:10:00 ✖ silent No answer. Silence alone does not show the cause.",
            "19:20:00 ● healthy A real client can connect.",
        ]


async def test_the_evidence_and_the_causes_are_those_of_the_shown_exchange(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        assert "Evidence check of 18:59:55, psk-mismatch, 1 of 3" in prose(it, "words")
        assert any("wrong preshared key" in line for line in section(it, "Evidence"))
        assert section(it, "Possible causes")[0].startswith("1 the preshared key differs")
        await it.press("]", "]")
        await it.read()
        assert "Evidence check of 19:10:00, silent, 3 of 3" in prose(it, "words")
        assert section(it, "Evidence") == [
            "stages resolve ✓ 2.1 ms → reach ? → handshake ✖",
            "· no authentic answer within 5.00 s",
        ]


async def test_who_was_notified_stands_there_with_when_and_the_result(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        assert section(it, "Notified") == [
            "19:02:01 pager delivered 19:02:01",
            "✖ fra1 is down: psk-mismatch",
            "19:02:01 chat failed, given up 19:02:01",
            "✖ fra1 is down: psk-mismatch",
            "HTTP 400: no such channel",
            "19:20:01 pager delivered 19:20:01",
            "● fra1 is up again after 20 min",
            "19:20:01 chat not sent yet",
            "● fra1 is up again after 20 min",
        ]


@pytest.mark.thorough
async def test_a_message_that_was_held_back_says_why(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.shop.mutes("fra1", NOW + 60 * MINUTE)
    made.shop.record_event(IncidentEvent(EventKind.OPENED, DOWN_AT, begun()))
    made.shop.expand()
    async with opened(made.history(), tmp_path) as it:
        assert section(it, "Notified")[:3] == [
            "19:30:00 pager not sent",
            "✖ fra1 is down: psk-mismatch",
            "muted by ada until 2026-11-22 20:30",
        ]


async def test_the_notes_stand_there_with_their_authors(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        assert section(it, "Notes") == ["note anna, 19:06: their new router"]


@pytest.mark.thorough
async def test_foreign_text_cannot_move_the_cursor(tmp_path: Path) -> None:
    wild = replace(
        over(),
        summary="\x1b[2Jgone",
        acknowledged_by="\x1b]0;x\x07",
        verdicts=(VerdictChange(SLOW_AT, over().verdict, "\x1b[31mred"),),
    )
    async with opened(RememberedIncident(tmp_path, wild).history(), tmp_path) as it:
        assert "\x1b" not in "".join(it.lines())


@pytest.mark.thorough
async def test_verdicts_that_were_left_out_are_counted_in_their_place(tmp_path: Path) -> None:
    pair = over().verdicts[1:3]
    long = replace(over(), verdicts=pair * (MAX_VERDICTS // 2), omitted_verdicts=7)
    async with opened(RememberedIncident(tmp_path, long).history(), tmp_path) as it:
        lines = [line for line in section(it, "Verdicts") if line[:1].isdigit()]
        assert lines[MAX_VERDICTS // 2] == "7 more verdicts left out"
        assert len(lines) == MAX_VERDICTS + 1


# Packets


async def test_tab_shows_the_packets_of_that_time(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("tab")
        assert prose(it, "caption") == "exchange 1 of 3: ✖ psk-mismatch 18:59:55"
        check = dump(it).check
        assert check
        assert check.started_at == SLOW_AT - 5
        assert any("handshake response" in line for line in it.lines())
        assert prose(it, "field").startswith("empty")
        await it.press("]")
        await it.read()
        assert prose(it, "caption") == "exchange 2 of 3: ✖ psk-mismatch 19:02:00"
        await it.press("[", "[", "[")
        await it.read()
        assert prose(it, "caption").startswith("exchange 1 of 3")


async def test_c_compares_with_the_last_good_exchange_before(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("tab", "c")
        assert "compared to the last good one, 18:59:00: 4 packets missing" in prose(it, "caption")
        await it.press("c")
        assert "compared" not in prose(it, "caption")


@pytest.mark.thorough
async def test_on_a_wide_screen_the_last_good_packets_stand_beside_those_of_that_time(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path, size=(140, 45)) as it:
        await it.press("tab")
        titles = next(line for line in it.lines() if "last good, 18:59:00" in line)
        assert titles.split("last good")[0].strip() == "then, 18:59:55"
        view = it.app.screen.query_one(ExchangeView)
        assert view.good_dump.check
        assert view.good_dump.check.started_at == SLOW_AT - MINUTE
        assert "".join(it.lines()).count("handshake response") > 2  # both, and the field panel
        await it.press("c")
        assert not any("last good" in line for line in it.lines())


@pytest.mark.thorough
async def test_beside_each_other_both_show_the_same_field(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path, size=(140, 45)) as it:
        await it.press("tab")
        view = it.app.screen.query_one(ExchangeView)
        while not view.dump.is_on_screen:
            await it.pilot.pause(0.005)
        await it.press("g", "l", "l")
        assert view.dump.stop == view.good_dump.stop == CursorStop(0, 2)


@pytest.mark.thorough
async def test_on_a_narrow_screen_c_goes_through_compared_and_the_good_packets(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path, size=(80, 24)) as it:
        await it.press("tab", "c", "c")
        assert prose(it, "caption") == "last good exchange, before the incident: ● 18:59:00 c: back"
        check = dump(it).check
        assert check
        assert check.started_at == SLOW_AT - MINUTE
        await it.press("c")
        assert prose(it, "caption") == "exchange 1 of 3: ✖ psk-mismatch 18:59:55"


@pytest.mark.thorough
async def test_without_a_good_exchange_c_says_so(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.keep(sample_exchanges.silent(at=DOWN_AT), "change")
    async with opened(made.history(), tmp_path) as it:
        await it.press("tab", "c")
        assert it.notices() == ["No good exchange is stored to compare with"]


@pytest.mark.thorough
async def test_packets_of_other_vantages_are_those_of_the_incident(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.server("fra1", Spell(HOUR, 0))
    past.incident(replace(over(), vantage="nyc"))
    for number, (vantage, at) in enumerate((("nyc", DOWN_AT), ("sin", DOWN_AT), ("nyc", SLOW_AT - HOUR))):
        past.record_vantage(seen_by(vantage, sample_exchanges.silent(at=at)), number)
    async with opened(past.history(), tmp_path) as it:
        await it.press("tab")
        assert prose(it, "caption") == "exchange 1 of 1: ✖ silent 19:02:00 from nyc"
        assert "seen from nyc" in prose(it, "head")


# What is missing


async def test_without_packets_it_says_so_and_the_alert_has_the_evidence(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.notify()
    async with opened(made.history(), tmp_path) as it:
        assert "Evidence from the alert of that time" in prose(it, "words")
        assert section(it, "Evidence") == ["· silence"]
        assert section(it, "Possible causes")[0] == "1 a firewall drops us"
        await it.press("tab")
        assert prose(it, "no-packets").startswith("No packets None were kept for this incident")
        assert "compare" not in it.hints()


@pytest.mark.thorough
async def test_an_incident_without_alerts_says_that_nobody_was_notified(tmp_path: Path) -> None:
    history = RememberedIncident(tmp_path).history()
    async with opened(history, tmp_path) as it:
        assert section(it, "Notified") == ["Nobody: no alert about it is stored."]
        assert section(it, "Evidence") == ["Not stored."]
    async with opened(history, tmp_path, sinks=()) as it:
        assert section(it, "Notified") == ["Nobody: config.toml has no [[sink]]."]


@pytest.mark.thorough
async def test_an_incident_of_an_earlier_version_has_only_its_headline(tmp_path: Path) -> None:
    history = RememberedIncident(tmp_path, replace(over(), verdicts=())).history()
    async with opened(history, tmp_path) as it:
        assert section(it, "Verdicts") == [
            "Only the headline is known: an earlier version opened this incident."
        ]


@pytest.mark.thorough
async def test_an_incident_that_was_deleted_says_so(tmp_path: Path) -> None:
    made = RememberedIncident(tmp_path)
    made.shop.write_raw("DELETE FROM incidents")
    async with opened(made.history(), tmp_path) as it:
        assert prose(it, "words").startswith("No longer stored")


@pytest.mark.thorough
async def test_a_run_without_a_store_says_so() -> None:
    async with opened(None) as it:
        assert "This run stores nothing" in prose(it, "words")


async def test_a_store_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    async with opened(History(tmp_path / STORE), tmp_path) as it:
        assert prose(it, "words").startswith("The history cannot be read")


# While it is open


async def test_an_open_incident_follows_the_store(tmp_path: Path) -> None:
    going = replace(over(), closed_at=None, verdicts=over().verdicts[:3])
    made = RememberedIncident(tmp_path, going)
    history = History(tmp_path / STORE, clock=lambda: NOW)
    async with opened(history, tmp_path, going) as it:
        assert "from 19:00:00 to now, 30 min" in prose(it, "head")
        made.shop.write_raw("UPDATE incidents SET closed_at = ?", NOW - 60)
        made.keep(sample_exchanges.silent(at=DOWN_AT), "change")
        screen = it.app.screen
        assert isinstance(screen, IncidentScreen)
        screen.reload()
        await it.read()
        assert "from 19:00:00 to 19:29:00, 29 min" in prose(it, "head")
        assert "Evidence check of 19:02:00, silent" in prose(it, "words")
    made.shop.close()


# Keys


async def test_enter_opens_the_server_and_esc_goes_back_step_by_step(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("enter")
        assert isinstance(it.app.screen, ServerScreen)
        await it.press("escape")
        assert isinstance(it.app.screen, IncidentScreen)
        await it.press("escape")
        assert it.at_home


@pytest.mark.thorough
async def test_a_server_that_left_the_file_cannot_be_opened(tmp_path: Path) -> None:
    gone = replace(over(), server="gone")
    async with opened(RememberedIncident(tmp_path, gone).history(), tmp_path, gone) as it:
        assert "server" not in it.hints()
        await it.press("enter")
        assert isinstance(it.app.screen, IncidentScreen)
        assert section(it, "Notes") == ["note anna, 19:06: their new router"]


@pytest.mark.thorough
async def test_y_copies_the_report_on_that_time(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("y")
        report = it.app.clipboard
        assert report.startswith("✖ fra1 was down: psk-mismatch\n")
        assert "Verdicts\n- 2026-11-22 19:00:00 UTC, slow: The handshake takes 2.40 s.\n" in report
        assert "Packets of 2026-11-22 18:59:55 UTC" in report
        assert "- anna, 2026-11-22 19:06 UTC: their new router" in report


async def test_shift_y_copies_all_that_a_post_mortem_needs_in_markdown(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("Y")
        report = it.app.clipboard
        assert report.startswith("### ✖ fra1 was down: psk-mismatch\n")
        for part in (
            "**Verdicts**\n\n- 2026-11-22 19:00:00 UTC, slow: ",
            "**Packets of 2026-11-22 18:59:55 UTC**\n\n```\nsent      +0.000 ms  handshake initiation",
            "**Packets of the last good exchange, 2026-11-22 18:59:00 UTC**\n\n```\nsent",
            "**Notified**\n\n- 2026-11-22 19:02:01 UTC, pager: delivered 2026-11-22 19:02:01 UTC: ",
            "chat: failed, given up 2026-11-22 19:02:01 UTC \\(HTTP 400: no such channel\\): ",
            "**Notes**\n\n- anna, 2026-11-22 19:06 UTC: their new router",
        ):
            assert part in report


@pytest.mark.thorough
async def test_shift_c_copies_the_packet_under_the_cursor(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("tab", "C")
        assert bytes.fromhex(it.app.clipboard)[:1] == b"\x02"


async def test_w_writes_the_exchange_of_that_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("w")
        for worker in [each for each in it.app.workers if each.group == "writing"]:
            await worker.wait()
    assert [Path(each).suffix for each in names(tmp_path / "out")] == [".json", ".md", ".pcapng"]


@pytest.mark.thorough
async def test_x_explains_the_headline(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("x")
        assert isinstance(it.app.screen, ExplainScreen)
        assert "psk-mismatch" in "".join(it.lines())


@pytest.mark.thorough
async def test_the_movement_keys_scroll_the_tab_that_is_open(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path, size=(80, 24)) as it:
        await it.press("G")
        assert any("their new router" in line for line in it.lines())
        await it.press("g", "tab")
        assert it.app.screen.query_one(TabbedContent).active == "packets"
        before = dump(it).stop
        await it.press("l")
        assert dump(it).stop != before
        await it.press("shift+tab")
        assert it.app.screen.query_one(TabbedContent).active == "overview"


async def test_n_adds_a_note(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("n", *"ok", "enter")
        assert it.engine.noted == [(over().id, "ok")]
        assert it.notices() == ["Note added: fra1"]


@pytest.mark.thorough
async def test_only_the_open_incident_of_a_server_can_be_acknowledged(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        assert "acknowledge" not in it.hints()
        it.engine.fleet_state.states["fra1"].incident = replace(begun(), id=over().id)
        it.app.screen.refresh_bindings()
        await it.press("a", "enter")
        assert it.notices() == ["Acknowledged: fra1"]


@pytest.mark.thorough
async def test_help_lists_the_keys_of_this_screen(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("?")
        assert any("Show the exchange before this one" in line for line in it.lines())
