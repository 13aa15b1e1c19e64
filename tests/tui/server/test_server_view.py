"""Query of a server's own view, from the server screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from textual.widgets import TabbedContent

from tests.tui import sample_exchanges, sample_server_views
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.server_screen_harness import NAMES, Opened, opened
from wgmon_tui.checks.comparison import Finding
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.doctor.server import inspect_and_compare


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


def inspectable(*command: str) -> QuietEngine:
    command = command or ("ssh", "bastion", "wg")
    return QuietEngine(replace(sample_exchanges.server(name), inspect=command) for name in NAMES)


class Operator:
    """Answers on request, in the querying thread."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = Event()

    def __call__(self, server: Server) -> tuple[Finding, ...]:
        self.asked.append(server.name)
        assert self.may_answer.wait(30)
        return sample_server_views.DIFFERING


async def answered(it: Opened) -> None:
    """Wait until every answer is on the screen."""
    for worker in [each for each in it.app.workers if each.group == "inspect"]:
        await worker.wait()
    await settle(it.pilot)


async def test_i_asks_the_server_and_shows_what_it_says_above_the_diagnosis() -> None:
    async with opened(
        sample_exchanges.psk_mismatch(),
        engine=inspectable(),
        ask_server=lambda _: sample_server_views.DIFFERING,
    ) as it:
        await it.press("tab", "G", "i")
        await answered(it)
        assert it.prose("asked") == "The server's own view, asked at 19:30:00, 0 s ago"
        assert "✖ differs listen port it listens on 51999" in it.prose("findings")
        assert "psk-mismatch" in it.words("full")
        assert it.page.scroll_y == 0


@pytest.mark.thorough
async def test_from_the_packets_it_goes_to_the_diagnosis() -> None:
    async with opened(
        sample_exchanges.healthy(), engine=inspectable(), ask_server=lambda _: sample_server_views.AGREEING
    ) as it:
        await it.press("i")
        assert it.screen.query_one(TabbedContent).active == "diagnosis"


@pytest.mark.thorough
async def test_before_the_first_check_it_can_be_asked_as_well() -> None:
    async with opened(engine=inspectable(), ask_server=lambda _: sample_server_views.AGREEING) as it:
        await it.press("i")
        await answered(it)
        assert "● ok" in it.words("findings")
        assert "Waiting for the first check" in it.words("full")


@pytest.mark.thorough
async def test_while_it_is_asked_the_command_stands_there_and_keys_go_on() -> None:
    operator = Operator()
    async with opened(sample_exchanges.healthy(), engine=inspectable(), ask_server=operator) as it:
        await it.press("i")
        assert it.words("findings") == "running: ssh bastion wg … (at most 15 s)"
        await it.press("r")
        assert it.engine.rechecked == [["fra1"]]
        operator.may_answer.set()
        await answered(it)
        assert "differs" in it.words("findings")


@pytest.mark.thorough
async def test_nobody_is_asked_twice_at_once() -> None:
    operator = Operator()
    async with opened(sample_exchanges.healthy(), engine=inspectable(), ask_server=operator) as it:
        await it.press("i", "i")
        assert it.notices() == ["Still waiting for the answer of fra1"]
        operator.may_answer.set()
        await answered(it)
        assert operator.asked == ["fra1"]


@pytest.mark.thorough
async def test_an_answer_that_comes_late_is_shown_only_for_the_server_that_was_asked() -> None:
    operator = Operator()
    async with opened(sample_exchanges.healthy(), engine=inspectable(), ask_server=operator) as it:
        await it.press("i", "]")
        assert not it.is_shown("findings")
        operator.may_answer.set()
        await answered(it)
        assert not it.is_shown("asked")
        assert not it.is_shown("findings")
        await it.press("[")
        assert it.is_shown("findings")
        assert "differs" in it.words("findings")


@pytest.mark.thorough
async def test_an_answer_is_dropped_once_the_server_is_described_otherwise() -> None:
    async with opened(
        sample_exchanges.healthy(), engine=inspectable(), ask_server=lambda _: sample_server_views.DIFFERING
    ) as it:
        await it.press("i")
        await answered(it)
        it.engine.fleet_state.replace(
            inspectable("ssh", "elsewhere", "wg").fleet_state.states[name].server for name in NAMES
        )
        it.screen.refresh_view()
        assert not it.is_shown("findings")


@pytest.mark.thorough
async def test_an_answer_grows_older_while_it_is_read() -> None:
    now = [NOW]
    async with opened(
        sample_exchanges.healthy(),
        engine=inspectable(),
        ask_server=lambda _: sample_server_views.AGREEING,
        clock=lambda: now[0],
    ) as it:
        await it.press("i")
        await answered(it)
        now[0] = NOW + 37
        it.page.refresh_age()
        assert it.words("asked").endswith("asked at 19:30:00, 30 s ago")


@pytest.mark.thorough
async def test_without_a_command_the_key_says_what_to_add_and_shift_c_copies_that(tmp_path: Path) -> None:
    async with opened(
        sample_exchanges.psk_mismatch(),
        ask_server=lambda server: inspect_and_compare(server, Fleet(), Keyring(), tmp_path),
    ) as it:
        assert "i" in it.screen.active_bindings
        await it.press("i")
        await answered(it)
        await it.press("C")
        assert "? cannot tell" in it.words("findings")
        assert it.app.clipboard == (
            'inspect = ["ssh", "fra1.example.net", "sudo", "wg", "show", "wg0", "dump"]'
        )


@pytest.mark.thorough
async def test_shift_c_copies_what_to_type_for_the_first_difference() -> None:
    async with opened(
        sample_exchanges.psk_mismatch(),
        engine=inspectable(),
        ask_server=lambda _: sample_server_views.DIFFERING,
    ) as it:
        await it.press("i")
        await answered(it)
        await it.press("C")
        command = "wg set wg0 listen-port 51820"
        assert it.app.clipboard == command
        assert it.notices() == [f"Copied the command to type on the server: {command}. Replace wg0."]


@pytest.mark.thorough
async def test_a_command_that_fails_is_one_clear_line(tmp_path: Path) -> None:
    engine = inspectable("sh", "-c", "echo No route to host >&2; exit 255")
    async with opened(
        sample_exchanges.silent(),
        engine=engine,
        ask_server=lambda server: inspect_and_compare(server, Fleet(), Keyring({}, {}, {}), tmp_path),
    ) as it:
        await it.press("i")
        await answered(it)
        assert it.prose("findings") == (
            '? cannot tell running inspect: "sh" ended with exit code 255: No route to host'
        )


@pytest.mark.thorough
async def test_where_our_own_system_does_not_let_us_ask_the_screen_stays_and_says_so() -> None:
    def too_many_files(_: Server) -> tuple[Finding, ...]:
        raise OSError("Too many open files")

    async with opened(sample_exchanges.silent(), engine=inspectable(), ask_server=too_many_files) as it:
        await it.press("i")
        await answered(it)
        assert it.prose("findings") == "? cannot tell running cannot start the query: Too many open files"


@pytest.mark.thorough
async def test_leaving_does_not_wait_for_the_answer() -> None:
    operator = Operator()
    async with opened(sample_exchanges.healthy(), engine=inspectable(), ask_server=operator) as it:
        await it.press("i", "escape")
        assert it.app.screen is it.app.screen_stack[0]
    assert not operator.may_answer.is_set()
    operator.may_answer.set()


@pytest.mark.thorough
async def test_where_nobody_can_be_asked_the_key_is_not_offered() -> None:
    async with opened(sample_exchanges.healthy(), engine=inspectable()) as it:
        assert "i" not in it.screen.active_bindings
