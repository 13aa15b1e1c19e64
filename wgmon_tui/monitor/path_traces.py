"""The traces of paths that run now, at most one for each server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.checks.protocol import ProtocolTarget, TracingProber

MOST_AT_ONCE = 16
"""Each sends up to 20 packets in a second."""


class PathTraces:
    """Runs traces with the prober of the checks, so both take turns."""

    def __init__(self, prober: TracingProber, targets: Callable[[], Mapping[str, ProtocolTarget]]) -> None:
        """`targets` returns the servers that can be checked now, by name."""
        self._prober = prober
        self._targets = targets
        self._running: dict[str, PathTrace | None] = {}

    def progress(self, name: str) -> PathTrace | None:
        """What the running trace of a server has found; None if none runs, or nothing was sent yet."""
        return self._running.get(name)

    async def trace(
        self, name: str, options: TraceOptions, on_progress: Callable[[PathTrace], None] = lambda _: None
    ) -> PathTrace:
        """Trace the path to a server. Raises TraceRefusedError."""
        target = self._targets().get(name)
        if target is None:
            raise TraceRefusedError(f'"{name}" is not checked here: wgmon-tui probe says why')
        if name in self._running:
            raise TraceRefusedError(f'a trace to "{name}" is running already')
        if len(self._running) >= MOST_AT_ONCE:
            raise TraceRefusedError(f"{MOST_AT_ONCE} traces are running already; try again")
        self._running[name] = None

        def note(trace: PathTrace) -> None:
            self._running[name] = trace
            on_progress(trace)

        try:
            return await self._prober.trace_path(target, options, note)
        finally:
            del self._running[name]
