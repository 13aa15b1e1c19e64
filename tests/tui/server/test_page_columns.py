"""The server screen on a wide terminal: the diagnosis beside the tabs."""

from __future__ import annotations

import pytest

from tests.tui import sample_exchanges
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW
from tests.tui.sample_server_views import DIFFERING
from tests.tui.server_screen_harness import opened
from wgmon_tui.tui.server.page_columns import PageColumns, page_columns


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (80, PageColumns(0, 80)),
        (139, PageColumns(0, 139)),
        (140, PageColumns(62, 78)),
        (220, PageColumns(98, 122)),
    ],
)
def test_the_diagnosis_gets_what_the_packets_leave(width: int, columns: PageColumns) -> None:
    assert page_columns(width) == columns


async def test_the_diagnosis_is_beside_the_packets_from_140_columns() -> None:
    async with opened(sample_exchanges.silent(), size=(140, 45)) as it:
        assert it.page.region.right <= it.view.region.x
        assert "1 the server does not know this identity's public key" in it.prose("full")
        assert "Diagnosis" not in "".join(it.lines())


@pytest.mark.thorough
async def test_the_head_leaves_out_what_the_diagnosis_beside_it_says() -> None:
    async with opened(sample_exchanges.silent(), size=(140, 45)) as it:
        assert "likely 1 of" not in it.prose("head")


async def test_every_tab_has_the_diagnosis_beside_it() -> None:
    async with opened(sample_exchanges.silent(), size=(140, 45)) as it:
        for _ in range(4):
            await it.press("tab")
            assert it.page.is_on_screen


@pytest.mark.thorough
async def test_the_diagnosis_beside_follows_the_newest_check() -> None:
    async with opened(sample_exchanges.psk_mismatch(), size=(140, 45)) as it:
        assert "the preshared key differs" in it.prose("full")
        await it.see(sample_exchanges.silent(at=NOW + 30))
        assert "the server does not know" in it.prose("full")


@pytest.mark.thorough
async def test_resizing_makes_the_diagnosis_a_tab_again() -> None:
    async with opened(sample_exchanges.silent(), size=(140, 45)) as it:
        await it.pilot.resize_terminal(100, 30)
        await settle(it.pilot)
        assert not it.screen.query_one("#diagnosis-beside").display
        await it.press("tab")
        assert "the server does not know" in it.prose("full")


@pytest.mark.thorough
async def test_an_open_diagnosis_tab_gives_way_to_the_packets_when_the_terminal_grows() -> None:
    async with opened(sample_exchanges.silent()) as it:
        await it.press("tab")
        await it.pilot.resize_terminal(140, 45)
        await settle(it.pilot)
        assert it.view.is_on_screen
        assert it.page.is_on_screen


async def test_keys_scroll_the_diagnosis_beside_the_tabs() -> None:
    async with opened(sample_exchanges.silent(), size=(140, 18)) as it:
        await it.press("}", "}", "{")
        assert it.page.scroll_y == 1


@pytest.mark.thorough
async def test_a_narrow_terminal_does_not_offer_these_keys() -> None:
    async with opened(sample_exchanges.silent()) as it:
        assert "}" not in it.screen.active_bindings


@pytest.mark.thorough
async def test_the_servers_own_view_is_shown_beside_the_open_tab() -> None:
    async with opened(sample_exchanges.silent(), size=(140, 45), ask_server=lambda _server: DIFFERING) as it:
        await it.press("i")
        for worker in [each for each in it.app.workers if each.group == "inspect"]:
            await worker.wait()
        await settle(it.pilot)
        assert it.is_shown("findings")
        assert it.view.is_on_screen
