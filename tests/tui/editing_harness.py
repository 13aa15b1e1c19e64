"""Test harness of the forms: the app with a servers.toml; open forms, type, read the result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.events import Paste
from textual.pilot import Pilot
from textual.screen import Screen

from tests.config.sample_fleets import BASTION, OWN_KEY, SERVER_KEY, server
from tests.tui.key_presses import press, settle
from tests.tui.sample_fleet import NOW, QuietEngine, no_time_passes
from wgmon_tui.config.keys import PresharedKey
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.private_files import create_private
from wgmon_tui.config.servers_file import read, update
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.fleet.screen import FleetScreen

PSK = PresharedKey(b"\x07" * 32)
SMALL = Fleet((server("ams1"), server("fra1")), (BASTION,))
CONF = (
    f"[Interface]\nPrivateKey = {OWN_KEY.to_text()}\nAddress = 10.8.0.9/32\n\n# par1\n[Peer]\n"
    f"PublicKey = {SERVER_KEY}\nPresharedKey = {PSK.to_text()}\nEndpoint = par1.example.net:51820\n"
)
_LONGEST_S = 60.0


class Editing:
    """The app under test, and its servers.toml."""

    def __init__(self, app: WgmonApp, pilot: Pilot[None], config_dir: Path) -> None:
        self.app = app
        self.pilot = pilot
        self.config_dir = config_dir

    @property
    def fleet(self) -> Fleet:
        return read(self.config_dir).fleet

    @property
    def at_home(self) -> bool:
        return isinstance(self.app.screen, FleetScreen)

    @property
    def form(self) -> FormScreen[Any]:
        assert isinstance(self.app.screen, FormScreen)
        return self.app.screen

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def write(self, key: str, text: str) -> None:
        """Replace the text of a field in one step, since single key presses are slow in tests."""
        self.form.row(key).start()
        await settle(self.pilot)
        await self.press("end", "ctrl+u")
        if text:
            await self.paste(text)

    async def paste(self, text: str) -> None:
        self.app.post_message(Paste(text))
        await settle(self.pilot)

    async def until(self, reached: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(_LONGEST_S):
                while not reached():
                    await self.pilot.pause(0.005)
        except TimeoutError:
            raise AssertionError(f"this was not reached from: {self.text()}") from None

    async def opened(self, screen: type[Screen[Any]]) -> None:
        await self.until(lambda: isinstance(self.app.screen, screen))
        await settle(self.pilot)

    async def open_form(self, *keys: str) -> None:
        await self.press(*keys)
        await self.opened(FormScreen)

    async def answer(self, key: str) -> None:
        await self.opened(ConfirmDialog)
        await self.press(key)

    async def home(self) -> None:
        await self.until(lambda: self.at_home)
        await settle(self.pilot)

    async def save(self) -> None:
        """Save the form, and return to the fleet screen."""
        await self.press("ctrl+s")
        await self.home()

    def notices(self) -> list[str]:
        return list(self.app.notice.lines) if self.app.notice else []

    def text(self) -> str:
        """The screen as text, with runs of blanks collapsed."""
        strips = self.app.screen._compositor.render_strips()
        lines = ["".join(segment.text for segment in line) for line in strips]
        return " ".join(" ".join(lines).split())

    def key_files(self) -> set[str]:
        return {path.name for path in self.config_dir.iterdir() if path.suffix in (".key", ".psk")}


def written(config_dir: Path, fleet: Fleet) -> Path:
    """A configuration directory with this fleet and the key of `bastion`."""
    config_dir.mkdir(exist_ok=True)
    create_private(config_dir / "bastion.key", PresharedKey(os.urandom(32)).to_text())
    update(config_dir, lambda _: fleet)
    return config_dir


def app_over(config_dir: Path, *, title: str = "test") -> WgmonApp:
    engine = QuietEngine(read(config_dir).fleet.servers)
    return WgmonApp(engine, title=title, clock=lambda: NOW, elapsed=no_time_passes, config_dir=config_dir)


@asynccontextmanager
async def editing(config_dir: Path, *, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Editing]:
    app = app_over(config_dir)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield Editing(app, pilot, config_dir)
