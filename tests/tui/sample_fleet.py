"""Sample fleet with several failures and a fixed clock, for the TUI tests."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterable, Sequence
from functools import cache
from ipaddress import IPv4Address
from math import sin

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.naive_port_check import OPEN_OR_FILTERED

NOW = 1_795_375_800.0
"""2026-11-22 19:30 UTC."""


def no_time_passes() -> float:
    """The elapsed clock of the tests: however long they take, no check becomes stale."""
    return 0.0


class QuietEngine(Engine):
    """An engine that never probes. Tests write its fleet state, and read its requests."""

    def __init__(self, servers: Iterable[Server] = ()) -> None:
        self.fleet_state = FleetState(servers)
        self.rechecked: list[list[str]] = []
        self.acknowledged: list[tuple[list[str], str]] = []
        self.noted: list[tuple[str, str]] = []
        self.cancelled = asyncio.Event()

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    def recheck(self, names: Iterable[str]) -> None:
        self.rechecked.append(list(names))

    def pause(self, names: Iterable[str], paused: bool, who: str = "", until: float | None = None) -> None:
        for name in names:
            self.fleet_state.pause(name, paused, NOW, until=until)

    def acknowledge(self, names: Iterable[str], who: str = "", note: str = "") -> None:
        names = list(names)
        self.acknowledged.append((names, note))
        for name in names:
            self.fleet_state.acknowledge(name, NOW, who or "me", note)

    def mute(self, names: Iterable[str], until: float | None, who: str = "") -> None:
        for name in names:
            self.fleet_state.mute(name, until, who)

    def add_note(self, incident: str, text: str) -> None:
        self.noted.append((incident, text))

    @property
    def checks_per_second(self) -> float:
        return 4.4


def server(
    name: str, *, endpoint: str | None = None, tags: Sequence[str] = (), paused: bool = False
) -> Server:
    """A server without damping: every check counts at once."""
    return Server(
        name,
        Endpoint(endpoint or f"{name}.example.net", 51820),
        PublicKey(bytes(32)),
        "bastion",
        tags=tuple(tags),
        paused=paused,
        fail_after=1,
        recover_after=1,
    )


def outcome(name: str, verdict: Verdict, rtt: float | None, port_monitor: str | None = None) -> Round:
    """A round of one check. `rtt` is in seconds, None if lost. `port_monitor` is set if it was checked."""
    check = Check(
        server=name,
        vantage="here",
        endpoint=Endpoint(f"{name}.example.net", 51820),
        address=IPv4Address("192.0.2.1"),
        started_at=NOW,
        handshake=Handshake(rtt) if rtt is not None else None,
        evidence=() if rtt is not None else (Silence(5.0),),
    )
    return Round((check,), (Diagnosis(verdict, verdict.meaning),), port_monitor)


def record(
    fleet_state: FleetState,
    name: str,
    verdict: Verdict,
    rtt: float | None,
    at: float = NOW,
    port_monitor: str | None = OPEN_OR_FILTERED,
) -> None:
    fleet_state.record(name, outcome(name, verdict, rtt, port_monitor), at)


def steady(middle: float, swing: float, count: int, phase: float = 0.0) -> list[float]:
    """Realistic round-trip times that are the same on every machine."""
    return [middle + swing * (sin(phase + n * 1.7) + sin(phase + n * 0.6)) / 2 for n in range(count)]


def bad_night() -> QuietEngine:
    """Mostly healthy servers; one each with psk-mismatch, silent, slow, lossy and paused."""
    engine: QuietEngine = pickle.loads(_bad_night())  # much cheaper than building or deep-copying it
    return engine


@cache
def _bad_night() -> bytes:
    well = {
        "ams1": 0.0082,
        "ams2": 0.0079,
        "fra2": 0.0121,
        "gru1": 0.2034,
        "hel1": 0.0317,
        "lon1": 0.0148,
        "nyc1": 0.0816,
        "nyc2": 0.0822,
        "par1": 0.0159,
        "sin1": 0.1713,
        "syd1": 0.2791,
        "waw1": 0.0244,
    }
    ill = ("fra1", "mad1", "tyo1", "dub1", "office-gateway-with-a-long-name", "lab", "new1", "cpt1")
    tags = {"ams1": ("eu", "edge"), "fra1": ("eu", "edge"), "mad1": ("eu",), "nyc1": ("us",)}
    engine = QuietEngine(
        server(name, tags=tags.get(name, ()), paused=name == "lab") for name in (*well, *ill)
    )
    fleet_state = engine.fleet_state
    hour = 3600.0
    for phase, (name, middle) in enumerate(well.items()):
        for rtt in steady(middle, middle / 6, 60, phase):
            record(fleet_state, name, Verdict.HEALTHY, rtt, NOW - 30 * hour)
    for rtt in steady(0.0125, 0.002, 44):
        record(fleet_state, "fra1", Verdict.HEALTHY, rtt, NOW - 30 * hour)
    for _ in range(9):
        record(fleet_state, "fra1", Verdict.PSK_MISMATCH, None, NOW - 0.2 * hour)
    for rtt in steady(0.0391, 0.004, 30):
        record(fleet_state, "mad1", Verdict.HEALTHY, rtt, NOW - 50 * hour)
    for _ in range(30):
        record(fleet_state, "mad1", Verdict.SILENT, None, NOW - 1.4 * hour)
    for rtt in (*steady(0.09, 0.01, 50), *steady(0.61, 0.12, 10)):
        record(fleet_state, "tyo1", Verdict.SLOW if rtt > 0.4 else Verdict.HEALTHY, rtt, NOW - 0.6 * hour)
    for n, rtt in enumerate(steady(0.0265, 0.003, 60)):
        record(fleet_state, "dub1", Verdict.LOSSY, None if n % 7 == 3 else rtt, NOW - 3 * hour)
    for rtt in steady(1.21, 0.05, 60):
        record(fleet_state, "office-gateway-with-a-long-name", Verdict.UNDER_LOAD, rtt, NOW - 4 * hour)
    for rtt in steady(0.0009, 0.0002, 25):
        record(fleet_state, "lab", Verdict.HEALTHY, rtt, NOW - 400 * hour)
    for rtt in steady(0.1522, 0.01, 20):
        record(fleet_state, "cpt1", Verdict.HEALTHY, rtt, NOW - 9 * hour)
    record(fleet_state, "cpt1", Verdict.LOCAL_FAULT, None, NOW - 0.05 * hour)
    return pickle.dumps(engine)
