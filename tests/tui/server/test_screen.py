"""Server screen: every key, what is pinned and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import TabbedContent

from tests.tui import sample_exchanges
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.server_screen_harness import fleet, opened
from wgmon_tui.checks.evidence import SocketError
from wgmon_tui.checks.misconfiguration import diagnose_misconfiguration
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.tui.fleet.screen import FleetScreen
from wgmon_tui.tui.help.help_screen import HelpScreen
from wgmon_tui.tui.server.exchange_layout import CursorStop
from wgmon_tui.tui.server.screen import ServerScreen

LATER = NOW + 10


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


# Text


async def test_before_the_first_check_it_waits_and_says_how_long() -> None:
    async with opened() as it:
        assert it.words("head").split()[:3] == ["?", "unknown", "waiting"]
        assert "Waiting for the first check" in it.words("no-packets")
        assert "within 10 s" in it.words("no-packets")
        assert not it.is_shown("dump")


@pytest.mark.thorough
async def test_the_first_check_replaces_the_waiting() -> None:
    async with opened() as it:
        await it.see(sample_exchanges.healthy())
        assert it.is_shown("dump")
        assert not it.is_shown("no-packets")
        assert it.view.stop == CursorStop(0, 0)


@pytest.mark.thorough
async def test_a_name_that_does_not_resolve_leaves_no_packets_and_says_why() -> None:
    async with opened(sample_exchanges.unresolved()) as it:
        assert "no address to send to" in it.words("no-packets")
        assert not it.is_shown("dump")


async def test_a_fault_of_our_own_file_leaves_no_packets_and_says_why() -> None:
    async with opened() as it:
        problem = diagnose_misconfiguration('servers.toml: server "fra1": no private key')
        it.engine.fleet_state.record("fra1", Round((sample_exchanges.check(address=None),), (problem,)), NOW)
        it.screen.refresh_view()
        assert "Fix the configuration first" in it.words("no-packets")


@pytest.mark.thorough
async def test_a_send_that_our_own_system_refused_leaves_no_packets_and_says_why() -> None:
    async with opened(sample_exchanges.check((), SocketError(0.0, "EPERM"))) as it:
        assert "This machine could not send" in it.words("no-packets")


async def test_control_characters_from_outside_do_not_reach_the_terminal() -> None:
    evil = "\x1b]0;owned\x07"
    engine = QuietEngine([replace(sample_exchanges.server("fra1"), endpoint=Endpoint(f"h{evil}", 1))])
    problem = diagnose_misconfiguration(f"a line with {evil}")
    engine.fleet_state.record("fra1", Round((sample_exchanges.check(address=None),), (problem,)), NOW)
    async with opened(engine=engine) as it:
        await it.press("tab")
        for widget in ("head", "full", "no-packets", "caption"):
            assert "\x1b" not in it.words(widget)
            assert "\x07" not in it.words(widget)


@pytest.mark.thorough
async def test_ascii_only_means_ascii_only() -> None:
    async with opened(
        sample_exchanges.psk_mismatch(),
        sample_exchanges.healthy(address=sample_exchanges.V6),
        ascii_only=True,
    ) as it:
        await it.press("c")
        said = "".join(it.words(widget) for widget in ("head", "caption", "field"))
        assert said.isascii()
        assert "".join(it.lines()).isascii()
        await it.press("tab")
        assert "".join(it.lines()).isascii()


# Following the fleet state


async def test_it_shows_the_newest_exchange() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        newest = sample_exchanges.psk_mismatch(at=LATER)
        await it.see(newest)
        assert it.view.check is newest
        assert it.words("caption") == "check of 19:30:10"


@pytest.mark.thorough
async def test_the_timer_follows_the_board() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        newest = sample_exchanges.psk_mismatch(at=LATER)
        sample_exchanges.record_checks(it.engine, newest)
        while it.view.check is not newest:
            await it.pilot.pause(0.05)


@pytest.mark.thorough
async def test_an_exchange_under_study_stays_and_the_head_goes_on() -> None:
    studied = sample_exchanges.healthy()
    async with opened(studied) as it:
        await it.press("l")
        await it.see(sample_exchanges.psk_mismatch(at=LATER))
        assert it.view.check is studied
        assert it.view.stop == CursorStop(0, 1)
        assert "newer check available, press f to follow" in it.words("caption")
        assert "psk-mismatch" in it.words("head")


@pytest.mark.thorough
async def test_f_follows_again() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("l")
        newer, newest = sample_exchanges.psk_mismatch(at=LATER), sample_exchanges.under_load(at=LATER + 10)
        await it.see(newer)
        await it.press("f")
        assert it.view.check is newer
        assert "newer" not in it.words("caption")
        await it.see(newest)
        assert it.view.check is newest


@pytest.mark.thorough
async def test_f_is_not_offered_while_there_is_nothing_newer() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        assert "f" not in it.screen.active_bindings
        await it.press("l")
        await it.see(sample_exchanges.healthy(at=LATER))
        assert "f" in it.screen.active_bindings


@pytest.mark.thorough
async def test_a_server_that_left_the_file_closes_its_screen() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        it.engine.fleet_state.replace([sample_exchanges.server("ams2")])
        it.screen.refresh_view()
        await settle(it.pilot)
        assert isinstance(it.app.screen, FleetScreen)
        assert it.notices() == ["fra1 is no longer in servers.toml"]


# The other keys


async def test_escape_goes_back() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("escape")
        assert isinstance(it.app.screen, FleetScreen)


async def test_brackets_go_through_the_servers_in_the_order_of_the_table() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        sample_exchanges.record_checks(it.engine, sample_exchanges.healthy("ams2"))
        home = it.app.screen_stack[0]
        assert isinstance(home, FleetScreen)
        home.table.row_index.rebuild()
        assert home.table.row_index.names == ["fra1", "lon3", "ams2"]
        seen = []
        for key in ("]", "]", "]", "["):
            await it.press(key)
            seen.append(it.words("head").split("  ")[2].strip())
        assert seen == ["lon3", "ams2", "fra1", "ams2"]


@pytest.mark.thorough
async def test_the_next_server_is_followed_whatever_was_studied_before() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        await it.press("l", "]")
        newest = sample_exchanges.healthy(it.words("head").split("  ")[2].strip())
        await it.see(newest)
        assert it.view.check is newest


@pytest.mark.thorough
async def test_tab_goes_to_the_diagnosis_and_back() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        tabs = it.screen.query_one(TabbedContent)
        await it.press("tab")
        assert tabs.active == "diagnosis"
        await it.press("shift+tab")
        assert tabs.active == "packets"


async def test_the_diagnosis_follows_the_board_and_the_head_leaves_out_what_it_says() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        assert "cause" in it.prose("head")
        await it.press("tab")
        assert "cause" not in it.prose("head")
        assert "1 the preshared key differs" in it.prose("full")
        await it.see(sample_exchanges.silent(at=LATER))
        assert "1 the server does not know this identity's public key" in it.prose("full")
        await it.press("shift+tab")
        assert "cause likely 1 of 5: the server does not know this identity's public key" in it.prose("head")


@pytest.mark.thorough
async def test_keys_of_the_dump_are_not_offered_over_the_diagnosis() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        assert {"c", "h", "l"} <= set(it.screen.active_bindings)
        await it.press("tab")
        assert {"c", "h", "l"}.isdisjoint(it.screen.active_bindings)


async def test_it_says_who_fails_together_with_this_server() -> None:
    engine = fleet()
    sample_exchanges.record_checks(engine, sample_exchanges.silent("ams2"))
    sample_exchanges.record_checks(engine, sample_exchanges.healthy("lon3", address=sample_exchanges.V6))
    async with opened(sample_exchanges.silent(), engine=engine) as it:
        await it.press("tab")
        assert "fails together with ams2: all with the address 203.0.113.7 are down" in it.prose("full")


@pytest.mark.thorough
async def test_keys_scroll_the_diagnosis_and_leave_the_cursor_alone() -> None:
    async with opened(sample_exchanges.silent()) as it:
        await it.press("tab")
        await it.press("j", "j", "k")
        pane = it.page
        assert pane.scroll_y == 1
        await it.press("G")
        assert pane.scroll_y == pane.max_scroll_y > 1
        await it.press("pageup", "g")
        assert pane.scroll_y == 0
        await it.press("pagedown")
        assert pane.scroll_y > 1
        assert it.view.stop == CursorStop(0, 0)


async def test_c_compares_with_the_last_good_exchange_and_back() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.see(sample_exchanges.silent(at=LATER))
        await it.press("c")
        assert it.words("caption").endswith("compared to the last good one, 19:30:00: 2 packets missing")
        assert it.view.comparison is not None
        assert len(it.view.comparison.missing) == 2
        await it.press("c")
        assert it.words("caption") == "check of 19:30:10"
        assert it.view.comparison is None


@pytest.mark.thorough
async def test_comparing_says_so_when_only_what_is_always_new_differs() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("l")
        await it.see(sample_exchanges.healthy(at=LATER, rtt=0.02))
        await it.press("c")
        assert "same structure" in it.words("caption")


@pytest.mark.thorough
async def test_without_a_good_exchange_c_says_that_there_is_none() -> None:
    async with opened(sample_exchanges.silent()) as it:
        await it.press("c")
        assert it.notices() == ["No good exchange yet to compare with"]
        assert it.view.comparison is None


async def test_shift_c_copies_the_packet_under_the_cursor() -> None:
    check = sample_exchanges.healthy()
    async with opened(check) as it:
        await it.press("pagedown", "C")
        assert it.app.clipboard == check.exchange[1].data.hex()
        assert it.notices() == ["Copied handshake response, 92 bytes, as hex"]


@pytest.mark.thorough
async def test_under_tmux_copying_names_the_option_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("C")
        assert "set -g set-clipboard on" in it.notices()


@pytest.mark.thorough
async def test_in_the_diagnosis_shift_c_copies_the_next_step() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        await it.press("tab", "C")
        command = "wg show wg0 preshared-keys"
        assert it.app.clipboard == command
        assert it.notices() == [f"Copied the command to type on the server: {command}. Replace wg0."]
        await it.see(sample_exchanges.healthy(at=LATER))
        await it.press("C")
        assert it.notices() == ["There is no command to type"]


@pytest.mark.thorough
async def test_without_a_packet_there_is_nothing_to_copy() -> None:
    async with opened(sample_exchanges.unresolved()) as it:
        await it.press("C")
        assert it.notices() == ["No packet to copy"]
        assert it.app.clipboard == ""


async def test_r_checks_again() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("r")
        assert it.engine.rechecked == [["fra1"]]
        assert it.notices() == ["Checking fra1"]


async def test_p_pauses_and_goes_on() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("p")
        assert it.words("head").startswith("‖ paused  fra1")
        await it.press("p")
        assert it.words("head").startswith("? unknown")  # until somebody has looked again


@pytest.mark.thorough
async def test_paused_before_the_first_check_it_does_not_promise_one() -> None:
    async with opened() as it:
        await it.press("p")
        assert "Paused before the first check" in it.words("no-packets")


@pytest.mark.thorough
async def test_question_mark_opens_the_help_of_this_screen() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("?")
        assert isinstance(it.app.screen, HelpScreen)
        await it.press("escape")
        assert isinstance(it.app.screen, ServerScreen)


async def test_angle_brackets_go_through_the_addresses() -> None:
    bad, good = sample_exchanges.psk_mismatch(), sample_exchanges.healthy(address=sample_exchanges.V6)
    async with opened(bad, good) as it:
        assert it.words("caption").endswith("✖ 203.0.113.7  ● 2001:db8::7  < >")
        await it.press(">")
        assert it.view.check is good
        assert "2001:db8::7: The handshake works" in it.prose("head")
        assert it.words("head").startswith("✖ down  psk-mismatch")
        await it.press("<")
        assert it.view.check is bad


@pytest.mark.thorough
async def test_a_chosen_address_stays_chosen_when_the_next_round_comes() -> None:
    async with opened(
        sample_exchanges.psk_mismatch(), sample_exchanges.healthy(address=sample_exchanges.V6)
    ) as it:
        await it.press(">")
        newest = sample_exchanges.healthy(address=sample_exchanges.V6, at=LATER)
        await it.see(sample_exchanges.psk_mismatch(at=LATER), newest)
        assert it.view.check is newest


@pytest.mark.thorough
async def test_a_single_address_offers_no_other() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        assert "greater_than_sign" not in it.screen.active_bindings
        await it.press(">")
        assert it.words("caption") == "check of 19:30:00"


@pytest.mark.thorough
async def test_another_theme_takes_effect_at_once() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        before = it.view.render_line(0)
        it.app.use_theme("paper")
        await settle(it.pilot)
        assert it.view.render_line(0) != before
