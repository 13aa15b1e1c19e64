"""The apps of the snapshots: each with its servers, its history and its files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_interface
from pathlib import Path

from tests.alerts.outbox_harness import OutboxHarness, all_to
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
from tests.tui.sample_histories import MINUTE, incident
from tests.tui.sample_sinks import EngineWithSinks, fails_on_chat, gives_up, holds_back
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Fleet, SecretForm, SecretSource
from wgmon_tui.config.secrets.private_files import create_private
from wgmon_tui.config.servers_file import read as read_servers
from wgmon_tui.config.servers_file import update
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED
from wgmon_tui.store.history import History
from wgmon_tui.subscriptions.quota import Quota
from wgmon_tui.subscriptions.state_file import SubscriptionState, write_state
from wgmon_tui.text import DAY_S
from wgmon_tui.tui.app import WgmonApp

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


def bad_night(stage: Stage) -> WgmonApp:
    return _app(stage, sample_fleet.bad_night())


def all_down(stage: Stage) -> WgmonApp:
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


def no_network(stage: Stage) -> WgmonApp:
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


def viewer(stage: Stage) -> WgmonApp:
    engine = _OfAnother()
    engine.fleet_state = sample_fleet.bad_night().fleet_state
    return _app(stage, engine)


# One server


def after_a_week(stage: Stage) -> WgmonApp:
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


def from_three_vantages(stage: Stage) -> WgmonApp:
    return _app(stage, vantage_fleet.lookout())


def told(stage: Stage) -> WgmonApp:
    """Two sinks, one of which fails."""
    harness = OutboxHarness(stage.directory, all_to("pager", "chat"), Clock(sample_fleet.NOW))
    fails_on_chat(harness)
    gives_up(harness, "chat")
    holds_back(harness)
    harness.close()
    return _app(stage, EngineWithSinks("pager", "chat"), state_dir=stage.directory)


def cut_off(stage: Stage) -> WgmonApp:
    """A server to which packets do not pass the fourth hop."""
    return _app(stage, sample_traces.TracingEngine())


def remembered(stage: Stage) -> WgmonApp:
    """An incident that is over, with its packets and the alerts about it."""
    history = sample_incidents.remembered(stage.directory)
    return _app(stage, EngineWithSinks("pager", "chat"), history=history, state_dir=stage.directory)


# Forms


def configured(stage: Stage) -> WgmonApp:
    return _over(stage, Fleet((KEYED, server("ams1")), (BASTION, SPARE)))


def unconfigured(stage: Stage) -> WgmonApp:
    return _over(stage, Fleet())


def subscribed(stage: Stage) -> WgmonApp:
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
