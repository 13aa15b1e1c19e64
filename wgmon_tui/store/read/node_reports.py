"""Reads what control planes reported of their nodes."""

from __future__ import annotations

import sqlite3

from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.store.formats.node_report import from_bytes

_ALL = """SELECT servers.name, at, report FROM node_reports
    JOIN node_report_times USING (server) JOIN servers ON servers.id = server WHERE removed_at IS NULL"""

_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'node_report_times'"


def read_node_reports(connection: sqlite3.Connection) -> dict[str, NodeReport]:
    """By server; empty if the writer does not know them. Raises sqlite3.Error."""
    if connection.execute(_HAS_TABLE).fetchone() is None:
        return {}
    found = ((name, at, from_bytes(report)) for name, at, report in connection.execute(_ALL))
    return {name: NodeReport(at, report) for name, at, report in found if report}
