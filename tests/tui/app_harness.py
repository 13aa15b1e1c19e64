"""Test harness of the app: start it, press keys, read the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from tests.tui.key_presses import press, read, settle
from tests.tui.sample_fleet import NOW, QuietEngine, bad_night, no_time_passes
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.store.history import History
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.fleet.screen import FleetScreen
from wgmon_tui.tui.fleet.table import FleetTable
from wgmon_tui.tui.widgets.key_hints import KeyHints

USUAL = TuiSettings()


class Face:
    """The app under test, with helpers to read it."""

    def __init__(self, app: WgmonApp, engine: QuietEngine, pilot: Pilot[None]) -> None:
        self.app = app
        self.engine = engine
        self.pilot = pilot

    @property
    def fleet(self) -> FleetScreen:
        home = self.app.screen_stack[0]
        assert isinstance(home, FleetScreen)
        return home

    @property
    def at_home(self) -> bool:
        return self.app.screen is self.fleet

    @property
    def table(self) -> FleetTable:
        return self.fleet.table

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def read(self) -> None:
        """Wait until the loaded history is on the screen."""
        await read(self.app, self.pilot)

    async def follow(self) -> None:
        """Show a changed fleet state at once, without waiting for the timer."""
        self.fleet._follow()
        await settle(self.pilot)

    def lines(self) -> list[str]:
        """The screen as lines of text."""
        compositor = self.app.screen._compositor
        return ["".join(segment.text for segment in line) for line in compositor.render_strips()]

    def notices(self) -> list[str]:
        """The notice on the screen, each of its lines."""
        return list(self.app.notice.lines) if self.app.notice else []

    def hints(self) -> str:
        return self.app.screen.query_one(KeyHints).render().plain


@asynccontextmanager
async def face(
    engine: QuietEngine | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    ascii_only: bool = False,
    theme: str | None = None,
    title: str = "bastion",
    history: History | None = None,
    config_dir: Path | None = None,
    state_dir: Path | None = None,
    settings: TuiSettings = USUAL,
    elapsed: Callable[[], float] = no_time_passes,
    read_only: bool = False,
) -> AsyncIterator[Face]:
    engine = engine or bad_night()
    app = WgmonApp(
        engine,
        title=title,
        ascii_only=ascii_only,
        theme=theme,
        clock=lambda: NOW,
        elapsed=elapsed,
        open_history=lambda: history,
        config_dir=config_dir,
        state_dir=state_dir,
        settings=settings,
        read_only=read_only,
    )
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield Face(app, engine, pilot)
