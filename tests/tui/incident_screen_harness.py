"""The incident screen over a store of the test, and its text by section."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.widgets import Static

from tests.tui.app_harness import Face, face
from tests.tui.sample_incidents import over
from tests.tui.sample_sinks import EngineWithSinks
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.history import History
from wgmon_tui.tui.incident.screen import IncidentScreen
from wgmon_tui.tui.server.hex_view import HexView

TALL = (100, 60)


@asynccontextmanager
async def opened(
    history: History | None,
    state_dir: Path | None = None,
    incident: Incident | None = None,
    *,
    sinks: tuple[str, ...] = ("pager", "chat"),
    size: tuple[int, int] = TALL,
) -> AsyncIterator[Face]:
    """The screen of an incident, after it is read."""
    async with face(EngineWithSinks(*sinks), history=history, state_dir=state_dir, size=size) as it:
        it.app.open_incident(incident or over())
        await it.press("home")
        await it.read()
        assert isinstance(it.app.screen, IncidentScreen)
        yield it


def prose(it: Face, widget: str) -> str:
    shown = it.app.screen.query_one(f"#{widget}", Static).content
    return " ".join(str(shown).split())


def section(it: Face, name: str) -> list[str]:
    """The lines of a section of the overview."""
    lines = str(it.app.screen.query_one("#words", Static).content).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(name))
    end = lines.index("", start) if "" in lines[start:] else len(lines)
    return [" ".join(line.split()) for line in lines[start + 1 : end]]


def dump(it: Face) -> HexView:
    return it.app.screen.query_one(HexView)
