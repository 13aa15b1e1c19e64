"""Hex view: field cursor and drawing, in an app that contains nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.tui import sample_exchanges
from tests.tui.key_presses import resize, settle
from wgmon_tui.checks.check import Check
from wgmon_tui.tui.server.exchange_layout import CursorStop, explain
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.theme.palette import load_palette

INITIATION_FIELDS = 8


class Alone(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.moves: list[HexView.CursorMoved] = []

    def compose(self) -> ComposeResult:
        yield HexView(lambda: load_palette("night"))

    @property
    def view(self) -> HexView:
        return self.query_one(HexView)

    def on_hex_view_cursor_moved(self, event: HexView.CursorMoved) -> None:
        self.moves.append(event)

    def field(self) -> str:
        assert self.view.check is not None
        assert self.view.stop is not None
        return explain(self.view.check, self.view.stop).name


@asynccontextmanager
async def showing(
    check: Check, good: Check | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Alone, Pilot[None]]]:
    app = Alone()
    async with app.run_test(size=size) as pilot:
        app.view.show(check, good)
        await settle(pilot)
        yield app, pilot


def drawn(view: HexView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def test_right_and_left_go_from_field_to_field() -> None:
    async with showing(sample_exchanges.healthy()) as (app, _):
        names = [app.field()]
        for _step in range(3):
            app.view.right()
            names.append(app.field())
        app.view.left()
        assert names == ["type", "reserved", "sender", "ephemeral"]
        assert app.field() == "sender"


async def test_right_goes_on_in_the_next_packet() -> None:
    async with showing(sample_exchanges.healthy()) as (app, _):
        for _step in range(INITIATION_FIELDS):
            app.view.right()
        assert app.view.stop == CursorStop(1, 0)


async def test_the_cursor_stays_at_either_end() -> None:
    async with showing(sample_exchanges.healthy()) as (app, _):
        app.view.left()
        assert app.view.stop == CursorStop(0, 0)
        app.view.last()
        app.view.right()
        assert app.view.stop == CursorStop(2, 4)
        app.view.first()
        assert app.view.stop == CursorStop(0, 0)


async def test_down_and_up_cross_the_field_that_lies_below_or_above() -> None:
    async with showing(sample_exchanges.healthy()) as (app, _):
        app.view.right()
        app.view.right()
        names = [app.field()]
        for _step in range(4):
            app.view.down()
            names.append(app.field())
        assert names == ["sender", "ephemeral", "static", "timestamp", "mac2"]
        app.view.up()
        assert app.field() == "mac1"


async def test_down_reaches_the_last_packet_and_up_comes_back_to_the_first() -> None:
    async with showing(sample_exchanges.under_load()) as (app, _):
        for _step in range(40):
            app.view.down()
        assert app.view.stop == CursorStop(4, 4)
        for _step in range(40):
            app.view.up()
        assert app.view.stop == CursorStop(0, 0)


async def test_pages_go_from_packet_to_packet() -> None:
    async with showing(sample_exchanges.healthy()) as (app, _):
        app.view.page_down()
        assert app.view.stop == CursorStop(1, 0)
        app.view.right()
        app.view.page_up()
        assert app.view.stop == CursorStop(1, 0)
        app.view.page_up()
        assert app.view.stop == CursorStop(0, 0)
        app.view.page_up()
        assert app.view.stop == CursorStop(0, 0)


async def test_the_field_under_the_cursor_is_in_view() -> None:
    async with showing(sample_exchanges.under_load(), size=(80, 12)) as (app, pilot):
        app.view.last()
        await settle(pilot)
        assert drawn(app.view)[-1].startswith("0010")
        app.view.first()
        await settle(pilot)
        assert drawn(app.view)[0].startswith("→ sent")


async def test_a_rejected_packet_comes_into_view_with_its_heading_on_top() -> None:
    async with showing(sample_exchanges.psk_mismatch(), size=(80, 10)) as (app, _):
        assert app.field() == "empty"
        assert drawn(app.view)[0].startswith("← received")
        assert "rejected" in drawn(app.view)[1]


async def test_a_click_on_either_side_moves_the_cursor_to_that_byte() -> None:
    async with showing(sample_exchanges.healthy()) as (app, pilot):
        await pilot.click(HexView, offset=(6 + 3 * 4, 1))
        assert app.field() == "sender"
        await pilot.click(HexView, offset=(56 + 9, 1))
        assert app.field() == "ephemeral"


async def test_a_click_beside_the_bytes_does_nothing() -> None:
    async with showing(sample_exchanges.healthy()) as (app, pilot):
        for place in ((2, 1), (20, 0), (76, 3), (20, 11)):
            await pilot.click(HexView, offset=place)
        assert app.view.stop == CursorStop(0, 0)


async def test_moves_by_hand_are_told_from_those_that_come_with_a_check() -> None:
    async with showing(sample_exchanges.healthy()) as (app, pilot):
        assert [move.by_user for move in app.moves] == [False]
        app.view.right()
        await settle(pilot)
        assert [move.by_user for move in app.moves] == [False, True]


async def test_the_highlight_follows_the_cursor_on_both_sides() -> None:
    async with showing(sample_exchanges.healthy()) as (app, _):
        for _step in range(2):
            app.view.right()
        lit = [segment.text for segment in app.view.render_line(1) if segment.style and segment.style.reverse]
        assert lit == ["04 03 02 01", "····"]
        assert not any(segment.style and segment.style.reverse for segment in app.view.render_line(0))


async def test_fields_that_differ_from_the_good_exchange_are_underlined() -> None:
    cookie = sample_exchanges.initiate(sample_exchanges.COOKIE).packet
    check = sample_exchanges.check([sample_exchanges.sent(0.0, cookie)])
    async with showing(check, sample_exchanges.silent()) as (app, _):
        marked = {
            segment.text
            for y in range(app.view.size.height)
            for segment in app.view.render_line(y)
            if segment.style and segment.style.underline
        }
        assert cookie[-4:].hex(" ") in marked
        assert "≠ mac2: set here, zeros in the last good exchange" in "\n".join(drawn(app.view))


async def test_a_narrow_view_has_eight_bytes_a_line_and_keeps_the_cursor() -> None:
    async with showing(sample_exchanges.healthy(), size=(80, 24)) as (app, pilot):
        app.view.last()
        await resize(pilot, 60, 24)
        assert app.view.stop == CursorStop(2, 4)
        assert "0018" in [line[:4] for line in drawn(app.view)]
        assert all(len(line) <= 60 for line in drawn(app.view))


async def test_the_same_check_again_leaves_the_cursor_where_it_is() -> None:
    check = sample_exchanges.healthy()
    async with showing(check) as (app, _):
        app.view.last()
        app.view.show(check, sample_exchanges.under_load())
        assert app.view.stop == CursorStop(2, 4)


async def test_without_packets_every_move_is_harmless() -> None:
    async with showing(sample_exchanges.unresolved()) as (app, _):
        view = app.view
        for move in (
            view.left,
            view.right,
            view.up,
            view.down,
            view.page_up,
            view.page_down,
            view.first,
            view.last,
        ):
            move()
        assert view.stop is None
        view.show(None)
        assert drawn(view) == [""] * view.size.height
