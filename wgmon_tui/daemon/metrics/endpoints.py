"""HTTP endpoints of `run --metrics` for Prometheus, answered from the writer's `FleetState`."""

from __future__ import annotations

import asyncio
import socket
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from wgmon_tui.alerts.delivery_log import DeliveryCounts, counts
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.daemon.metrics.http_server import HttpRequest, HttpResponse, HttpServer, text_response
from wgmon_tui.daemon.metrics.probe_endpoint import PROBES_PER_S, ProbeEndpoint
from wgmon_tui.daemon.metrics.self_metrics import SelfMetrics
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.output.prometheus_text import CONTENT_TYPE, render_metrics
from wgmon_tui.rate_limits import RateLimitedError
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.text import quoted

_PAGE_CACHE_S = 1.0
"""Requests for /metrics within this time share one page: many scrapers cost as much as one."""

_ALERTS_CACHE_S = 5.0
"""The shortest time between two counts of the alert deliveries."""

_DEFAULT_TIMEOUT_S = 10.0
_MAX_TIMEOUT_S = 120.0
_HEADROOM = 0.9
"""The share of the scrape timeout for the check; the rest is for sending the answer."""

_TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds"

_PATHS = """\
wgmon-tui
/metrics             every server, and wgmon-tui itself
/probe?target=NAME   a fresh check of one server of servers.toml
/-/healthy           200 while it runs
/-/ready             200 after the first check
"""

T = TypeVar("T")


class CachedPage(Generic[T]):
    """A page that is made once for all concurrent requests, and cached for some seconds."""

    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._make, self._seconds = make, seconds
        self._pending: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return the page. A cancelled caller does not cancel it for the others."""
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
    """Serves the endpoints while it runs. Its constructor registers listeners with the writer's engine."""

    def __init__(
        self,
        writer: Writer,
        listening: socket.socket,
        on_error: Callable[[str], None],
        hosts: Iterable[str] = (),
    ) -> None:
        """`on_error` gets one line for each internal error. `hosts` are the names of this server."""
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
        self._server = HttpServer(listening, self._answer, on_error, hosts)

    async def run(self) -> None:
        """Serve until cancelled."""
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
                return text_response(HTTPStatus.SERVICE_UNAVAILABLE, "no server has been checked yet")
            case "/":
                return HttpResponse(HTTPStatus.OK, (_PATHS.encode(),))
        return text_response(
            HTTPStatus.NOT_FOUND, "not found; use /metrics, /probe?target=NAME, /-/healthy or /-/ready"
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
            await asyncio.sleep(0)  # let the checks run
        return (*parts, self._health.text(alerts, time.monotonic() - began))

    async def _compress(self) -> tuple[bytes, ...]:
        """Compress in a thread: zlib releases the GIL."""
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
        """Check one server of servers.toml. Other names are refused, so that this is no open prober."""
        name = request.parameters.get("target", "")
        server_state = self._writer.fleet_state.states.get(name)
        if server_state is None:
            what = f"there is no server {quoted(name)}" if name else "no server given; use /probe?target=NAME"
            return text_response(HTTPStatus.NOT_FOUND if name else HTTPStatus.BAD_REQUEST, what)
        timeout_s = parse_timeout(request.headers.get(_TIMEOUT_HEADER, ""))
        if timeout_s is None:
            return text_response(
                HTTPStatus.BAD_REQUEST, "X-Prometheus-Scrape-Timeout-Seconds: expected a number of seconds"
            )
        began = time.monotonic()
        try:
            ended = await self._probe_endpoint.probe(name, timeout_s)
        except RateLimitedError as error:
            why = f"more than {PROBES_PER_S:g} probes a second; {error}"
            return text_response(HTTPStatus.TOO_MANY_REQUESTS, why, Retry_After=str(int(error.wait) + 1))
        *_, parts = render_metrics((server_state,), self._counters)
        return HttpResponse(
            HTTPStatus.OK,
            (*parts, _render_probe(server_state, ended, time.monotonic() - began)),
            CONTENT_TYPE,
        )


def accepts_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip with a weight above 0."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


def parse_timeout(header: str) -> float | None:
    """The number of seconds to wait for a probe; None if the header is not a positive number."""
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
        "Duration of this probe, including the wait for its turn.",
        registry=registry,
    ).set(took_s)
    if not server_state.paused:
        severity = (
            server_state.last.diagnosis.verdict.severity if server_state.last and ended else Severity.UNKNOWN
        )
        Gauge(
            "probe_success",
            "1 if this check found the server up or degraded, else 0; absent while it is paused.",
            registry=registry,
        ).set(severity in (Severity.UP, Severity.DEGRADED))
        Gauge(
            "wgmon_probe_timed_out",
            "1 if the check did not finish within the scrape timeout, else 0.",
            registry=registry,
        ).set(not ended)
    return generate_latest(registry)
