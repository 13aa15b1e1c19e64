"""Reports of vantages that a test stored, and their compaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.store.writer_run import Life
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store.maintenance.compaction import compact
from wgmon_tui.store.store_file import open_store

HEALTHY, SILENT = Verdict.HEALTHY, Verdict.SILENT
EVER = 1e12


def stored(tmp_path: Path, *verdicts: Verdict, packets: bool = False) -> sqlite3.Connection:
    life = Life(tmp_path)
    life.reports(*verdicts, packets=packets)
    life.stop()
    return open_store(tmp_path).connection


def compact_all(connection: sqlite3.Connection, boundary: float) -> None:
    for _ in compact(connection, boundary, boundary + 10):
        pass
