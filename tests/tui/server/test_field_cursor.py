"""Field cursor of the Packets tab, and the panel that explains the current field."""

from __future__ import annotations

import pytest

from tests.tui import sample_exchanges
from tests.tui.key_presses import resize, settle
from tests.tui.server_screen_harness import opened
from wgmon_tui.tui.server.exchange_layout import CursorStop
from wgmon_tui.tui.server.hex_view import HexView


@pytest.mark.thorough
async def test_it_opens_on_the_field_that_made_us_not_believe() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        assert it.words("field").startswith("empty  handshake response, bytes 44 to 59, length 16")


@pytest.mark.thorough
async def test_keys_move_the_field_cursor() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        for keys, stop in (
            ("l", CursorStop(0, 1)),
            ("right right", CursorStop(0, 2)),
            ("l l h", CursorStop(0, 1)),
            ("l left", CursorStop(0, 0)),
            ("j", CursorStop(0, 3)),
            ("down down", CursorStop(0, 4)),
            ("G", CursorStop(2, 4)),
            ("end", CursorStop(2, 4)),
            ("G home", CursorStop(0, 0)),
            ("G k", CursorStop(2, 0)),
            ("G up", CursorStop(2, 0)),
            ("pagedown", CursorStop(1, 0)),
            ("pagedown pagedown pageup", CursorStop(1, 0)),
        ):
            await it.press("g")
            assert it.view.stop == CursorStop(0, 0)
            await it.press(*keys.split())
            assert it.view.stop == stop, keys


async def test_the_panel_explains_the_field_under_the_cursor() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("l", "l")
        assert it.words("field").splitlines()[0] == "sender  handshake initiation, bytes 4 to 7, length 4"
        assert it.words("field").splitlines()[-1] == "= 0x01020304"


async def test_a_wide_terminal_lists_the_fields_of_the_packet_beside_the_dump() -> None:
    async with opened(sample_exchanges.healthy(), size=(120, 45)) as it:
        lines = it.words("field").splitlines()
        assert [line.split()[0] for line in lines[1:9]] == [
            "type", "reserved", "sender", "ephemeral", "static", "timestamp", "mac1", "mac2",
        ]  # fmt: skip
        assert it.screen.query_one("#field").region.x > it.view.region.right


@pytest.mark.thorough
async def test_resizing_moves_the_panel_below_the_dump_again() -> None:
    async with opened(sample_exchanges.healthy(), size=(120, 45)) as it:
        await resize(it.pilot, 80, 24)
        await settle(it.pilot)
        assert it.screen.query_one("#field").region.y == it.view.region.bottom
        assert it.view.region.height >= 8


@pytest.mark.thorough
async def test_a_click_on_a_byte_explains_it() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.pilot.click(HexView, offset=(6, 2))
        assert it.words("field").startswith("ephemeral")


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 45)])
async def test_every_size_leaves_room_for_the_dump(size: tuple[int, int]) -> None:
    async with opened(sample_exchanges.psk_mismatch(), size=size) as it:
        assert it.view.size.height >= 5
        assert it.screen.query_one("#field").region.bottom <= size[1] - 1
