"""Traces that viewers and one-shot commands request from the writer over the control socket."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.path_trace import TraceOptions, TraceRefusedError
from wgmon_tui.checks.protocol import ProtocolTarget
from wgmon_tui.control.protocol import ControlRequest
from wgmon_tui.control.round_request import target_digest
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.control.trace_request import answer_trace
from wgmon_tui.monitor.path_traces import PathTraces


async def answer_requested_trace(
    request: ControlRequest, traces: PathTraces, targets: Mapping[str, ProtocolTarget]
) -> Mapping[str, object]:
    """Run a trace and encode it. Raises RequestRefusedError.

    A digest is that of a command with its own servers.toml. Without one, the request means this writer's
    entry.
    """
    if len(request.names) != 1:
        raise RequestRefusedError("a trace names one server")
    name = request.names[0]
    target = targets.get(name)
    if request.digest and (target is None or target_digest(target) != request.digest):
        return answer_trace(None)
    try:
        return answer_trace(await traces.trace(name, request.trace or TraceOptions()))
    except TraceRefusedError as error:
        raise RequestRefusedError(str(error)) from None
