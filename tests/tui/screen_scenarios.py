"""Scenarios for the snapshots: every screen with fixed content."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from pathlib import Path
from types import MappingProxyType

import pytest
from rich.text import Text
from textual.command import CommandList
from textual.pilot import Pilot

from tests.alerts.outbox_harness import Shop, all_to
from tests.config.sample_fleets import BASTION, OTHER_SERVER_KEY, OWN_KEY, server
from tests.store.engine_updates import Clock
from tests.tui import (
    sample_exchanges,
    sample_fleet,
    sample_incidents,
    sample_server_views,
    sample_traces,
    vantage_fleet,
)
from tests.tui.editing_harness import CONF, Editing
from tests.tui.key_presses import press, read, settle
from tests.tui.lists.test_alerts_screen import Telling, fails_on_chat, gives_up, holds_back
from tests.tui.sample_histories import MINUTE, incident
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import ConfigurationError, Fleet, SecretForm, SecretSource
from wgmon_tui.config.new_server import AddedServer
from wgmon_tui.config.secrets.private_files import create_private
from wgmon_tui.config.servers_file import read as read_servers
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED
from wgmon_tui.store.history import History
from wgmon_tui.subscriptions.quota import Quota
from wgmon_tui.subscriptions.state_file import SubscriptionState, write_state
from wgmon_tui.text import DAY_S
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

KEYED = replace(
    server("fra1"),
    preshared_key=SecretSource(SecretForm.FILE, "fra1.psk"),
    tags=("eu", "edge"),
    note="rack 4",
    timeout=3.0,
)
SPARE = replace(BASTION, name="spare", addresses=(ip_interface("10.8.0.7/32"), ip_interface("fd00::7/128")))
SPOILED = (
    '[defaults]\ninterval = "10s"\n\n[[server]]\nname = "fra1"\nendpoint = "fra1.example.net:51820"\n'
    f'public_key = "{OTHER_SERVER_KEY}"\nintervall = "30s"\n\n[[server]]\nname = "ams1"\n'
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Inputs of a scene: a directory for its files, a history, and the look of the app."""

    directory: Path
    past: History
    theme: str | None = None
    ascii_only: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A screen: the app, and the steps that open the screen."""

    app: Callable[[Stage], WgmonApp]
    until: Callable[[Pilot[None]], Awaitable[None]]


def _app(
    stage: Stage,
    engine: sample_fleet.QuietEngine,
    *,
    past: bool = False,
    history: History | None = None,
    asked: bool = False,
    state_dir: Path | None = None,
    config_dir: Path | None = None,
) -> WgmonApp:
    return WgmonApp(
        engine,
        title="bastion",
        theme=stage.theme,
        ascii_only=stage.ascii_only,
        clock=lambda: sample_fleet.NOW,
        elapsed=sample_fleet.no_time_passes,
        open_history=lambda: stage.past if past else history,
        ask_server=(lambda _: sample_server_views.DIFFERING) if asked else None,
        state_dir=state_dir,
        config_dir=config_dir,
    )


# Fleets


def _bad_night(stage: Stage) -> WgmonApp:
    return _app(stage, sample_fleet.bad_night())


def _all_down(stage: Stage) -> WgmonApp:
    """Everything fails at once, and this machine is not the cause."""
    engine = sample_fleet.QuietEngine(
        sample_fleet.server(f"{place}{number}", tags=("edge", "eu"))
        for place in ("ams", "fra", "lon")
        for number in (1, 2, 3)
    )
    for name in engine.fleet_state.states:
        for rtt in sample_fleet.steady(0.0125, 0.002, 30):
            sample_fleet.record(engine.fleet_state, name, Verdict.HEALTHY, rtt, sample_fleet.NOW - 30 * 3600)
        for _ in range(5):
            sample_fleet.record(engine.fleet_state, name, Verdict.SILENT, None, sample_fleet.NOW - 90)
    return _app(stage, engine)


def _no_network(stage: Stage) -> WgmonApp:
    """This machine is at fault."""
    engine = sample_fleet.bad_night()
    for name in engine.fleet_state.states:
        sample_fleet.record(engine.fleet_state, name, Verdict.LOCAL_FAULT, None, sample_fleet.NOW - 60, None)
    return _app(stage, engine)


class _OfAnother(sample_fleet.QuietEngine):
    """A viewer of the state that another process writes."""

    @property
    def status(self) -> str:
        return "viewer · written by deploy (pid 123)"

    @property
    def warning(self) -> str | None:
        return "The history is 4 min old: deploy (pid 123) has written nothing since 19:26."


def _viewer(stage: Stage) -> WgmonApp:
    engine = _OfAnother()
    engine.fleet_state = sample_fleet.bad_night().fleet_state
    return _app(stage, engine)


# One server


def _after_a_week(stage: Stage) -> WgmonApp:
    """`fra1` after a week with failures and an open incident. The last of forty checks fails."""
    engine = sample_fleet.QuietEngine(
        replace(sample_exchanges.server(name), inspect=("ssh", name)) for name in ("ams2", "fra1", "lon3")
    )
    for number in range(40):
        at = sample_fleet.NOW - 400 + 10 * number
        rtt = 0.012 + (number * 7 % 11) / 2000
        sample_exchanges.record_checks(
            engine,
            sample_exchanges.silent(at=at) if number == 17 else sample_exchanges.healthy(at=at, rtt=rtt),
        )
    for check in (
        sample_exchanges.psk_mismatch(),
        sample_exchanges.silent("lon3"),
        sample_exchanges.data_passes("ams2"),
    ):
        sample_exchanges.record_checks(engine, check)
    engine.fleet_state.states["fra1"].port_monitor = OPEN_OR_FILTERED
    engine.fleet_state.states["fra1"].port_monitor_at = sample_fleet.NOW
    engine.fleet_state.states["fra1"].incident = incident(opened=12 * MINUTE, verdict=Verdict.PSK_MISMATCH)
    return _app(stage, engine, past=True, asked=True)


def _from_three_vantages(stage: Stage) -> WgmonApp:
    return _app(stage, vantage_fleet.lookout())


def _told(stage: Stage) -> WgmonApp:
    """Two sinks, one of which fails."""
    shop = Shop(stage.directory, all_to("pager", "chat"), Clock(sample_fleet.NOW))
    fails_on_chat(shop)
    gives_up(shop, "chat")
    holds_back(shop)
    shop.close()
    return _app(stage, Telling("pager", "chat"), state_dir=stage.directory)


def _cut_off(stage: Stage) -> WgmonApp:
    """A server to which packets do not pass the fourth hop."""
    return _app(stage, sample_traces.TracingEngine())


def _remembered(stage: Stage) -> WgmonApp:
    """An incident that is over, with its packets and the alerts about it."""
    history = sample_incidents.remembered(stage.directory)
    return _app(stage, Telling("pager", "chat"), history=history, state_dir=stage.directory)


# Forms


def _configured(stage: Stage) -> WgmonApp:
    return _over(stage, Fleet((KEYED, server("ams1")), (BASTION, SPARE)))


def _unconfigured(stage: Stage) -> WgmonApp:
    return _over(stage, Fleet())


def _subscribed(stage: Stage) -> WgmonApp:
    """A list that differs and ends soon, and one that could not be fetched."""
    app = _over(stage, Fleet())
    (stage.directory / "config" / "config.toml").write_text(
        "".join(
            f'[[subscription]]\nname = "{name}"\nurl = "http://127.0.0.1/"\n' for name in ("acme", "other")
        )
    )
    differing = SubscriptionState(
        sample_fleet.NOW - 300,
        summary="1 new, 1 changed, 1 removed",
        lines=(
            "+ fra9  trojan  fra9.example.net:443",
            "~ lon1  shadowsocks  lon1.example.net:8388 -> lon1.example.net:8389  (endpoint changed)",
            "- ams1  vless  ams1.example.net:443",
        ),
        unread=('"link 7": wgmon-tui cannot check a link of ssr://',),
        same=12,
        quota=Quota(sample_fleet.NOW + 20 * DAY_S, 60 << 30, 100 << 30),
    )
    write_state(stage.directory, "acme", differing)
    write_state(stage.directory, "other", SubscriptionState(problem='subscription "other": HTTP 403'))
    app.state_dir = stage.directory
    return app


def _over(stage: Stage, servers: Fleet) -> WgmonApp:
    config_dir = stage.directory / "config"
    config_dir.mkdir()
    if servers != Fleet():
        create_private(config_dir / "bastion.key", OWN_KEY.to_text())
        update(config_dir, lambda _: servers)
    engine = sample_fleet.QuietEngine(read_servers(config_dir).fleet.servers)
    return _app(stage, engine, config_dir=config_dir)


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
        "fleet": Scene(_bad_night, _keys()),
        "fleet-by-tag": Scene(_bad_night, _keys("z", "j", "space", "space")),
        "fleet-all-down": Scene(_all_down, _keys()),
        "fleet-no-network": Scene(_no_network, _keys()),
        "fleet-viewer": Scene(_viewer, _keys()),
        "first-steps": Scene(_unconfigured, _keys()),
        "first-server": Scene(_unconfigured, _first_server),
        "first-check": Scene(_configured, _first_check),
        "settings": Scene(_bad_night, _keys("O", *"jjjjj", ">")),
        "filter": Scene(_bad_night, _keys("/", *"tag:eu !mad rtt>")),
        "packets": Scene(_after_a_week, _keys("enter", "l", "l", "l")),
        "diagnosis": Scene(_after_a_week, _keys("enter", "tab")),
        "server-s-own-view": Scene(_after_a_week, _server_s_view),
        "history": Scene(_after_a_week, _keys("enter", "tab", "tab", "j")),
        "comparison": Scene(_after_a_week, _keys("enter", "c")),
        "vantages": Scene(_from_three_vantages, _keys("j", "enter", "shift+tab")),
        "rtt": Scene(_after_a_week, _keys("enter", "shift+tab", "-", "-")),
        "path": Scene(_cut_off, _path),
        "incidents": Scene(_after_a_week, _keys("I", "j", "j")),
        "incident": Scene(_remembered, _keys("I", "enter")),
        "incident-packets": Scene(_remembered, _keys("I", "enter", "]", "tab", "c")),
        "alerts": Scene(_told, _keys("A", "j")),
        "subscriptions": Scene(_subscribed, _keys("U", "j", "j")),
        "help": Scene(_bad_night, _keys("?")),
        "palette": Scene(_bad_night, _palette),
        "sort": Scene(_bad_night, _keys("s", "j")),
        "theme": Scene(_bad_night, _keys("t")),
        "explain": Scene(_bad_night, _keys("x")),
        "mute": Scene(_bad_night, _keys("m", "tab")),
        "note": Scene(_after_a_week, _keys("a", *"power cut")),
        "server-form": Scene(_configured, _mistake),
        "identities": Scene(_configured, _identities),
        "identity-form": Scene(_configured, _new_identity),
        "stanza": Scene(_configured, _stanza),
        "import": Scene(_unconfigured, _import),
        "question": Scene(_configured, _question),
        "rejected": Scene(_configured, _rejected),
    }
)

USUAL_SIZE = (80, 24)
