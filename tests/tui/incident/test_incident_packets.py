"""Incident screen: the packets of each time, and the comparison with the last good exchange."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui import sample_exchanges
from tests.tui.incident_screen_harness import dump, opened, prose
from tests.tui.sample_histories import HOUR, MINUTE, Past, Spell
from tests.tui.sample_incidents import DOWN_AT, SLOW_AT, RememberedIncident, over, remembered
from tests.tui.vantage_fleet import seen_by
from wgmon_tui.tui.server.exchange_layout import CursorStop
from wgmon_tui.tui.server.exchange_view import ExchangeView


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
