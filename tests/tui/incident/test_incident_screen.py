"""Incident screen with a real store: what it shows, what is missing, and what changes while it is open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui import sample_exchanges
from tests.tui.incident_screen_harness import opened, prose, section
from tests.tui.sample_fleet import NOW
from tests.tui.sample_histories import MINUTE
from tests.tui.sample_incidents import DOWN_AT, SLOW_AT, RememberedIncident, begun, over, remembered
from wgmon_tui.monitor.incidents import MAX_VERDICTS, EventKind, IncidentEvent, VerdictChange
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.tui.incident.screen import IncidentScreen


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


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
    made.harness.mutes("fra1", NOW + 60 * MINUTE)
    made.harness.record_event(IncidentEvent(EventKind.OPENED, DOWN_AT, begun()))
    made.harness.expand()
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
    made.harness.write_raw("DELETE FROM incidents")
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
        made.harness.write_raw("UPDATE incidents SET closed_at = ?", NOW - 60)
        made.keep(sample_exchanges.silent(at=DOWN_AT), "change")
        screen = it.app.screen
        assert isinstance(screen, IncidentScreen)
        screen.reload()
        await it.read()
        assert "from 19:00:00 to 19:29:00, 29 min" in prose(it, "head")
        assert "Evidence check of 19:02:00, silent" in prose(it, "words")
    made.harness.close()
