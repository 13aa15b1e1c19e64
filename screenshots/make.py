"""The pictures in this directory, from the demo: `python -m screenshots.make [NAME…]`.

As in `wgmon-tui demo`, the real engine checks the demo's servers over loopback, after an invented history.
Here the servers are in a servers.toml, so that it can be changed. For some pictures, two agents on this
machine check them too, like other vantages. The screens are drawn without a terminal, in every theme of
THEMES. Keys, ports and times are new in every run.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import chdir
from dataclasses import dataclass, replace
from html import escape, unescape
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.pilot import Pilot

from screenshots.places import ScreenshotVantage, configured_vantages, places
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.private_files import create_private
from wgmon_tui.config.servers_file import update
from wgmon_tui.daemon.demo.controller import NOTE
from wgmon_tui.daemon.demo.invented_history import invent_present, invent_rollups
from wgmon_tui.daemon.role import RoleManager
from wgmon_tui.lab.control_plane.demo import ControlPlaneDemo
from wgmon_tui.lab.demo_fleet import DemoFleet
from wgmon_tui.lab.demo_guests import running_guests
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.fleet.screen import FleetScreen

PICTURES = Path(__file__).resolve().parent
THEMES = ("night", "paper")


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: the keys that lead to it from the fleet, or from the screen of `server`.

    `name` and theme are its file's name, with the `size` in columns and lines behind where that is another
    one of the same.
    """

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    server: str = ""
    second: bool = False

    def file(self, theme: str) -> Path:
        """Where it lies."""
        size = f"-{self.size[0]}x{self.size[1]}" if self.second else ""
        return PICTURES / f"{self.name}-{theme}{size}.svg"


_CONF = "osl1.conf"
_KEYS_TO_TIMESTAMP = ("l",) * 5
"""Fields from the first one of an initiation, where the cursor begins."""

_PAST, _RTT, _VANTAGES = ("tab",) * 2, ("tab",) * 3, ("tab",) * 4

SHOTS = (
    Shot("fleet", (120, 20)),
    Shot("fleet", (80, 24), second=True),
    Shot("server-packets", (120, 36), _KEYS_TO_TIMESTAMP, server="fra1-edge"),
    Shot("server-psk", (120, 40), server="waw1-branch"),
    Shot("server-diagnosis", (120, 30), ("tab",), server="waw1-branch"),
    Shot("server-wide", (160, 40), server="waw1-branch"),
    Shot("path", (120, 16), ("P",), server="fra1-edge"),
    Shot("history", (120, 40), _PAST, server="blr1-core"),
    Shot("rtt", (120, 30), (*_RTT, "-", "-", "-"), server="sfo2-gw"),
    Shot("incidents", (120, 34), ("I", "j", "j")),
    Shot("incident", (120, 32), (*_PAST, "j", "enter"), server="waw1-branch"),
    Shot("alerts", (120, 30), ("A",)),
    Shot("explain", (120, 40), ("x",), server="waw1-branch"),
    Shot("edit", (120, 24), ("e",), server="fra1-edge"),
    Shot("import", (120, 20), ("i", *_CONF)),
    Shot("identities", (120, 16), ("K",)),
    Shot("help", (120, 51), ("?",)),
    Shot("sort", (120, 20), ("s",)),
    Shot("settings", (120, 32), ("O",)),
    Shot("palette", (120, 24), ("ctrl+p",)),
)

VANTAGE_SHOTS = (
    Shot("fleet-vantages", (140, 24)),
    Shot("vantages", (120, 36), _VANTAGES, server="ams3-gw"),
)
"""Taken of another run, in which the servers are checked from there as well."""

MESH_SHOTS = (
    Shot("nodes", (120, 20), ("N",)),
    Shot("nodes", (80, 24), ("N",), second=True),
)
"""Taken of another run, with a control plane and its nodes."""

EXPIRY_SHOTS = (Shot("expiry", (120, 20), ("X",)),)
"""Taken of another run, with the demo's servers of other protocols: the keys of WireGuard have no end."""

_CHECKS_EACH = 4
_SERVERS_WITH_ENDS = 5
_PATIENCE_S = 60.0
_DEBOUNCE_S = 0.4
"""What is typed is looked at, and a form is opened, so long after the key at most."""

_LOADING_GROUPS = ("history", "rtt", "exchange", "reading", "preview", "trace")
"""The groups of workers that bring what a screen shows."""

_REMOTE_FONTS = re.compile(r"\s*@font-face \{.*?\}|\s*<!--.*?-->", re.DOTALL)
_FONTS = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_TEXT = re.compile(
    r'<text class="(\S+)" x="(\S+)" (y="\S+") textLength="(\S+)" (clip-path="\S+")>(.*?)</text>'
)
_BLANK = "\xa0"
_WORDS = re.compile(f"[^{_BLANK}]+({_BLANK}[^{_BLANK}]+)*")


async def make_of_ends(shots: tuple[Shot, ...]) -> None:
    """Run the demo with its servers of other protocols, until the expiry dates of certificates are known."""
    demo = DemoFleet()
    async with running_guests() as guests:
        # In the order of servers.toml: control planes come first.
        servers = sorted((*guests, *demo.fleet.servers), key=lambda each: not is_control_plane(each))
        await _take_of(demo, replace(demo.fleet, servers=tuple(servers)), shots, (), _wait_for_ends)


async def make(
    shots: tuple[Shot, ...], vantages: tuple[ScreenshotVantage, ...] = (), *, has_mesh: bool = False
) -> None:
    """Run the demo, seen from `vantages` too; wait until there is something to see, and take the pictures."""
    demo = DemoFleet(vantages=tuple(place.demo_vantage for place in vantages))
    mesh = ControlPlaneDemo() if has_mesh else None
    fleet = replace(demo.fleet, servers=(*(mesh.servers if mesh else ()), *demo.fleet.servers))
    if mesh:
        await mesh.start()
    try:
        await _take_of(demo, fleet, shots, vantages, _wait_until_checked)
    finally:
        if mesh:
            await mesh.stop()


async def _take_of(
    demo: DemoFleet,
    fleet: Fleet,
    shots: tuple[Shot, ...],
    vantages: tuple[ScreenshotVantage, ...],
    wait: Callable[[RoleManager], Awaitable[None]],
) -> None:
    """Check the fleet, `wait` for its states, and take the pictures. The demo's servers run meanwhile."""
    with (
        TemporaryDirectory() as config,
        TemporaryDirectory() as state,
        chdir(config),
        configured_vantages(Path(config), vantages, fleet),
    ):
        _write_files(Path(config), fleet)
        past = Path(state), fleet.servers, time.time()
        invent_present(*past)
        invent_rollups(*past)
        await demo.start()
        try:
            station = RoleManager(Path(config), Path(state))
            app = WgmonApp(
                station,
                title="demo",
                open_history=lambda: History(Path(state) / STORE),
                history_note=NOTE,
                config_dir=Path(config),
                state_dir=Path(state),
            )
            async with app.run_test(size=shots[0].size) as pilot:
                async with asyncio.timeout(_PATIENCE_S):
                    await wait(station)
                for theme in THEMES:
                    app.theme = theme
                    async with asyncio.timeout(_PATIENCE_S):
                        await _wait_until_agreed(station, vantages)
                    for shot in shots:
                        await _take_screenshot(app, pilot, shot, shot.file(theme))
        finally:
            await demo.stop()


def _write_files(config: Path, fleet: Fleet) -> None:
    """The fleet, somebody to be told, and a wg-quick file of a server that is not in it yet."""
    update(config, lambda _: fleet)
    with (config / "config.toml").open("a", encoding="utf-8") as file:  # other places may stand in it
        file.write('[[sink]]\nname = "oncall"\ntype = "command"\ncommand = ["true"]\n')
    key = PrivateKey.generate()
    create_private(
        config / _CONF,
        f"[Interface]\nPrivateKey = {key.to_text()}\nAddress = 10.9.0.250/32\n"
        f"[Peer]\nPublicKey = {PrivateKey.generate().public}\nEndpoint = osl1.example.net:51820\n"
        "AllowedIPs = 10.9.0.0/24\n",
    )


async def _wait_until_checked(station: RoleManager) -> None:
    """Return when every server has been checked often enough, and one of those that come and go is ill."""
    done: Counter[str] = Counter()
    enough = asyncio.Event()

    def count(server_state: ServerState, outcome: Round | None, _: object) -> None:
        done[server_state.server.name] += outcome is not None
        ill = any(each.severity is Severity.DEGRADED for each in station.fleet_state.states.values())
        if ill and min(done[name] for name in station.fleet_state.states) >= _CHECKS_EACH:
            enough.set()

    if engine := station.open():
        engine.listen(count)
    await enough.wait()


async def _wait_for_ends(station: RoleManager) -> None:
    """Return when the ends of certificates and keys of several servers are known."""
    states = station.fleet_state.states
    known = asyncio.Event()

    def look(*_: object) -> None:
        if sum(bool(each.expiries) for each in states.values()) >= _SERVERS_WITH_ENDS:
            known.set()

    if engine := station.open():
        engine.listen(look)
    await known.wait()


async def _wait_until_agreed(station: RoleManager, vantages: tuple[ScreenshotVantage, ...]) -> None:
    """Return when every place has settled how each server is, and only those unknown to one differ."""
    states = station.fleet_state.states
    names = {place.name for place in vantages}
    unknown_to = {server for place in vantages for server in place.unknown_to}
    agreed = asyncio.Event()

    def look(*_: object) -> None:
        heard = all(
            names <= {view.vantage for view in server_state.views} for server_state in states.values()
        )
        if heard and unknown_to == {
            name for name in states if states[name].status_word == Verdict.REGIONAL.slug
        }:
            agreed.set()

    if station.engine and vantages:
        station.engine.vantage_reports.listen(look)
        await agreed.wait()


async def _take_screenshot(app: WgmonApp, pilot: Pilot[None], shot: Shot, file: Path) -> None:
    await pilot.resize_terminal(*shot.size)
    if isinstance(app.screen, FleetScreen):
        app.screen.table.sort_by("state")  # rows that have just changed keep their places for a while
    if shot.server:
        app.open_server(shot.server)
        await pilot.pause()
    for key in shot.keys:
        await pilot.press(key)
    await asyncio.sleep(_DEBOUNCE_S)
    await _wait_for_workers(app, pilot)
    app.dismiss_notice()
    await pilot.pause()
    _write(file, app.export_screenshot(title="wgmon-tui", simplify=True))
    while len(app.screen_stack) > 1:
        await app.pop_screen()


async def _wait_for_workers(app: WgmonApp, pilot: Pilot[None]) -> None:
    """Come back when what is to be read of the history or a file is on the screen."""
    while reading := [each for each in app.workers if each.group in _LOADING_GROUPS and not each.is_finished]:
        await reading[0].wait()
    await pilot.pause()


def _write(file: Path, svg: str) -> None:
    file.write_text(_without_remote_fonts(svg), encoding="utf-8")
    print(file.relative_to(PICTURES.parent), flush=True)


def _without_remote_fonts(svg: str) -> str:
    """The picture without the fonts that it would fetch from elsewhere: it names no host."""
    svg = _REMOTE_FONTS.sub("", svg).replace("Fira Code, monospace", _FONTS).replace("arial", "sans-serif")
    return _TEXT.sub(_place_words, svg)


def _place_words(text: re.Match[str]) -> str:
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


def _select_shots(shots: tuple[Shot, ...]) -> tuple[Shot, ...]:
    """Those that are named on the command line, or all."""
    return tuple(shot for shot in shots if not sys.argv[1:] or shot.name in sys.argv[1:])


if __name__ == "__main__":
    for chosen, vantages in ((_select_shots(SHOTS), ()), (_select_shots(VANTAGE_SHOTS), places())):
        if chosen:
            asyncio.run(make(chosen, vantages))
    if chosen := _select_shots(MESH_SHOTS):
        asyncio.run(make(chosen, has_mesh=True))
    if of_ends := _select_shots(EXPIRY_SHOTS):
        asyncio.run(make_of_ends(of_ends))
