"""Read-only viewer: follows the store, and refuses every request before it reaches the writer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from wgmon_tui.control.client import ControlConnection
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.monitor.staleness import CheckOutage

_REMEDY = "Read only: this dashboard does not check."


class ReadOnlyViewer(Viewer):
    """A viewer that changes nothing.

    The screens refuse the keys. This class makes sure of it: no request leaves it.
    """

    @property
    def status(self) -> str:
        """That the dashboard is read only; then the writer, or that there is none."""
        _, separator, rest = super().status.partition(" · ")
        return f"read only{separator}{rest}"

    @property
    def outage(self) -> CheckOutage | None:
        """That nobody checks the servers, and that this dashboard does not do it either."""
        outage = super().outage
        return replace(outage, remedy=_REMEDY) if outage else None

    async def _send_request(
        self, operation: Operation, ask: Callable[[ControlConnection], Coroutine[Any, Any, dict[str, object]]]
    ) -> None:
        """Refuse the request, and show that for some seconds."""

        def refuse(_: ControlConnection) -> Coroutine[Any, Any, dict[str, object]]:
            raise RequestRefusedError(f"this dashboard is read only, so {operation.value} was not done")

        await super()._send_request(operation, refuse)
