"""The pictures in this directory, from the demo: `python -m screenshots.make`.

The real engine checks the demo's servers over loopback, as often as it can, until each has a past to show;
then the face is drawn at several sizes without a terminal. Keys, ports and times are new in every run.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.pilot import Pilot

from wgmon_tui.fleet.records import Fleet
from wgmon_tui.fleet.secrets import open_keyring
from wgmon_tui.history.stamps import StampLedger
from wgmon_tui.lab.demo import Demo
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.probe.prober import Prober
from wgmon_tui.probe.targets import join
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.screens.fleet import FleetScreen

PICTURES = Path(__file__).parent

_INTERVAL_S = 0.3
_CHECKS_EACH, _CHECKS_IN_ALL = 4, 460
"""What makes a past. It takes about 40 s, in which some servers fail by script; one takes long over each."""

_PATIENCE_S = 90.0
_HEALTHY, _ILL = "fra1-edge", "waw1-branch"
_TO_THE_TIMESTAMP = 5
"""Fields from the first one of an initiation, where the cursor begins."""

_NAMES_A_HOST = re.compile(r"\s*@font-face \{.*?\}|\s*<!--.*?-->", re.DOTALL)
_FONTS = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_TEXT = re.compile(
    r'<text class="(\S+)" x="(\S+)" (y="\S+") textLength="(\S+)" (clip-path="\S+")>(.*?)</text>'
)
_BLANK = "\xa0"
_WORDS = re.compile(f"[^{_BLANK}]+({_BLANK}[^{_BLANK}]+)*")


async def make() -> None:
    """Run the demo, wait until there is something to see, and take the pictures."""
    demo = Demo()
    servers = tuple(replace(server, interval=_INTERVAL_S) for server in demo.fleet.servers)
    with TemporaryDirectory() as state, StampLedger(Path(state)) as stamps:
        engine = _engine(replace(demo.fleet, servers=servers), stamps)
        await demo.start()
        try:
            app = WgmonApp(engine, title="demo")
            async with app.run_test(size=(120, 20)) as pilot:
                async with asyncio.timeout(_PATIENCE_S):
                    await _a_past(engine)
                await _fleet(app, pilot)
                await _servers(app, pilot)
                await _help(app, pilot)
        finally:
            await demo.stop()


def _engine(fleet: Fleet, stamps: StampLedger) -> Engine:
    engine = Engine(Prober(stamps=stamps.next))
    targets = join(fleet, open_keyring(fleet, Path()))
    engine.watch(fleet.servers, targets.ready, targets.problems)
    return engine


async def _a_past(engine: Engine) -> None:
    """Return when every server has been checked often enough."""
    done: Counter[str] = Counter()
    enough = asyncio.Event()

    def count(row: Row, _: Round) -> None:
        done[row.server.name] += 1
        each = min(done[name] for name in engine.board.rows)
        if each >= _CHECKS_EACH and done.total() >= _CHECKS_IN_ALL:
            enough.set()

    engine.listen(count)
    await enough.wait()


async def _fleet(app: WgmonApp, pilot: Pilot[None]) -> None:
    await _take(app, pilot, "fleet-night", 120, 20)
    await _take(app, pilot, "fleet-night-80x24", 80, 24)
    app.theme = "paper"
    await _take(app, pilot, "fleet-paper", 120, 20)
    app.theme = "night"


async def _servers(app: WgmonApp, pilot: Pilot[None]) -> None:
    app.open_server(_HEALTHY)
    await pilot.press(*["l"] * _TO_THE_TIMESTAMP)
    await _take(app, pilot, "server-packets-night", 120, 36)
    await pilot.press("escape")
    app.open_server(_ILL)
    await _take(app, pilot, "server-psk-night", 120, 40)
    await pilot.press("tab")
    await _take(app, pilot, "server-diagnosis-night", 120, 30)
    await pilot.press("escape")


async def _help(app: WgmonApp, pilot: Pilot[None]) -> None:
    await pilot.press("question_mark")
    await _take(app, pilot, "help-night", 120, 51)


async def _take(app: WgmonApp, pilot: Pilot[None], name: str, columns: int, lines: int) -> None:
    await pilot.resize_terminal(columns, lines)
    if isinstance(app.screen, FleetScreen):
        app.screen.table.sort_by("state")  # rows that have just changed keep their places for a while
    await pilot.pause()
    file = PICTURES / f"{name}.svg"
    file.write_text(_at_home(app.export_screenshot(title="wgmon-tui", simplify=True)), encoding="utf-8")
    print(file.relative_to(PICTURES.parent))


def _at_home(svg: str) -> str:
    """The picture without the fonts that it would fetch from elsewhere: it names no host."""
    svg = _NAMES_A_HOST.sub("", svg).replace("Fira Code, monospace", _FONTS).replace("arial", "sans-serif")
    return _TEXT.sub(_placed_words, svg)


def _placed_words(text: re.Match[str]) -> str:
    """Words that stand apart, each at its own place.

    A font of another width, or a viewer that drops leading blanks, then leaves the columns straight.
    """
    style, x, y, length, clip, escaped = text.groups()
    line = unescape(escaped)
    cell = float(length) / len(line)
    return "".join(
        f'<text class="{style}" x="{float(x) + words.start() * cell:g}" {y} '
        f'textLength="{len(words[0]) * cell:g}" {clip}>{escape(words[0]).replace(_BLANK, "&#160;")}</text>'
        for words in _WORDS.finditer(line)
    )


if __name__ == "__main__":
    asyncio.run(make())
