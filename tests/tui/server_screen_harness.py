"""Test harness of the server screen: open it, press keys, read its text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.text import Text
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from tests.tui import sample_exchanges
from tests.tui.key_presses import press, read, settle
from tests.tui.sample_fleet import NOW, QuietEngine, no_time_passes
from wgmon_tui.checks.check import Check
from wgmon_tui.store.history import History
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.context import AskServer
from wgmon_tui.tui.server.diagnosis_page import DiagnosisPage
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.server.screen import ServerScreen

NAMES = ("ams2", "fra1", "lon3")


def fleet() -> QuietEngine:
    return QuietEngine(sample_exchanges.server(name) for name in NAMES)


def app_over(
    engine: QuietEngine,
    *,
    ascii_only: bool = False,
    ask_server: AskServer | None = None,
    clock: Callable[[], float] = lambda: NOW,
    history: History | None = None,
) -> WgmonApp:
    return WgmonApp(
        engine,
        title="test",
        ascii_only=ascii_only,
        clock=clock,
        elapsed=no_time_passes,
        ask_server=ask_server,
        open_history=lambda: history,
    )


class Opened:
    """The server screen under test."""

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

    @property
    def page(self) -> DiagnosisPage:
        """The diagnosis on the screen: beside the tabs, or in its own tab."""
        return (
            self.screen.query(DiagnosisPage)
            .filter("#diagnosis-beside" if self._is_wide else "#diagnosis *")
            .first()
        )

    @property
    def _is_wide(self) -> bool:
        return bool(self.screen.query_one("#diagnosis-beside").display)

    def _widget(self, name: str) -> Widget:
        if name in ("asked", "findings", "full"):
            return self.page.query_one(f".{name}", Static)
        return self.screen.query_one(f"#{name}")

    def words(self, widget: str) -> str:
        found = self._widget(widget)
        assert isinstance(found, Static)
        assert isinstance(found.content, Text)
        return found.content.plain

    def prose(self, widget: str) -> str:
        return " ".join(self.words(widget).split())

    def lines(self) -> list[str]:
        """The screen as lines of text."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in line) for line in strips]

    def notices(self) -> list[str]:
        return list(self.app.notice.lines) if self.app.notice else []

    def is_shown(self, widget: str) -> bool:
        return bool(self._widget(widget).display)

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def read(self) -> None:
        """Wait until the loaded history is on the screen."""
        await read(self.app, self.pilot)

    async def see(self, *checks: Check) -> None:
        sample_exchanges.record_checks(self.engine, *checks)
        self.screen.refresh_view()
        await settle(self.pilot)


@asynccontextmanager
async def opened(
    *checks: Check,
    name: str = "fra1",
    engine: QuietEngine | None = None,
    size: tuple[int, int] = (80, 24),
    ascii_only: bool = False,
    ask_server: AskServer | None = None,
    clock: Callable[[], float] = lambda: NOW,
    history: History | None = None,
) -> AsyncIterator[Opened]:
    """The screen of server `name`, after a round of `checks` if given."""
    engine = engine or fleet()
    if checks:
        sample_exchanges.record_checks(engine, *checks)
    app = app_over(engine, ascii_only=ascii_only, ask_server=ask_server, clock=clock, history=history)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)  # the app starts its work after the first paint
        app.open_server(name)
        await settle(pilot)
        yield Opened(engine, app, pilot)
