"""RTT tab with a real store: its windows, and the keys that move them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parameters import default_run
from tests.tui import sample_exchanges
from tests.tui.sample_histories import Past
from tests.tui.server_screen_harness import Opened, opened
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE


async def turn_to_plot(it: Opened) -> None:
    await it.press("shift+tab")
    await it.read()


async def press(it: Opened, *keys: str) -> None:
    await it.press(*keys)
    await it.read()


def plotted(it: Opened) -> str:
    return "\n".join(it.lines())


@pytest.mark.parametrize("size", default_run([(80, 24)], [(60, 20), (80, 24), (200, 50)]))
async def test_the_plot_shows_the_last_hour_at_every_size(past: History, size: tuple[int, int]) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=size) as it:
        await turn_to_plot(it)
        assert it.prose("rtt-caption").startswith("1 h 18:30 – now p50 13.4 ms")
        assert "19:00" in plotted(it)
        assert "╳" in plotted(it)
        assert "0 ms ┤" in plotted(it)
        assert "p50" in it.lines()[-3]


@pytest.mark.thorough
async def test_plus_and_minus_go_through_the_windows(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=(140, 30)) as it:
        await turn_to_plot(it)
        windows = []
        for _ in range(6):
            windows.append(it.prose("rtt-caption").split("–")[0].strip())
            await press(it, "-")
        assert windows == [
            "1 h 18:30",
            "6 h 13:30",
            "24 h Nov 21 19:30",
            "7 d Nov 15 19:30",
            "30 d Oct 23 19:30",
            "30 d Oct 23 19:30",
        ]
        await press(it, "+", "+", "+", "+", "+")
        assert it.prose("rtt-caption").startswith("15 min 19:15 – now")


@pytest.mark.thorough
async def test_h_goes_back_in_time_and_0_comes_back_to_now(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=(140, 30)) as it:
        await turn_to_plot(it)
        await press(it, "h")
        assert it.prose("rtt-caption").startswith("1 h 18:15 – 19:15 0 back to now")
        await press(it, "left", "left")
        assert it.prose("rtt-caption").startswith("1 h 17:45 – 18:45")
        await press(it, "l")
        assert it.prose("rtt-caption").startswith("1 h 18:00 – 19:00")
        await press(it, "0")
        assert it.prose("rtt-caption").startswith("1 h 18:30 – now")


@pytest.mark.thorough
async def test_pages_move_by_whole_windows_and_now_is_the_end(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=(140, 30)) as it:
        await turn_to_plot(it)
        await press(it, "pageup")
        assert it.prose("rtt-caption").startswith("1 h 17:30 – 18:30")
        await press(it, "pagedown", "pagedown")
        assert it.prose("rtt-caption").startswith("1 h 18:30 – now")
        await press(it, "g")
        assert it.prose("rtt-caption").startswith("1 h Oct 23 19:30")
        assert "no checks in this period" in it.prose("rtt-caption")
        await press(it, "G")
        assert it.prose("rtt-caption").startswith("1 h 18:30 – now")


@pytest.mark.thorough
async def test_zooming_in_the_past_keeps_its_middle(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=(140, 30)) as it:
        await turn_to_plot(it)
        await press(it, "-", "pageup", "+")
        assert it.prose("rtt-caption").startswith("1 h 10:00 – 11:00")


@pytest.mark.thorough
async def test_the_keys_of_the_plot_are_offered_on_its_tab_alone(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=(140, 30)) as it:
        hints = it.lines()[-1]
        assert "zoom in" not in hints
        await turn_to_plot(it)
        assert "+ zoom in  - zoom out" in it.lines()[-1]
        assert " 0 now" not in it.lines()[-1]
        await press(it, "h")
        assert " 0 now" in it.lines()[-1]


@pytest.mark.thorough
async def test_the_window_stays_from_server_to_server(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=(140, 30)) as it:
        await turn_to_plot(it)
        await press(it, "-", "]")
        assert it.prose("rtt-caption").startswith("6 h 13:30 – now p50 13.4 ms")
        assert "loss 0%" in it.prose("rtt-caption")


@pytest.mark.thorough
async def test_in_ascii_the_plot_is_ascii(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past, size=(100, 30), ascii_only=True) as it:
        await turn_to_plot(it)
        assert plotted(it).isascii()
        assert "*" in plotted(it)


async def test_a_run_without_a_store_says_so() -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await turn_to_plot(it)
        assert "there is nothing to plot" in it.prose("no-rtt")


@pytest.mark.thorough
async def test_a_store_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    async with opened(sample_exchanges.healthy(), history=History(tmp_path / STORE)) as it:
        await turn_to_plot(it)
        assert "The history cannot be read now" in it.prose("no-rtt")


@pytest.mark.thorough
async def test_a_server_without_a_past_has_an_empty_plot(tmp_path: Path) -> None:
    async with opened(history=Past(tmp_path).history()) as it:
        await turn_to_plot(it)
        assert "no checks in this period" in it.prose("rtt-caption")
