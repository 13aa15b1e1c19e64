"""Scenarios for the snapshots: every screen with fixed content."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest
from rich.text import Text
from textual.command import CommandList
from textual.pilot import Pilot

from tests.config.sample_fleets import BASTION, OWN_KEY
from tests.tui import scenario_apps
from tests.tui.editing_harness import CONF, Editing
from tests.tui.key_presses import press, read, settle
from tests.tui.scenario_apps import KEYED, SPOILED, Stage
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.new_server import AddedServer
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.first_check_screen import FirstCheckScreen
from wgmon_tui.tui.editing.first_server_form import FirstServerForm
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.editing.identities_screen import IdentitiesScreen
from wgmon_tui.tui.editing.identity_form import IdentityForm
from wgmon_tui.tui.editing.import_screen import ImportScreen
from wgmon_tui.tui.editing.peer_stanza import PeerStanzaScreen
from wgmon_tui.tui.editing.rejected_file import RejectedFileScreen
from wgmon_tui.tui.fleet.screen import FleetScreen
from wgmon_tui.tui.fleet.totals import TotalsLine


@dataclass(frozen=True, slots=True)
class Scene:
    """A screen: the app, and the steps that open the screen."""

    app: Callable[[Stage], WgmonApp]
    until: Callable[[Pilot[None]], Awaitable[None]]


def _keys(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press these keys, and wait for their effect."""

    async def pressed(pilot: Pilot[None]) -> None:
        await _figures_taken(pilot)
        for key in keys:
            await press(pilot, key)
            await read(pilot.app, pilot)

    return pressed


async def _figures_taken(pilot: Pilot[None]) -> None:
    """Fix the top line to its final state, which runs reach at different times."""
    if isinstance(pilot.app.screen, FleetScreen):
        pilot.app.screen.query_one(TotalsLine)._percentile_at = float("-inf")
        pilot.app.screen.refresh_view()
        await settle(pilot)


def _it(pilot: Pilot[None]) -> Editing:
    assert isinstance(pilot.app, WgmonApp)
    assert pilot.app.config_dir is not None
    return Editing(pilot.app, pilot, pilot.app.config_dir)


async def _server_s_view(pilot: Pilot[None]) -> None:
    await _keys("j", "enter", "i")(pilot)
    for worker in [each for each in pilot.app.workers if each.group == "inspect"]:
        await worker.wait()
    await settle(pilot)


async def _path(pilot: Pilot[None]) -> None:
    await _keys("enter", "P")(pilot)
    for worker in [each for each in pilot.app.workers if each.group == "trace"]:
        await worker.wait()
    await settle(pilot)


async def _palette(pilot: Pilot[None]) -> None:
    await _figures_taken(pilot)
    await press(pilot, "ctrl+p")
    commands = pilot.app.screen.query_one(CommandList)
    while commands.option_count < len(list(pilot.app.get_system_commands(pilot.app.screen_stack[-2]))):
        await pilot.pause(0.01)
    await settle(pilot)


async def _mistake(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    await it.press("j", "e")
    await it.opened(FormScreen)
    await it.form.show_more(pilot.app.size.height > 24)
    await it.write("endpoint", "fra1.example.net")
    await it.press("tab", "tab", "tab", "space", "tab")
    await it.paste("A" * 20)


async def _identities(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    await it.press("K")
    await it.opened(IdentitiesScreen)
    await it.until(lambda: "Add this to" in it.text())
    await it.press("j")


async def _new_identity(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    await it.press("K", "n")
    await it.opened(IdentityForm)
    await it.write("name", "monitor")
    await it.press("tab", "right", "tab")
    await it.paste("A" * 10)


async def _stanza(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    await it.press("K")
    await it.opened(IdentitiesScreen)
    await it.until(lambda: "Add this to" in it.text())
    shown = "[Peer]\nPublicKey = " + str(OWN_KEY.public) + "\nAllowedIPs = 10.8.0.7/32, fd00::7/128"
    pilot.app.push_screen(PeerStanzaScreen("spare", shown))
    await it.opened(PeerStanzaScreen)


async def _import(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    await it.paste(CONF)
    await it.opened(ImportScreen)
    await it.until(lambda: "keygen NAME" in it.text())


async def _question(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    await it.press("j", "e")
    await it.opened(FormScreen)
    await it.write("endpoint", "fra2.example.net:51820")
    await it.press("escape")
    await it.opened(ConfirmDialog)


async def _first_server(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    await it.press("enter")
    await it.opened(FirstServerForm)
    await it.paste("fra1")
    await it.press("enter")
    await it.paste("fra1.example.net")
    await it.press("enter")
    form = pilot.app.screen
    vars(form)["_about"] = lambda: Text("[identity of this machine, and its directories]")  # they differ
    form.notify_style_update()
    await settle(pilot)


async def _first_check(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    found = AddedServer(KEYED, BASTION, OWN_KEY.public, Path("/etc/wgmon-tui/servers.toml"))
    pilot.app.push_screen(FirstCheckScreen(found))
    await it.opened(FirstCheckScreen)


async def _rejected(pilot: Pilot[None]) -> None:
    it = _it(pilot)
    with pytest.raises(ConfigurationError) as refused:
        parse(SPOILED)
    pilot.app.push_screen(RejectedFileScreen(refused.value, SPOILED))
    await it.opened(RejectedFileScreen)


SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "fleet": Scene(scenario_apps.bad_night, _keys()),
        "fleet-by-tag": Scene(scenario_apps.bad_night, _keys("z", "j", "space", "space")),
        "fleet-all-down": Scene(scenario_apps.all_down, _keys()),
        "fleet-no-network": Scene(scenario_apps.no_network, _keys()),
        "fleet-viewer": Scene(scenario_apps.viewer, _keys()),
        "first-steps": Scene(scenario_apps.unconfigured, _keys()),
        "first-server": Scene(scenario_apps.unconfigured, _first_server),
        "first-check": Scene(scenario_apps.configured, _first_check),
        "settings": Scene(scenario_apps.bad_night, _keys("O", *"jjjjj", ">")),
        "filter": Scene(scenario_apps.bad_night, _keys("/", *"tag:eu !mad rtt>")),
        "packets": Scene(scenario_apps.after_a_week, _keys("enter", "l", "l", "l")),
        "diagnosis": Scene(scenario_apps.after_a_week, _keys("enter", "tab")),
        "server-s-own-view": Scene(scenario_apps.after_a_week, _server_s_view),
        "history": Scene(scenario_apps.after_a_week, _keys("enter", "tab", "tab", "j")),
        "comparison": Scene(scenario_apps.after_a_week, _keys("enter", "c")),
        "vantages": Scene(scenario_apps.from_three_vantages, _keys("j", "enter", "shift+tab")),
        "rtt": Scene(scenario_apps.after_a_week, _keys("enter", "shift+tab", "-", "-")),
        "path": Scene(scenario_apps.cut_off, _path),
        "incidents": Scene(scenario_apps.after_a_week, _keys("I", "j", "j")),
        "incident": Scene(scenario_apps.remembered, _keys("I", "enter")),
        "incident-packets": Scene(scenario_apps.remembered, _keys("I", "enter", "]", "tab", "c")),
        "alerts": Scene(scenario_apps.told, _keys("A", "j")),
        "subscriptions": Scene(scenario_apps.subscribed, _keys("U", "j", "j")),
        "help": Scene(scenario_apps.bad_night, _keys("?")),
        "palette": Scene(scenario_apps.bad_night, _palette),
        "sort": Scene(scenario_apps.bad_night, _keys("s", "j")),
        "theme": Scene(scenario_apps.bad_night, _keys("t")),
        "explain": Scene(scenario_apps.bad_night, _keys("x")),
        "mute": Scene(scenario_apps.bad_night, _keys("m", "tab")),
        "note": Scene(scenario_apps.after_a_week, _keys("a", *"power cut")),
        "server-form": Scene(scenario_apps.configured, _mistake),
        "identities": Scene(scenario_apps.configured, _identities),
        "identity-form": Scene(scenario_apps.configured, _new_identity),
        "stanza": Scene(scenario_apps.configured, _stanza),
        "import": Scene(scenario_apps.unconfigured, _import),
        "question": Scene(scenario_apps.configured, _question),
        "rejected": Scene(scenario_apps.configured, _rejected),
    }
)

USUAL_SIZE = (80, 24)
