"""Tests of the list widget: cursor moves and scrolling."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.text import Text
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.tui.key_presses import settle
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.widgets.line_list import LineList, ListLine

HEIGHT = 10


class Alone(App[None]):
    def __init__(self, start_at_top: bool) -> None:
        super().__init__()
        self._starts_at_top = start_at_top

    def compose(self) -> ComposeResult:
        yield LineList(lambda: load_palette("night"), start_at_top=self._starts_at_top)

    @property
    def view(self) -> LineList:
        return self.query_one(LineList)

    def cursor(self) -> str | None:
        return self.view.cursor

    def seen(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in line).rstrip() for line in strips]


def page(prose: int, items: int) -> list[ListLine]:
    told = [ListLine(Text(f"prose {number}")) for number in range(prose)]
    listed = [ListLine(Text(f"item {number}"), f"item {number}") for number in range(items)]
    return [*told, ListLine(Text("")), ListLine(Text("heading")), *listed]


@asynccontextmanager
async def showing(
    lines: list[ListLine], *, start_at_top: bool = True
) -> AsyncIterator[tuple[Alone, Pilot[None]]]:
    app = Alone(start_at_top)
    async with app.run_test(size=(40, HEIGHT)) as pilot:
        app.view.show(lines)
        await settle(pilot)
        yield app, pilot


async def test_a_page_is_read_from_its_top_and_the_first_step_goes_to_the_list() -> None:
    async with showing(page(15, 30)) as (app, pilot):
        assert app.cursor() is None
        assert app.seen()[0] == "prose 0"
        app.view.down()
        await settle(pilot)
        assert app.cursor() == "item 0"
        assert app.seen()[-2:] == ["heading", "item 0"]


async def test_the_heading_of_a_list_comes_into_view_with_its_first_item() -> None:
    async with showing(page(15, 30)) as (app, pilot):
        app.view.last()
        for _ in range(29):
            app.view.up()
        await pilot.pause()
        assert app.cursor() == "item 0"
        assert app.seen()[:2] == ["heading", "item 0"]


async def test_above_the_first_item_is_the_top_of_the_page() -> None:
    async with showing(page(15, 30)) as (app, pilot):
        app.view.down()
        app.view.up()
        await settle(pilot)
        assert app.cursor() is None
        assert app.seen()[0] == "prose 0"


async def test_a_list_begins_with_the_cursor_on_its_first_line() -> None:
    async with showing(page(0, 3), start_at_top=False) as (app, _):
        assert app.cursor() == "item 0"


async def test_the_ends_stop_the_cursor() -> None:
    async with showing(page(2, 30)) as (app, pilot):
        app.view.last()
        app.view.down()
        await settle(pilot)
        assert app.cursor() == "item 29"
        assert app.seen()[-1] == "item 29"
        app.view.first()
        await settle(pilot)
        assert app.seen()[0] == "prose 0"


async def test_pages_go_down_and_up_again() -> None:
    async with showing(page(2, 40)) as (app, pilot):
        app.view.page_down()
        first = app.cursor()
        app.view.page_down()
        assert app.cursor() == "item 14"
        app.view.page_up()
        assert app.cursor() == first
        app.view.page_up()
        await settle(pilot)
        assert app.cursor() is None


async def test_a_page_without_a_list_scrolls() -> None:
    async with showing([ListLine(Text(f"prose {number}")) for number in range(30)]) as (app, pilot):
        app.view.down()
        await settle(pilot)
        assert app.seen()[0] == "prose 1"
        app.view.page_down()
        await settle(pilot)
        assert app.seen()[0] == "prose 10"


async def test_the_cursor_stays_on_its_line_where_others_come_before_it() -> None:
    async with showing(page(2, 5)) as (app, _):
        app.view.down()
        app.view.down()
        app.view.show([ListLine(Text("new"), "new"), *page(2, 5)])
        assert app.cursor() == "item 1"


async def test_where_its_line_is_gone_the_cursor_goes_to_what_stands_there_now() -> None:
    async with showing(page(0, 5)) as (app, _):
        app.view.last()
        app.view.show(page(0, 3))
        assert app.cursor() == "item 2"
        app.view.show(page(0, 0))
        assert app.cursor() is None


async def test_a_click_chooses_and_prose_cannot_be_chosen() -> None:
    async with showing(page(2, 5)) as (app, pilot):
        await pilot.click(LineList, offset=(2, 5))
        assert app.cursor() == "item 1"
        await pilot.click(LineList, offset=(2, 0))
        assert app.cursor() == "item 1"


async def test_a_text_of_one_style_keeps_it() -> None:
    muted = load_palette("night").muted
    async with showing([ListLine(Text("quiet", style=muted))]) as (app, _):
        segment = next(iter(app.view.render_line(0)))
        assert segment.style is not None
        assert segment.style.color == muted.color
