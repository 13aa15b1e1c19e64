"""Tests of the path screen: every key, every kind of trace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from textual.widgets import Static

from tests.parameters import default_run
from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from tests.tui.sample_traces import CUT_OFF, REACHED, REFUSED, TracingEngine
from wgmon_tui.tui.path import screen as path_screen
from wgmon_tui.tui.path.screen import PathScreen
from wgmon_tui.tui.server.screen import ServerScreen


@asynccontextmanager
async def traced(
    engine: TracingEngine | None = None, *, size: tuple[int, int] = (80, 24), ascii_only: bool = False
) -> AsyncIterator[Face]:
    """The path screen of the first server."""
    engine = engine or TracingEngine()
    sample_exchanges.record_checks(engine, sample_exchanges.silent("ams2"))
    async with face(engine, size=size, ascii_only=ascii_only) as it:
        await it.press("enter")
        assert not engine.asked
        await it.press("P")
        await ended(it)
        yield it


async def ended(it: Face) -> None:
    """Wait until the trace has ended and is drawn, if it may end."""
    engine = it.engine
    assert isinstance(engine, TracingEngine)
    for worker in [each for each in it.app.workers if each.group in ("trace", "names")]:
        if engine.may_end.is_set():
            await worker.wait()
    await settle(it.pilot)


def text(it: Face) -> str:
    return "\n".join(line.rstrip() for line in it.lines())


def engine_of(it: Face) -> TracingEngine:
    assert isinstance(it.engine, TracingEngine)
    return it.engine


async def test_the_hops_and_the_end_of_the_path_are_shown() -> None:
    async with traced() as it:
        shown = text(it)
        assert "198.51.100.1       2/3" in shown
        assert "limits its reports, forwards" in shown
        assert "4-11" in shown
        assert "198.51.100.78" in shown
        assert "Nothing answers after hop 3 (198.51.100.77, 198.51.100.78)." in shown
        assert "Not traced: 2001:db8::9." in shown


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("result", "said"),
    [
        (REACHED, "The server answered 3 of 3 initiations, at hop 4."),
        (REFUSED, "Hop 2 (198.51.100.1) refuses the packets:"),
    ],
    ids=["reached", "refused"],
)
async def test_the_conclusion_says_how_the_path_ends(result: object, said: str) -> None:
    async with traced(TracingEngine(result)) as it:  # type: ignore[arg-type]
        assert said in text(it)


async def test_hops_are_shown_while_the_trace_runs() -> None:
    engine = TracingEngine()
    engine.may_end.clear()
    async with traced(engine) as it:
        screen = it.app.screen
        assert isinstance(screen, PathScreen)
        screen._refresh_if_due()
        await settle(it.pilot)
        assert "round 1 of 3, hop limit 4" in text(it)
        assert "192.168.1.1" in text(it)
        assert "trace again" not in it.hints()
        await it.press("r")
        assert it.notices() == ["The trace still runs"]
        engine.may_end.set()
        await ended(it)
        assert "trace again" in it.hints()


async def test_leaving_ends_a_running_trace_and_returns_to_the_server() -> None:
    engine = TracingEngine()
    engine.may_end.clear()
    async with traced(engine) as it:
        await it.press("escape")
        assert isinstance(it.app.screen, ServerScreen)
        assert engine.cancelled_traces == 1


@pytest.mark.thorough
async def test_r_traces_again() -> None:
    async with traced() as it:
        engine_of(it).result = REACHED
        await it.press("r")
        await ended(it)
        assert [name for name, _ in engine_of(it).asked] == ["ams2", "ams2"]
        assert "The server answered 3 of 3 initiations" in text(it)


@pytest.mark.thorough
async def test_the_next_address_of_the_name_is_traced() -> None:
    async with traced() as it:
        await it.press(">")
        await ended(it)
        assert engine_of(it).asked[-1][1].address == IPv6Address("2001:db8::9")


@pytest.mark.thorough
async def test_a_refusal_is_shown_and_r_tries_again() -> None:
    async with traced(TracingEngine("this machine has no IPv6")) as it:
        assert "The path cannot be traced" in text(it)
        assert "this machine has no IPv6" in text(it)
        assert "waiting" not in text(it)
        engine_of(it).result = CUT_OFF
        await it.press("r")
        await ended(it)
        assert "Nothing answers after hop 3" in text(it)


@pytest.mark.thorough
async def test_y_copies_the_path_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async with traced() as it:
        copied: list[str] = []
        monkeypatch.setattr(type(it.app), "copy_to_clipboard", lambda _, text: copied.append(text))
        await it.press("y")
        assert "198.51.100.77" in copied[0]
        assert "Nothing answers after hop 3" in copied[0]
        assert "Traced at 2026-" in copied[0]


@pytest.mark.thorough
async def test_names_are_looked_up_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    async def look_up(addresses: tuple[str, ...]) -> Mapping[str, str]:
        asked.append(addresses)
        return {"192.168.1.1": "gateway.example.net"}

    monkeypatch.setattr(path_screen, "look_up_names", look_up)
    async with traced() as it:
        assert not asked
        await it.press("n")
        await ended(it)
        assert "gateway.example.net" in text(it)
        assert asked == [("192.168.1.1", "198.51.100.1", "198.51.100.77", "198.51.100.78")]


@pytest.mark.parametrize("size", default_run([(60, 20)], [(60, 20), (80, 24), (140, 45)]))
async def test_every_line_fits_the_terminal(size: tuple[int, int]) -> None:
    async with traced(size=size) as it:
        content = it.app.screen.query_one("#hops", Static)
        assert content.virtual_size.width <= size[0]
        assert "limits its reports, forwards" in " ".join(text(it).split())


@pytest.mark.thorough
async def test_ascii_terminals_get_ascii() -> None:
    async with traced(ascii_only=True) as it:
        assert text(it).isascii()


async def test_the_diagnosis_of_a_silent_server_offers_the_trace() -> None:
    engine = TracingEngine()
    sample_exchanges.record_checks(engine, sample_exchanges.silent("ams2"))
    sample_exchanges.record_checks(engine, sample_exchanges.psk_mismatch("fra1"))
    async with face(engine) as it:
        await it.press("enter", "tab")
        assert "Press P to trace the path hop by hop." in text(it)
        await it.press("]")
        assert "to trace the path" not in text(it)


async def test_a_server_whose_path_cannot_be_traced_offers_no_trace_and_says_why() -> None:
    engine = TracingEngine()
    sample_exchanges.record_checks(engine, sample_exchanges.silent("ams2"))
    state = engine.fleet_state.states["ams2"]
    state.server = replace(state.server, protocol="openvpn")
    async with face(engine) as it:
        await it.press("enter", "tab")
        assert "to trace the path" not in text(it)
        await it.press("P")
        assert it.notices() == ["OpenVPN servers cannot be traced"]
        assert isinstance(it.app.screen, ServerScreen)
        assert not engine.asked


@pytest.mark.thorough
async def test_nothing_is_traced_while_nobody_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face(TracingEngine()) as it:
        await it.press("enter")
        monkeypatch.setattr(type(it.app), "refuse_request", lambda _: True)
        await it.press("P")
        assert isinstance(it.app.screen, ServerScreen)
        assert not engine_of(it).asked
