"""Answers of the writer to requests from the control socket."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Protocol

from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.control.protocol import UNWRITABLE, ControlRequest, Operation, describe_request
from wgmon_tui.control.round_request import answer_soaks
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.control.trace_request import answer_trace
from wgmon_tui.daemon.alert_requests import acknowledge_alerts, retry_alert, test_sinks
from wgmon_tui.daemon.note_limits import NoteLimits
from wgmon_tui.daemon.requested_probes import RequestedProbes
from wgmon_tui.daemon.requested_traces import answer_requested_trace
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.path_traces import PathTraces
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.write.recorder import Recorder

_FLUSH_TIMEOUT_S = 3.0
"""How long a request waits for the disk."""

_UNSTORED_OPERATIONS = (
    Operation.RECHECK,
    Operation.TEST_SINK,
    Operation.RETRY_ALERT,
    Operation.ACKNOWLEDGE_ALERTS,
)

RequestLog = Callable[[str], None]
"""Takes a log line about a request and the account that sent it."""


class ControlledWriter(Protocol):
    """What requests need of the writer itself."""

    def describe(self) -> Mapping[str, object]:
        """Return its rates, warnings and limits for viewers."""
        ...

    def explain_editing(self) -> str:
        """Return how to edit the configuration that it uses."""
        ...

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now, from every vantage."""
        ...


class ControlRequests:
    """Executes requests. A request that changes something stored waits for the disk."""

    def __init__(
        self,
        writer: ControlledWriter,
        engine: Engine,
        recorder: Recorder,
        alerts: Dispatcher,
        *,
        path_traces: PathTraces,
        requested_probes: RequestedProbes,
        note_limits: NoteLimits,
        log_request: RequestLog,
    ) -> None:
        self._writer = writer
        self._engine = engine
        self._recorder = recorder
        self._alerts = alerts
        self._path_traces = path_traces
        self._requested_probes = requested_probes
        self._note_limits = note_limits
        self._log_request = log_request

    async def answer(self, request: ControlRequest, who: str) -> Mapping[str, object]:
        """Execute a request. Raises RequestRefusedError."""
        match request.operation:
            case Operation.STATS:
                return self._writer.describe()
            case Operation.SOAKS:
                running = self._engine.soaks.items()
                return answer_soaks({name: soak for name, soak in running if name in request.names})
            case Operation.ROUND:
                return await self._read_round(self._require_servers(request.names)[0])
            case Operation.PROBE:
                return await self._requested_probes.answer(request)
            case Operation.TRACE:
                answer = await answer_requested_trace(request, self._path_traces, self._engine.targets)
                # Not what was refused: a client may repeat it.
                self._log_request(describe_request(request, who))
                return answer
            case Operation.TRACE_PROGRESS:
                return answer_trace(self._path_traces.progress(self._require_servers(request.names)[0]))
            case Operation.PROBE_WITH_KEYS:
                self._log_request(describe_request(request, who))
                return await self._requested_probes.answer(request)
            case Operation.EDIT:
                raise RequestRefusedError(self._writer.explain_editing())
        await self._change(request, who)
        self._log_request(describe_request(request, who))
        return await self._flush_history() if request.operation not in _UNSTORED_OPERATIONS else {}

    async def _change(self, request: ControlRequest, who: str) -> None:
        match request.operation:
            case Operation.RECHECK:
                self._writer.recheck(self._require_servers(request.names))
            case Operation.PAUSE | Operation.RESUME | Operation.PAUSE_UNTIL:
                paused, until = request.operation is not Operation.RESUME, request.until or None
                self._engine.pause(self._require_servers(request.names), paused, who, until)
            case Operation.ACKNOWLEDGE:
                names = self._require_servers(request.names)
                if request.text:
                    await self._note_limits.take_for_servers(names)
                self._engine.acknowledge(names, who, request.text)
            case Operation.MUTE:
                self._engine.mute(self._require_servers(request.names), request.until or inf, who)
            case Operation.UNMUTE:
                self._engine.mute(self._require_servers(request.names), None, who)
            case Operation.TEST_SINK:
                await test_sinks(self._alerts, request.names)
            case Operation.RETRY_ALERT:
                await retry_alert(self._alerts, request.number)
            case Operation.ACKNOWLEDGE_ALERTS:
                await acknowledge_alerts(self._alerts, request.names, request.number, who)
            case Operation.NOTE:
                await self._note_limits.take([request.incident])
                self._recorder.note(request.incident, who, request.text)

    async def _flush_history(self) -> Mapping[str, object]:
        """Wait for the disk before the answer. If it takes too long, the answer contains a warning."""
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                await asyncio.wrap_future(self._recorder.flush())
        except TimeoutError:
            trouble = self._recorder.trouble
            reason = trouble or "writing the history is slow"
            return {"warning": f"done, but not saved yet: {reason}", UNWRITABLE: trouble is not None}
        return {}

    async def _read_round(self, name: str) -> Mapping[str, object]:
        last = self._engine.fleet_state.states[name].last
        if last is None:
            return {"round": None}
        return {"round": b64encode(await asyncio.to_thread(record_codec.to_bytes, last)).decode()}

    def _require_servers(self, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in self._engine.fleet_state.states:
                raise RequestRefusedError(f'there is no server "{name}"')
        if not names:
            raise RequestRefusedError("the request names no server")
        return names
