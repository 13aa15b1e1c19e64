"""Latency from the verdict to the alert: `python -m tests.perf.alert_latency [ROUNDS]`.

A writer with engine, history and alerts checks 1,000 servers on loopback every 10 seconds. In each round 50
of them fail at once. One of two sinks is a webhook on loopback in a child process; the other is a black hole.
Prints the time from the verdict that opened an incident until the webhook had received the message about it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.config.alerting import AlertSettings, Sink, Webhook
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.daemon.config_watcher import LoadedConfig, load_from_fleet
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.lab.load_servers import run_load_servers
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.net.addresses import Endpoint

_SERVERS, _AT_ONCE, _ROUNDS = 1_000, 50, 8
_INTERVAL_S = 10.0
_BETWEEN_S = 4.0
_CLOSED_PORT = 9
_LATE_S = 10.0


def main() -> None:
    """Measure some rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    identity = PrivateKey.generate()
    failing = _AT_ONCE * rounds
    with (
        run_load_servers(_SERVERS - failing, (identity.public,)) as well,
        tempfile.TemporaryDirectory() as directory,
    ):
        servers = [_watched(f"well-{n:04}", endpoint, key) for n, (endpoint, key) in enumerate(well.servers)]
        # One network for each: incidents in the same network are grouped, and a group may wait.
        servers += [
            replace(
                _watched(
                    f"fails-{n:04}",
                    Endpoint(f"127.{1 + n // 250}.{n % 250}.1", _CLOSED_PORT),
                    PrivateKey.generate().public,
                ),
                paused=True,
            )
            for n in range(failing)
        ]
        spawn = multiprocessing.get_context("spawn")
        parent_end, child_end = spawn.Pipe()
        receiver = spawn.Process(target=_receive, args=(child_end,), daemon=True)
        receiver.start()
        port = parent_end.recv()
        with socket.create_server(("127.0.0.1", 0), backlog=500) as hole:
            orders = _orders({"webhook": port, "black hole": hole.getsockname()[1]})
            opened_at = asyncio.run(_measure(Path(directory), _loaded(servers, identity, orders), rounds))
        parent_end.send(None)
        _print(opened_at, parent_end.recv())
        receiver.join()


async def _measure(state_dir: Path, loaded: LoadedConfig, rounds: int) -> dict[str, float]:
    """The Unix time of the verdict that opened each incident."""
    writer = build_writer(state_dir, loaded, None)
    at: dict[str, float] = {}

    def record_opened(_: ServerState, __: Round | None, events: tuple[IncidentEvent, ...]) -> None:
        for event in events:
            if event.kind is EventKind.OPENED:
                at[event.incident.id] = time.time()

    writer.engine.listen(record_opened)
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(_SERVERS / 500 + _INTERVAL_S)
    gc.collect()
    gc.freeze()
    failing = [name for name in writer.fleet_state.states if name.startswith("fails")]
    for number in range(rounds):
        writer.engine.pause(failing[number * _AT_ONCE : (number + 1) * _AT_ONCE], False)
        await asyncio.sleep(_BETWEEN_S)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return at


def _watched(name: str, endpoint: Endpoint, key: PublicKey) -> Server:
    return Server(name, endpoint, key, "bench", interval=_INTERVAL_S, timeout=1.0, tunnel=False, fail_after=1)


def _loaded(servers: Sequence[Server], identity: PrivateKey, orders: ResolvedSinks) -> LoadedConfig:
    ours = Identity("bench", SecretSource(SecretForm.INLINE, identity.to_text()))
    return replace(load_from_fleet(Fleet(tuple(servers), (ours,))), orders=orders)


def _orders(ports: dict[str, int]) -> ResolvedSinks:
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
    arrived: dict[str, float] = {}
    for at, body in received:
        message = json.loads(body)
        if message["kind"] == "opened":
            arrived |= {each["id"]: min(at, arrived.get(each["id"], at)) for each in message["incidents"]}
    pipe.send((arrived, len(received)))


def _print(opened_at: dict[str, float], received: tuple[dict[str, float], int]) -> None:
    arrived, messages = received
    took = sorted(arrived[incident] - at for incident, at in opened_at.items() if incident in arrived)
    missing = len(opened_at) - len(took)
    shown = ", ".join(
        f"p{share * 100:g} {took[min(len(took) - 1, int(share * len(took)))] * 1000:.0f} ms"
        for share in (0.5, 0.9, 0.99)
    )
    print(
        f"{_SERVERS} servers, {_AT_ONCE} fail at once, {len(opened_at)} incidents, one of two sinks dead:\n"
        f"  verdict to webhook {shown}, longest {took[-1] * 1000:.0f} ms; "
        f"{messages} messages, {missing} missing",
        flush=True,
    )


if __name__ == "__main__":
    main()
