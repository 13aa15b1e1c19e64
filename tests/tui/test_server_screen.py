"""The server screen: every key, what stays and what follows, and how it looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Static, TabbedContent

from tests.tui import exchanges
from tests.tui.fleet import NOW, QuietEngine
from wgmon_tui.diagnosis.diagnose import misconfigured
from wgmon_tui.fleet.records import Endpoint
from wgmon_tui.monitor.board import Round
from wgmon_tui.probe.records import Check, SocketError
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.exchangelines import Stop
from wgmon_tui.tui.hexview import HexView
from wgmon_tui.tui.screens.fleet import FleetScreen
from wgmon_tui.tui.screens.help import HelpScreen
from wgmon_tui.tui.screens.server import Reading, ServerScreen

NAMES = ("ams2", "fra1", "lon3")
LATER = NOW + 10


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


def fleet() -> QuietEngine:
    return QuietEngine(exchanges.server(name) for name in NAMES)


def app_over(engine: QuietEngine, *, ascii_only: bool = False) -> WgmonApp:
    return WgmonApp(engine, title="test", ascii_only=ascii_only, clock=lambda: NOW)


class Opened:
    """The screen of one server, under a pilot."""

    def __init__(self, engine: QuietEngine, app: WgmonApp, pilot: Pilot[None]) -> None:
        self.engine = engine
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> ServerScreen:
        assert isinstance(self.app.screen, ServerScreen)
        return self.app.screen

    @property
    def view(self) -> HexView:
        return self.screen.query_one(HexView)

    def words(self, widget: str) -> str:
        shown = self.screen.query_one(f"#{widget}", Static).content
        assert isinstance(shown, Text)
        return shown.plain

    def prose(self, widget: str) -> str:
        return " ".join(self.words(widget).split())

    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]

    def is_shown(self, widget: str) -> bool:
        return bool(self.screen.query_one(f"#{widget}").display)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def see(self, *checks: Check) -> None:
        exchanges.saw(self.engine, *checks)
        self.screen.follow_board()
        await self.pilot.pause()


@asynccontextmanager
async def opened(
    *checks: Check, name: str = "fra1", size: tuple[int, int] = (80, 24), ascii_only: bool = False
) -> AsyncIterator[Opened]:
    """The screen of `name`, after a round of `checks` where there are any."""
    engine = fleet()
    if checks:
        exchanges.saw(engine, *checks)
    app = app_over(engine, ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        app.open_server(name)
        await pilot.pause()
        yield Opened(engine, app, pilot)


# What it says


async def test_head_names_state_verdict_server_and_place() -> None:
    async with opened(exchanges.psk_mismatch()) as it:
        first = it.words("head").splitlines()[0]
        assert first.split("  ")[:3] == ["✖ down", "psk-mismatch", "fra1"]
        assert first.endswith("fra1.example.net:51820 → 203.0.113.7")


async def test_head_gives_the_summary_the_likeliest_cause_and_the_next_step() -> None:
    async with opened(exchanges.psk_mismatch()) as it:
        head = it.prose("head")
        assert "It answers, but not with our preshared key" in head
        assert "cause the preshared key differs between the server and us" in head
        assert "next on the server: wg show wg0 preshared-keys" in head
        assert 'server "fra1"' in head


async def test_a_tall_terminal_shows_evidence_and_why_as_well() -> None:
    async with opened(exchanges.psk_mismatch(), size=(140, 45)) as it:
        assert "seen after 13.8 ms came 92 bytes that are not believed" in it.prose("head")
        assert "why the answer names our attempt" in it.prose("head")


async def test_head_gives_the_figures() -> None:
    async with opened(exchanges.healthy()) as it:
        last = it.words("head").splitlines()[-1]
        assert last.startswith("rtt    12.4 ms  p50 12.4 ms  p95 12.4 ms  loss 0%  since 19:30  ")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
async def test_no_line_of_the_head_is_wider_than_the_terminal(width: int) -> None:
    for check in (
        exchanges.psk_mismatch(),
        exchanges.under_load(),
        exchanges.silent(),
        exchanges.unresolved(),
    ):
        async with opened(check, size=(width, 20)) as it:
            assert max(len(line) for line in it.words("head").splitlines()) <= width - 2


async def test_before_the_first_check_it_waits_and_says_how_long() -> None:
    async with opened() as it:
        assert it.words("head").split()[:3] == ["?", "unknown", "waiting"]
        assert "Waiting for the first check" in it.words("no-packets")
        assert "within 10 s" in it.words("no-packets")
        assert not it.is_shown("dump")


async def test_the_first_check_replaces_the_waiting() -> None:
    async with opened() as it:
        await it.see(exchanges.healthy())
        assert it.is_shown("dump")
        assert not it.is_shown("no-packets")
        assert it.view.stop == Stop(0, 0)


async def test_a_name_that_does_not_resolve_leaves_no_packets_and_says_why() -> None:
    async with opened(exchanges.unresolved()) as it:
        assert "nowhere to send an initiation" in it.words("no-packets")
        assert not it.is_shown("dump")


async def test_a_fault_of_our_own_file_leaves_no_packets_and_says_why() -> None:
    async with opened() as it:
        problem = misconfigured('servers.toml: server "fra1": no private key')
        it.engine.board.record("fra1", Round((exchanges.check(address=None),), (problem,)), NOW)
        it.screen.follow_board()
        assert "must be mended" in it.words("no-packets")


async def test_a_send_that_our_own_system_refused_leaves_no_packets_and_says_why() -> None:
    async with opened(exchanges.check((), SocketError(0.0, "EPERM"))) as it:
        assert "Our own system let nothing out" in it.words("no-packets")


async def test_control_characters_from_outside_do_not_reach_the_terminal() -> None:
    evil = "\x1b]0;owned\x07"
    engine = QuietEngine([replace(exchanges.server("fra1"), endpoint=Endpoint(f"h{evil}", 1))])
    app = app_over(engine)
    async with app.run_test() as pilot:
        problem = misconfigured(f"a line with {evil}")
        engine.board.record("fra1", Round((exchanges.check(address=None),), (problem,)), NOW)
        app.open_server("fra1")
        await pilot.pause()
        it = Opened(engine, app, pilot)
        for widget in ("head", "full", "no-packets", "caption"):
            assert "\x1b" not in it.words(widget)
            assert "\x07" not in it.words(widget)


async def test_ascii_only_means_ascii_only() -> None:
    async with opened(
        exchanges.psk_mismatch(), exchanges.healthy(address=exchanges.V6), ascii_only=True
    ) as it:
        await it.press("c")
        said = "".join(it.words(widget) for widget in ("head", "full", "caption", "field"))
        drawn = "".join(it.view.render_line(y).text for y in range(it.view.size.height))
        assert (said + drawn).isascii()


# The field cursor


async def test_it_opens_on_the_field_that_made_us_not_believe() -> None:
    async with opened(exchanges.psk_mismatch()) as it:
        assert it.words("field").startswith("empty  handshake response, bytes 44 to 59, 16 long")


@pytest.mark.parametrize(
    ("keys", "stop"),
    [
        (["l"], Stop(0, 1)),
        (["right", "right"], Stop(0, 2)),
        (["l", "l", "h"], Stop(0, 1)),
        (["l", "left"], Stop(0, 0)),
        (["j"], Stop(0, 3)),
        (["down", "down"], Stop(0, 4)),
        (["G"], Stop(2, 4)),
        (["end"], Stop(2, 4)),
        (["G", "g"], Stop(0, 0)),
        (["G", "home"], Stop(0, 0)),
        (["G", "k"], Stop(2, 0)),
        (["G", "up"], Stop(2, 0)),
        (["pagedown"], Stop(1, 0)),
        (["pagedown", "pagedown", "pageup"], Stop(1, 0)),
    ],
)
async def test_keys_move_the_field_cursor(keys: list[str], stop: Stop) -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press(*keys)
        assert it.view.stop == stop


async def test_the_panel_explains_the_field_under_the_cursor() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press("l", "l")
        assert it.words("field").splitlines()[0] == "sender  handshake initiation, bytes 4 to 7, 4 long"
        assert it.words("field").splitlines()[-1] == "= 0x01020304"


async def test_a_wide_terminal_lists_the_fields_of_the_packet_beside_the_dump() -> None:
    async with opened(exchanges.healthy(), size=(140, 45)) as it:
        lines = it.words("field").splitlines()
        assert [line.split()[0] for line in lines[1:9]] == [
            "type", "reserved", "sender", "ephemeral", "static", "timestamp", "mac1", "mac2",
        ]  # fmt: skip
        assert it.screen.query_one("#field").region.x > it.view.region.right


async def test_resizing_moves_the_panel_below_the_dump_again() -> None:
    async with opened(exchanges.healthy(), size=(140, 45)) as it:
        await it.pilot.resize_terminal(80, 24)
        await it.pilot.pause()
        assert it.screen.query_one("#field").region.y == it.view.region.bottom
        assert it.view.region.height >= 8


async def test_a_click_on_a_byte_explains_it() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.pilot.click(HexView, offset=(6, 2))
        assert it.words("field").startswith("ephemeral")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 45)])
async def test_every_size_leaves_room_for_the_dump(size: tuple[int, int]) -> None:
    async with opened(exchanges.psk_mismatch(), size=size) as it:
        assert it.view.size.height >= 5
        assert it.screen.query_one("#field").region.bottom <= size[1] - 1


# Following the board


async def test_it_shows_the_newest_exchange() -> None:
    async with opened(exchanges.healthy()) as it:
        newest = exchanges.psk_mismatch(at=LATER)
        await it.see(newest)
        assert it.view.check is newest
        assert it.words("caption") == "check of 19:30:10"


async def test_the_timer_follows_the_board() -> None:
    async with opened(exchanges.healthy()) as it:
        newest = exchanges.psk_mismatch(at=LATER)
        exchanges.saw(it.engine, newest)
        while it.view.check is not newest:
            await it.pilot.pause(0.05)


async def test_an_exchange_under_study_stays_and_the_head_goes_on() -> None:
    studied = exchanges.healthy()
    async with opened(studied) as it:
        await it.press("l")
        await it.see(exchanges.psk_mismatch(at=LATER))
        assert it.view.check is studied
        assert it.view.stop == Stop(0, 1)
        assert "newer check available, press f to follow" in it.words("caption")
        assert "psk-mismatch" in it.words("head")


async def test_f_follows_again() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press("l")
        newer, newest = exchanges.psk_mismatch(at=LATER), exchanges.under_load(at=LATER + 10)
        await it.see(newer)
        await it.press("f")
        assert it.view.check is newer
        assert "newer" not in it.words("caption")
        await it.see(newest)
        assert it.view.check is newest


async def test_f_is_not_offered_while_there_is_nothing_newer() -> None:
    async with opened(exchanges.healthy()) as it:
        assert "f" not in it.screen.active_bindings
        await it.press("l")
        await it.see(exchanges.healthy(at=LATER))
        assert "f" in it.screen.active_bindings


async def test_a_server_that_left_the_file_closes_its_screen() -> None:
    async with opened(exchanges.healthy()) as it:
        it.engine.board.replace([exchanges.server("ams2")])
        it.screen.follow_board()
        await it.pilot.pause()
        assert isinstance(it.app.screen, FleetScreen)
        assert it.toasts() == ["fra1 is no longer in servers.toml"]


# The other keys


async def test_escape_goes_back() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press("escape")
        assert isinstance(it.app.screen, FleetScreen)


async def test_brackets_go_through_the_servers_in_the_order_of_the_table() -> None:
    async with opened(exchanges.psk_mismatch()) as it:
        exchanges.saw(it.engine, exchanges.healthy("ams2"))
        home = it.app.screen_stack[0]
        assert isinstance(home, FleetScreen)
        home.table.order.rebuild()
        assert home.table.order.names == ["fra1", "lon3", "ams2"]
        seen = []
        for key in ("]", "]", "]", "["):
            await it.press(key)
            seen.append(it.words("head").split("  ")[2].strip())
        assert seen == ["lon3", "ams2", "fra1", "ams2"]


async def test_the_next_server_is_followed_whatever_was_studied_before() -> None:
    async with opened(exchanges.psk_mismatch()) as it:
        await it.press("l", "]")
        newest = exchanges.healthy(it.words("head").split("  ")[2].strip())
        await it.see(newest)
        assert it.view.check is newest


async def test_tab_goes_to_the_diagnosis_and_back() -> None:
    async with opened(exchanges.psk_mismatch()) as it:
        tabs = it.screen.query_one(TabbedContent)
        await it.press("tab")
        assert tabs.active == "diagnosis"
        await it.press("shift+tab")
        assert tabs.active == "packets"


async def test_diagnosis_gives_all_evidence_and_every_cause_in_order() -> None:
    async with opened(exchanges.psk_mismatch()) as it:
        text = it.prose("full")
        assert "not believed" in text
        assert "no authentic answer within 5.00 s" in text
        assert text.index("1 the preshared key differs") < text.index("2 somebody on the path forges answers")


async def test_keys_scroll_the_diagnosis_and_leave_the_cursor_alone() -> None:
    async with opened(exchanges.silent()) as it:
        await it.press("tab", "j", "j", "k")
        pane = it.screen.query_one(Reading)
        assert pane.scroll_y == 1
        await it.press("G")
        assert pane.scroll_y == pane.max_scroll_y > 1
        await it.press("pageup", "g")
        assert pane.scroll_y == 0
        await it.press("pagedown")
        assert pane.scroll_y > 1
        assert it.view.stop == Stop(0, 0)


async def test_c_compares_with_the_last_good_exchange_and_back() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.see(exchanges.silent(at=LATER))
        await it.press("c")
        assert it.words("caption").endswith("against the last good one of 19:30:00: 2 packets missing")
        assert it.view.comparison is not None
        assert len(it.view.comparison.missing) == 2
        await it.press("c")
        assert it.words("caption") == "check of 19:30:10"
        assert it.view.comparison is None


async def test_comparing_says_so_when_only_what_is_always_new_differs() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press("l")
        await it.see(exchanges.healthy(at=LATER, rtt=0.02))
        await it.press("c")
        assert "the same form" in it.words("caption")


async def test_without_a_good_exchange_c_says_that_there_is_none() -> None:
    async with opened(exchanges.silent()) as it:
        await it.press("c")
        assert it.toasts() == ["No good exchange yet to compare with"]
        assert it.view.comparison is None


async def test_y_copies_the_packet_under_the_cursor() -> None:
    check = exchanges.healthy()
    async with opened(check) as it:
        await it.press("pagedown", "y")
        assert it.app.clipboard == check.exchange[1].data.hex()
        assert it.toasts() == ["Copied handshake response, 92 bytes, as hex"]


async def test_under_tmux_copying_names_the_option_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    async with opened(exchanges.healthy()) as it:
        await it.press("y")
        assert "set -g set-clipboard on" in it.toasts()[0]


async def test_without_a_packet_there_is_nothing_to_copy() -> None:
    async with opened(exchanges.unresolved()) as it:
        await it.press("y")
        assert it.toasts() == ["No packet to copy"]
        assert it.app.clipboard == ""


async def test_r_checks_again() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press("r")
        assert it.engine.rechecked == [["fra1"]]
        assert it.toasts() == ["Checking fra1"]


async def test_p_pauses_and_goes_on() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press("p")
        assert it.words("head").startswith("‖ paused  fra1")
        await it.press("p")
        assert it.words("head").startswith("● up  healthy  fra1")


async def test_paused_before_the_first_check_it_does_not_promise_one() -> None:
    async with opened() as it:
        await it.press("p")
        assert "Paused before the first check" in it.words("no-packets")


async def test_question_mark_opens_the_help_of_this_screen() -> None:
    async with opened(exchanges.healthy()) as it:
        await it.press("?")
        assert isinstance(it.app.screen, HelpScreen)
        await it.press("escape")
        assert isinstance(it.app.screen, ServerScreen)


async def test_angle_brackets_go_through_the_addresses() -> None:
    bad, good = exchanges.psk_mismatch(), exchanges.healthy(address=exchanges.V6)
    async with opened(bad, good) as it:
        assert it.words("caption").endswith("✖ 203.0.113.7  ● 2001:db8::7  < >")
        await it.press(">")
        assert it.view.check is good
        assert "2001:db8::7: A real client can connect" in it.prose("head")
        assert it.words("head").startswith("✖ down  psk-mismatch")
        await it.press("<")
        assert it.view.check is bad


async def test_a_chosen_address_stays_chosen_when_the_next_round_comes() -> None:
    async with opened(exchanges.psk_mismatch(), exchanges.healthy(address=exchanges.V6)) as it:
        await it.press(">")
        newest = exchanges.healthy(address=exchanges.V6, at=LATER)
        await it.see(exchanges.psk_mismatch(at=LATER), newest)
        assert it.view.check is newest


async def test_a_single_address_offers_no_other() -> None:
    async with opened(exchanges.healthy()) as it:
        assert "greater_than_sign" not in it.screen.active_bindings
        await it.press(">")
        assert it.words("caption") == "check of 19:30:00"


async def test_another_theme_takes_effect_at_once() -> None:
    async with opened(exchanges.healthy()) as it:
        before = it.view.render_line(0)
        await it.press("t")
        assert it.view.render_line(0) != before


# How it looks


def on_a_bad_night(check: Check) -> WgmonApp:
    """`fra1` after forty checks, the last of them `check`."""
    engine = fleet()
    for number in range(40):
        rtt = 0.012 + (number * 7 % 11) / 2000
        at = NOW - 400 + 10 * number
        exchanges.saw(engine, exchanges.silent(at=at) if number == 17 else exchanges.healthy(at=at, rtt=rtt))
    exchanges.saw(engine, check)
    return app_over(engine)


async def open_fra1(pilot: Pilot[None]) -> None:
    assert isinstance(pilot.app, WgmonApp)
    pilot.app.open_server("fra1")
    await pilot.pause()


async def open_fra1_and_compare(pilot: Pilot[None]) -> None:
    await open_fra1(pilot)
    await pilot.press("c")
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["80x24", "140x45"])
def test_looks_of_a_healthy_server(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    app = on_a_bad_night(exchanges.healthy())
    assert snap_compare(app, terminal_size=size, run_before=open_fra1)


@pytest.mark.parametrize("size", [(80, 24), (140, 45)], ids=["80x24", "140x45"])
def test_looks_of_a_psk_mismatch(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    app = on_a_bad_night(exchanges.psk_mismatch())
    assert snap_compare(app, terminal_size=size, run_before=open_fra1)


def test_looks_of_a_comparison(snap_compare: Callable[..., bool]) -> None:
    app = on_a_bad_night(exchanges.foreign())
    assert snap_compare(app, terminal_size=(140, 45), run_before=open_fra1_and_compare)
