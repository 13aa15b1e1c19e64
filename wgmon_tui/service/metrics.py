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

from wgmon_tui.alerts.log import Counts, counts
from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.history.database import StoreUnavailableError
from wgmon_tui.monitor.board import Row
from wgmon_tui.report.prometheus import CONTENT_TYPE, rendered
from wgmon_tui.report.prometheus_tally import Tallies
from wgmon_tui.service.metrics_health import Health
from wgmon_tui.service.metrics_http import HttpServer, Request, Response, line
from wgmon_tui.service.metrics_probe import Probing, TooOftenError
from wgmon_tui.service.writer import Writer
from wgmon_tui.text import quoted

_SHARED_S = 1.0
"""Who asks for /metrics so soon after somebody else gets the same text: one scraper costs as much as many."""

_COUNTED_S = 5.0
"""How often the deliveries of alerts are counted at most."""

_USUAL_LIMIT_S = 10.0
_LONGEST_LIMIT_S = 120.0
_HEADROOM = 0.9
"""Of the time that a scrape may take, so much is for the check, and the rest for the way of the answer."""

_LIMIT_HEADER = "x-prometheus-scrape-timeout-seconds"

_PATHS = """\
wgmon-tui
/metrics             every server, and how this program is
/probe?target=NAME   a fresh check of one server of servers.toml
/-/healthy           200 while it runs
/-/ready             200 once something has been checked
"""

T = TypeVar("T")


class Shared(Generic[T]):
    """Made once for all who ask while it is made, and for some seconds after."""

    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._make, self._seconds = make, seconds
        self._made: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Who goes away while it is made leaves it to the others."""
        if self._made is None:
            self._made = asyncio.create_task(self._made_anew())
        return await asyncio.shield(self._made)

    async def _made_anew(self) -> T:
        try:
            return await self._make()
        finally:
            asyncio.get_running_loop().call_later(self._seconds, self._forget)

    def _forget(self) -> None:
        self._made = None


class Metrics:
    """Serves while it runs. Makes itself heard by the writer's engine when it is made."""

    def __init__(self, writer: Writer, listening: socket.socket, fault: Callable[[str], None]) -> None:
        """`fault` is told in a line of what goes wrong within."""
        self._writer = writer
        self._tallies = Tallies()
        writer.engine.listen(self._tallies)
        writer.engine.elsewhere.listen(self._tallies.reported)
        self._probing = Probing(writer.engine)
        self._health = Health(writer, self._tallies)
        self._membership = -1
        self._alerts = Shared(self._count_alerts, _COUNTED_S)
        self._text = Shared(self._render, _SHARED_S)
        self._zipped = Shared(self._zip, _SHARED_S)
        self._server = HttpServer(listening, self._answer, fault)

    async def run(self) -> None:
        """Until cancelled."""
        await self._server.run()

    async def _answer(self, request: Request) -> Response:
        match request.path:
            case "/metrics":
                return await self._metrics(request)
            case "/probe":
                return await self._probe(request)
            case "/-/healthy":
                return line(HTTPStatus.OK, "wgmon-tui is healthy.")
            case "/-/ready" if self._is_ready():
                return line(HTTPStatus.OK, "wgmon-tui is ready.")
            case "/-/ready":
                return line(HTTPStatus.SERVICE_UNAVAILABLE, "nothing has been checked yet")
            case "/":
                return Response(HTTPStatus.OK, (_PATHS.encode(),))
        return line(HTTPStatus.NOT_FOUND, "there is /metrics, /probe?target=NAME, /-/healthy and /-/ready")

    def _is_ready(self) -> bool:
        rows = self._writer.board.rows.values()
        return self._tallies.checks > 0 or all(row.paused for row in rows)

    # /metrics

    async def _metrics(self, request: Request) -> Response:
        if not takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(HTTPStatus.OK, await self._text.get(), CONTENT_TYPE)
        headers = {"Content-Encoding": "gzip"}
        return Response(HTTPStatus.OK, await self._zipped.get(), CONTENT_TYPE, headers)

    async def _render(self) -> tuple[bytes, ...]:
        self._drop_gone()
        alerts = await self._alerts.get()
        began, parts = time.monotonic(), list[bytes]()
        for parts in rendered(tuple(self._writer.board.rows.values()), self._tallies):  # noqa: B007
            await asyncio.sleep(0)  # the checks between
        return (*parts, self._health.text(alerts, time.monotonic() - began))

    async def _zip(self) -> tuple[bytes, ...]:
        """In a thread: zlib lets go of the interpreter's lock."""
        return await asyncio.to_thread(_zipped, await self._text.get())

    async def _count_alerts(self) -> Counts | None:
        try:
            return await asyncio.to_thread(counts, self._writer.state_dir)
        except StoreUnavailableError:
            return None

    def _drop_gone(self) -> None:
        board = self._writer.board
        if board.membership != self._membership:
            self._membership = board.membership
            self._tallies.keep(board.rows)
            self._probing.keep(board.rows)

    # /probe

    async def _probe(self, request: Request) -> Response:
        """Only servers of the file: this is no prober for whatever somebody names."""
        name = request.parameters.get("target", "")
        row = self._writer.board.rows.get(name)
        if row is None:
            what = f"there is no server {quoted(name)}" if name else "which server? /probe?target=NAME"
            return line(HTTPStatus.NOT_FOUND if name else HTTPStatus.BAD_REQUEST, what)
        limit_s = limit_of(request.headers.get(_LIMIT_HEADER, ""))
        if limit_s is None:
            return line(HTTPStatus.BAD_REQUEST, "X-Prometheus-Scrape-Timeout-Seconds: expected seconds")
        began = time.monotonic()
        try:
            ended = await self._probing.probe(name, limit_s)
        except TooOftenError as error:
            return line(HTTPStatus.TOO_MANY_REQUESTS, str(error), Retry_After=str(int(error.wait) + 1))
        *_, parts = rendered((row,), self._tallies)
        return Response(HTTPStatus.OK, (*parts, _probed(row, ended, time.monotonic() - began)), CONTENT_TYPE)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, and not with a weight of nothing."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


def limit_of(header: str) -> float | None:
    """For how many seconds a probe may be waited for; None for what is no number of seconds."""
    if not header:
        return _USUAL_LIMIT_S
    try:
        seconds = float(header)
    except ValueError:
        return None
    return min(seconds, _LONGEST_LIMIT_S) * _HEADROOM if seconds > 0 else None


def _zipped(parts: tuple[bytes, ...]) -> tuple[bytes, ...]:
    gzip = zlib.compressobj(level=1, wbits=16 + zlib.MAX_WBITS)
    return (*(gzip.compress(part) for part in parts), gzip.flush())


def _probed(row: Row, ended: bool, took_s: float) -> bytes:
    registry = CollectorRegistry()
    Gauge(
        "probe_duration_seconds",
        "How long this probe took, the waiting for its turn included.",
        registry=registry,
    ).set(took_s)
    if not row.paused:
        severity = row.last.diagnosis.verdict.severity if row.last and ended else Severity.UNKNOWN
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
