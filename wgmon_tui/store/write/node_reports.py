"""How the reports of control planes are written."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.store.formats.node_report import to_bytes

_WRITE = "INSERT OR REPLACE INTO node_reports (server, report) VALUES (?, ?)"
_WRITE_TIME = "INSERT OR REPLACE INTO node_report_times (server, at) VALUES (?, ?)"

REPORTS_OF_REMOVED = (
    "DELETE FROM node_reports WHERE server IN (SELECT id FROM servers WHERE removed_at IS NOT NULL)",
    "DELETE FROM node_report_times WHERE server IN (SELECT id FROM servers WHERE removed_at IS NOT NULL)",
)


def write_node_reports(connection: sqlite3.Connection, reports: Mapping[int, ControlPlaneReport]) -> None:
    """Replace the reports of these servers. Raises sqlite3.Error."""
    connection.executemany(_WRITE, ((server, to_bytes(report)) for server, report in reports.items()))


def write_report_times(connection: sqlite3.Connection, times: Mapping[int, float]) -> None:
    """Write when the last reports of these servers came. Raises sqlite3.Error."""
    connection.executemany(_WRITE_TIME, times.items())
