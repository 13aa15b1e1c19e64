"""Sample fleet with three vantages: up, down from one, down from all, and one disconnected."""

from __future__ import annotations

from dataclasses import replace

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW, QuietEngine, bad_night
from wgmon_tui.checks.check import Check, ProbedAs
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.protocols.wireguard.diagnose import diagnose

FRA, NYC = (Vantage(name, ("ssh", name)) for name in ("fra", "nyc"))
OUR_KEY = sample_exchanges.SERVER.public


class Lookout(QuietEngine):
    """An engine that receives reports of other vantages."""

    statuses: tuple[VantageStatus, ...] = ()

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        return self.statuses


def seen_by(vantage: str, check: Check) -> Round:
    made = replace(check, vantage=vantage, probed_as=ProbedAs(OUR_KEY))
    return Round((made,), (diagnose(made, sample_exchanges.server(check.server)),))


def lookout(quorum: int = 1) -> Lookout:
    """Three servers: `ams2` is healthy, `fra1` is down from nyc, `lon3` is down from everywhere."""
    engine = Lookout(sample_exchanges.server(name) for name in ("ams2", "fra1", "lon3"))
    fleet_state = engine.fleet_state
    fleet_state.set_vantages((FRA, NYC), quorum, NOW)
    for name in ("ams2", "fra1"):
        for vantage in ("here", "fra", "nyc"):
            see(engine, vantage, sample_exchanges.healthy(name, at=NOW - 600))
    see(engine, "nyc", sample_exchanges.silent("fra1", at=NOW - 10))
    for vantage in ("here", "fra", "nyc"):
        see(engine, vantage, sample_exchanges.silent("lon3", at=NOW - 10))
    for vantage in ("here", "fra"):
        see(engine, vantage, sample_exchanges.healthy("fra1", at=NOW - 12))
        see(engine, vantage, sample_exchanges.healthy("ams2", at=NOW - 11))
    engine.statuses = (
        VantageStatus("fra", True, NOW - 3600, "0.1.0", 4.2),
        VantageStatus("nyc", False, NOW - 60, "0.1.0", trouble="ssh: Connection refused"),
    )
    return engine


def see(engine: QuietEngine, vantage: str, check: Check) -> None:
    outcome, now = seen_by(vantage, check), check.started_at + 1
    if vantage == "here":
        engine.fleet_state.record(check.server, outcome, now)
    else:
        engine.fleet_state.record_report(VantageReport(vantage, "one", 1, check.server, outcome), now)


def bad_night_from_three_places() -> QuietEngine:
    """The sample fleet, and two more vantages that check most of it."""
    engine = bad_night()
    fleet_state = engine.fleet_state
    fleet_state.set_vantages((FRA, NYC), 1, NOW)
    for number, (name, server_state) in enumerate(fleet_state.states.items()):
        if server_state.last is None:
            continue
        for vantage in ("fra", "nyc"):
            far = replace(server_state.last.check, vantage=vantage)
            outcome = replace(server_state.last, checks=(far,))
            if name == "hel1" and vantage == "nyc":
                outcome = seen_by("nyc", replace(sample_exchanges.silent(name), exchange=()))
            if number % 7 or vantage == "fra":
                fleet_state.record_report(VantageReport(vantage, "one", 1, name, outcome), NOW)
    fleet_state.mark_disconnected("fra", NOW)
    return engine
