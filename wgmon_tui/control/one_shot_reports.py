"""What control planes reported, for rounds without a writer: stored reports, and those of this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.reported_nodes import KnownReports
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE


class OneShotReports:
    """The last report of each of these control planes. Without a history, only own checks bring reports."""

    def __init__(self, state_dir: Path, planes: Iterable[Server]) -> None:
        self._path = state_dir / STORE
        self._planes = {each.name: each for each in planes}
        self._own: dict[str, NodeReport] = {}
        self._stored: dict[str, NodeReport] | None = None
        self._known: KnownReports | None = None

    def note(self, name: str, report: ControlPlaneReport) -> None:
        """Use what a check of this process brought."""
        self._own[name] = NodeReport(time.time(), report)
        self._known = None

    async def judge(self, server: Server, outcome: Round) -> Round:
        """Judge a round by what a control plane reported of its server too."""
        if not self._planes or server.name in self._planes:
            return outcome
        if self._stored is None:
            self._stored = await asyncio.to_thread(self._read)
        if self._known is None:
            self._known = KnownReports.of(self._planes, {**self._stored, **self._own})
        return self._known.judge_round(server, outcome, time.time())

    def _read(self) -> dict[str, NodeReport]:
        if not self._path.exists():
            return {}
        try:
            with History(self._path) as history:
                return history.node_reports()
        except StoreUnavailableError:
            return {}
