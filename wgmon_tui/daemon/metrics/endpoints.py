"""`run --metrics`: what Prometheus asks over HTTP, answered by the writer from its own board."""

from __future__ import annotations

import asyncio
import socket
import time
import zlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from wgmon_tui.alerts.delivery_log import DeliveryCounts, counts
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.daemon.metrics.http_server import HttpRequest, HttpResponse, HttpServer, text_response
from wgmon_tui.daemon.metrics.probe_endpoint import ProbeEndpoint, RateLimitedError
from wgmon_tui.daemon.metrics.self_metrics import SelfMetrics
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.output.prometheus_text import CONTENT_TYPE, render_metrics
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.text import quoted

_PAGE_CACHE_S = 1.0
"""Who asks for /metrics so soon after somebody else gets the same text: one scraper costs as much as many."""

_ALERTS_CACHE_S = 5.0
"""How often the deliveries of alerts are counted at most."""

_DEFAULT_TIMEOUT_S = 10.0
_MAX_TIMEOUT_S = 120.0
_HEADROOM = 0.9
"""Of the time that a scrape may take, so much is for the check, and the rest for the way of the answer."""

_TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds"

_PATHS = """\
wgmon-tui
/metrics             every server, and how this program is
/probe?target=NAME   a fresh check of one server of servers.toml
/-/healthy           200 while it runs
/-/ready             200 once something has been checked
"""

T = TypeVar("T")


class CachedPage(Generic[T]):
    """Made once for all who ask while it is made, and for some seconds after."""

    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._make, self._seconds = make, seconds
        self._pending: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Who goes away while it is made leaves it to the others."""
        if self._pending is None:
            self._pending = asyncio.create_task(self._make_and_expire())
        return await asyncio.shield(self._pending)

    async def _make_and_expire(self) -> T:
        try:
            return await self._make()
        finally:
            asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def _expire(self) -> None:
        self._pending = None


class MetricsServer:
    """Serves while it runs. Makes itself heard by the writer's engine when it is made."""

    def __init__(self, writer: Writer, listening: socket.socket, on_error: Callable[[str], None]) -> None:
        """`on_error` is told in a line of what goes wrong within."""
        self._writer = writer
        self._counters = FleetCounters()
        writer.engine.listen(self._counters)
        writer.engine.vantage_reports.listen(self._counters.count_report)
        self._probe_endpoint = ProbeEndpoint(writer.engine)
        self._health = SelfMetrics(writer, self._counters)
        self._membership = -1
        self._alerts = CachedPage(self._count_alerts, _ALERTS_CACHE_S)
        self._text = CachedPage(self._render, _PAGE_CACHE_S)
        self._compressed = CachedPage(self._compress, _PAGE_CACHE_S)
        self._server = HttpServer(listening, self._answer, on_error)

    async def run(self) -> None:
        """Until cancelled."""
        await self._server.run()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        match request.path:
            case "/metrics":
                return await self._metrics(request)
            case "/probe":
                return await self._probe(request)
            case "/-/healthy":
                return text_response(HTTPStatus.OK, "wgmon-tui is healthy.")
            case "/-/ready" if self._is_ready():
                return text_response(HTTPStatus.OK, "wgmon-tui is ready.")
            case "/-/ready":
                return text_response(HTTPStatus.SERVICE_UNAVAILABLE, "nothing has been checked yet")
            case "/":
                return HttpResponse(HTTPStatus.OK, (_PATHS.encode(),))
        return text_response(
            HTTPStatus.NOT_FOUND, "there is /metrics, /probe?target=NAME, /-/healthy and /-/ready"
        )

    def _is_ready(self) -> bool:
        states = self._writer.fleet_state.states.values()
        return self._counters.checks > 0 or all(server_state.paused for server_state in states)

    # /metrics

    async def _metrics(self, request: HttpRequest) -> HttpResponse:
        if not accepts_gzip(request.headers.get("accept-encoding", "")):
            return HttpResponse(HTTPStatus.OK, await self._text.get(), CONTENT_TYPE)
        headers = {"Content-Encoding": "gzip"}
        return HttpResponse(HTTPStatus.OK, await self._compressed.get(), CONTENT_TYPE, headers)

    async def _render(self) -> tuple[bytes, ...]:
        self._drop_removed_servers()
        alerts = await self._alerts.get()
        began, parts = time.monotonic(), list[bytes]()
        for parts in render_metrics(tuple(self._writer.fleet_state.states.values()), self._counters):  # noqa: B007
            await asyncio.sleep(0)  # the checks between
        return (*parts, self._health.text(alerts, time.monotonic() - began))

    async def _compress(self) -> tuple[bytes, ...]:
        """In a thread: zlib lets go of the interpreter's lock."""
        return await asyncio.to_thread(_compressed, await self._text.get())

    async def _count_alerts(self) -> DeliveryCounts | None:
        try:
            return await asyncio.to_thread(counts, self._writer.state_dir)
        except StoreUnavailableError:
            return None

    def _drop_removed_servers(self) -> None:
        fleet_state = self._writer.fleet_state
        if fleet_state.membership_version != self._membership:
            self._membership = fleet_state.membership_version
            self._counters.retain_servers(fleet_state.states)
            self._probe_endpoint.retain(fleet_state.states)

    # /probe

    async def _probe(self, request: HttpRequest) -> HttpResponse:
        """Only servers of the file: this is no prober for whatever somebody names."""
        name = request.parameters.get("target", "")
        server_state = self._writer.fleet_state.states.get(name)
        if server_state is None:
            what = f"there is no server {quoted(name)}" if name else "which server? /probe?target=NAME"
            return text_response(HTTPStatus.NOT_FOUND if name else HTTPStatus.BAD_REQUEST, what)
        timeout_s = parse_timeout(request.headers.get(_TIMEOUT_HEADER, ""))
        if timeout_s is None:
            return text_response(
                HTTPStatus.BAD_REQUEST, "X-Prometheus-Scrape-Timeout-Seconds: expected seconds"
            )
        began = time.monotonic()
        try:
            ended = await self._probe_endpoint.probe(name, timeout_s)
        except RateLimitedError as error:
            return text_response(
                HTTPStatus.TOO_MANY_REQUESTS, str(error), Retry_After=str(int(error.wait) + 1)
            )
        *_, parts = render_metrics((server_state,), self._counters)
        return HttpResponse(
            HTTPStatus.OK,
            (*parts, _render_probe(server_state, ended, time.monotonic() - began)),
            CONTENT_TYPE,
        )


def accepts_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, and not with a weight of nothing."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


def parse_timeout(header: str) -> float | None:
    """For how many seconds a probe may be waited for; None for what is no number of seconds."""
    if not header:
        return _DEFAULT_TIMEOUT_S
    try:
        seconds = float(header)
    except ValueError:
        return None
    return min(seconds, _MAX_TIMEOUT_S) * _HEADROOM if seconds > 0 else None


def _compressed(parts: tuple[bytes, ...]) -> tuple[bytes, ...]:
    gzip = zlib.compressobj(level=1, wbits=16 + zlib.MAX_WBITS)
    return (*(gzip.compress(part) for part in parts), gzip.flush())


def _render_probe(server_state: ServerState, ended: bool, took_s: float) -> bytes:
    registry = CollectorRegistry()
    Gauge(
        "probe_duration_seconds",
        "How long this probe took, the waiting for its turn included.",
        registry=registry,
    ).set(took_s)
    if not server_state.paused:
        severity = (
            server_state.last.diagnosis.verdict.severity if server_state.last and ended else Severity.UNKNOWN
        )
        Gauge(
            "probe_success",
            "1 where this check found it up or degraded, else 0; absent where it is paused.",
            registry=registry,
        ).set(severity in (Severity.UP, Severity.DEGRADED))
        Gauge(
            "wgmon_probe_timed_out",
            "1 where the check was not over in the time that the scrape may take.",
            registry=registry,
        ).set(not ended)
    return generate_latest(registry)
