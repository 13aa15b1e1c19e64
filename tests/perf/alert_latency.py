"""Latency from the verdict to the alert: `python -m tests.perf.alert_latency [ROUNDS]`.

A writer with engine, history and alerts checks 1,000 servers on loopback every 10 seconds. In each round 50
more servers fail each second, one after the other, for four seconds: first with one sink, then beside a sink
that accepts connections and never answers. Then 50 servers fail at once, beside that sink. Every second round
goes the other way. Prints the time from the verdict that opened an incident until the webhook had received
the message about it, and what the writer did during the slowest of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.perf.busy_times import BusyTimes
from wgmon_tui.alerts.delivery_queue import DeliveryQueue
from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.event_gathering import EventGathering
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.alerts.working_set import WorkingSet
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Sink, Webhook
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.daemon.config_watcher import LoadedConfig, load_from_fleet
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.lab.load_servers import run_load_servers
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.store.write.store_writer import StoreWriter

_HEALTHY, _PER_S, _STEADY_S, _ROUNDS = 1_000, 50, 4, 4
_INTERVAL_S = 10.0
_FAILING_INTERVAL_S = 60.0
_SETTLED_S = 2.0
_CLOSED_PORT = 9
_SLOWEST = 3
"""Messages of which the details are printed."""

_WATCHED: tuple[tuple[type[Any], str, str], ...] = (
    (StoreWriter, "_commit", "commit"),
    (StoreWriter, "_maintain", "maintenance"),
    (EventGathering, "wait", "gathering"),
    (Dispatcher, "_expand_once", "expand"),
    (WorkingSet, "save", "save of the working set"),
    (DeliveryQueue, "lease_next", "lease"),
    (Dispatcher, "_attempt", "attempt"),
)


@dataclass(frozen=True, slots=True)
class _Phase:
    """A part of a round: how many servers fail each second or all at once, and whether a sink hangs."""

    name: str
    servers: int
    every_s: float
    hangs: bool


_PHASES = (
    _Phase("50 a second", _PER_S * _STEADY_S, 1 / _PER_S, hangs=False),
    _Phase("50 a second, one sink hangs", _PER_S * _STEADY_S, 1 / _PER_S, hangs=True),
    _Phase("50 at once, one sink hangs", _PER_S, 0.0, hangs=True),
)


@dataclass(slots=True)
class _Verdicts:
    """The Unix time of the verdict that opened each incident, and its phase."""

    opened_at: dict[str, float] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)
    busy: BusyTimes = field(default_factory=BusyTimes)


def main() -> None:
    """Measure some rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    identity = PrivateKey.generate()
    with (
        run_load_servers(_HEALTHY, (identity.public,)) as well,
        tempfile.TemporaryDirectory() as directory,
    ):
        servers = [_watched(f"well-{n:04}", endpoint, key) for n, (endpoint, key) in enumerate(well.servers)]
        servers += [_failing(number) for number in range(rounds * sum(phase.servers for phase in _PHASES))]
        spawn = multiprocessing.get_context("spawn")
        parent_end, child_end = spawn.Pipe()
        receiver = spawn.Process(target=_receive, args=(child_end,), daemon=True)
        receiver.start()
        port = parent_end.recv()
        with socket.create_server(("127.0.0.1", 0), backlog=500) as hole:
            hole_port = hole.getsockname()[1]
            sinks = {False: _sinks({"webhook": port}), True: _sinks({"webhook": port, "hole": hole_port})}
            loaded = _loaded(servers, identity, sinks[False])
            verdicts = asyncio.run(_measure(Path(directory), loaded, sinks, rounds))
        parent_end.send(None)
        _print(verdicts, parent_end.recv())
        receiver.join()


async def _measure(
    state_dir: Path, loaded: LoadedConfig, sinks: dict[bool, ResolvedSinks], rounds: int
) -> _Verdicts:
    writer = build_writer(state_dir, loaded, None)
    verdicts, phase = _Verdicts(), _PHASES[0]
    busy = verdicts.busy
    for owner, method, what in _WATCHED:
        busy.watch(owner, method, what)

    def record_opened(_: ServerState, __: Round | None, events: tuple[IncidentEvent, ...]) -> None:
        for event in events:
            if event.kind is EventKind.OPENED and event.incident.server.startswith("fails"):
                verdicts.opened_at[event.incident.id] = time.time()
                verdicts.phases[event.incident.id] = phase.name

    writer.engine.listen(record_opened)
    running, lag = asyncio.create_task(writer.run()), asyncio.create_task(busy.watch_loop())
    await asyncio.sleep(2 * _INTERVAL_S + _SETTLED_S)  # the second checks do more
    gc.collect()
    gc.freeze()
    failing = iter([name for name in writer.fleet_state.states if name.startswith("fails")])
    with busy.watching_collector():
        for number in range(rounds):
            for phase in reversed(_PHASES) if number % 2 else _PHASES:
                writer.alerts.configure(sinks[phase.hangs])
                await asyncio.sleep(_SETTLED_S)
                began = time.monotonic()
                for failed in range(phase.servers):
                    writer.engine.pause([next(failing)], False)
                    await asyncio.sleep(max(0.0, began + failed * phase.every_s - time.monotonic()))
                await asyncio.sleep(_SETTLED_S)
    lag.cancel()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return verdicts


def _watched(name: str, endpoint: Endpoint, key: PublicKey) -> Server:
    return Server(name, endpoint, key, "bench", interval=_INTERVAL_S, timeout=1.0, tunnel=False, fail_after=1)


def _failing(number: int) -> Server:
    """A paused server that fails. One network for each: incidents of one network wait for each other."""
    endpoint = Endpoint(f"127.{1 + number // 250}.{number % 250}.1", _CLOSED_PORT)
    failing = _watched(f"fails-{number:04}", endpoint, PrivateKey.generate().public)
    return replace(failing, interval=_FAILING_INTERVAL_S, paused=True)


def _loaded(servers: Sequence[Server], identity: PrivateKey, sinks: ResolvedSinks) -> LoadedConfig:
    ours = Identity("bench", SecretSource(SecretForm.INLINE, identity.to_text()))
    return replace(load_from_fleet(Fleet(tuple(servers), (ours,))), orders=sinks)


def _sinks(ports: dict[str, int]) -> ResolvedSinks:
    sinks = tuple(Sink(name, Webhook()) for name in ports)
    secrets = {name: {"url": f"http://127.0.0.1:{port}/"} for name, port in ports.items()}
    return ResolvedSinks(AlertSettings(sinks), secrets)


def _receive(pipe: Connection) -> None:
    """In a child process: record the messages and their times until told to end."""
    received: list[tuple[float, bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((time.time(), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        server.timeout = 0.2
        pipe.send(server.server_port)
        while not pipe.poll():
            server.handle_request()
    pipe.recv()
    arrived: dict[str, list[float]] = {}
    for at, body in received:
        message = json.loads(body)
        if message["kind"] == "opened":
            for each in message["incidents"]:
                arrived.setdefault(each["id"], []).append(at)
    pipe.send((arrived, len(received)))


def _print(verdicts: _Verdicts, received: tuple[dict[str, list[float]], int]) -> None:
    arrived, messages = received
    print(f"{_HEALTHY} healthy servers, {len(verdicts.opened_at)} incidents, {messages} messages")
    print(f"load {os.getloadavg()[0]:.1f}; from the verdict to the webhook:")
    for phase in _PHASES:
        incidents = [incident for incident, name in verdicts.phases.items() if name == phase.name]
        took = sorted(
            arrived[incident][0] - verdicts.opened_at[incident]
            for incident in incidents
            if incident in arrived
        )
        shown = ", ".join(
            f"p{share * 100:g} {took[min(len(took) - 1, int(share * len(took)))] * 1000:.0f} ms"
            for share in (0.5, 0.9, 0.99)
        )
        twice = sum(len(arrived.get(incident, ())) > 1 for incident in incidents)
        print(
            f"  {phase.name:<28} {shown}, longest {took[-1] * 1000:.0f} ms; {len(took)} told,"
            f" {len(incidents) - len(took)} missing, {twice} twice",
            flush=True,
        )
    told = [incident for incident in verdicts.opened_at if incident in arrived]
    told.sort(key=lambda each: verdicts.opened_at[each] - arrived[each][0])
    for incident in told[:_SLOWEST]:
        _print_slow(verdicts, incident, arrived[incident][0])


def _print_slow(verdicts: _Verdicts, incident: str, arrived: float) -> None:
    """Print what the writer did between a verdict and its message, in milliseconds since the verdict."""
    opened = verdicts.opened_at[incident]
    print(f"  slow, {verdicts.phases[incident]}: {(arrived - opened) * 1000:.0f} ms")
    for each in verdicts.busy.between(opened, arrived):
        print(f"    {(each.began - opened) * 1000:6.0f} to {(each.ended - opened) * 1000:4.0f}  {each.what}")


if __name__ == "__main__":
    main()
