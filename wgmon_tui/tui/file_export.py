"""`w`: what is on the screen, as files in the directory in which the program was started. Never with keys."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.net.addresses import Address
from wgmon_tui.output import fleet_json
from wgmon_tui.output.csv_format import csv_lines
from wgmon_tui.output.fleet_json import fleet_object
from wgmon_tui.output.incident_report import IncidentReport, as_markdown
from wgmon_tui.output.json_lines import Json, json_line, one_line
from wgmon_tui.output.output_files import write_numbered
from wgmon_tui.output.pcapng_export import by_address, pcapng_of
from wgmon_tui.text import format_file_time, format_list
from wgmon_tui.tui.context import AppContext

Files = Iterator[tuple[str, Iterable[bytes]]]
"""Suffixes and contents."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_NOTICE_S = 8


def write_exchange(
    app: AppContext, outcome: Round | None, address: Address | None, report_data: IncidentReport | None = None
) -> None:
    """Write the check of `address`, or the worst one: its packets as pcapng, all of it as JSON; and what
    there is to tell of the server as Markdown.
    """
    if outcome is None:
        app.show_notice("No exchange to write yet")
        return
    checks = list(by_address(outcome))
    shown = next((each for each in checks if address and each.check.address == address), checks[0])

    content = as_markdown(report_data, app.clock()).encode() if report_data else b""

    def files() -> Files:
        if content:
            yield ".md", [content]
        if shown.check.exchange:
            yield ".pcapng", pcapng_of([shown])
        yield ".json", [f"{json_line(shown)}\n".encode()]

    _write(app, shown.check.server, files)


def write_fleet(app: AppContext, rows: Sequence[ServerState]) -> None:
    """Write the servers as the table has them now, filtered and sorted: CSV and JSON."""
    write_list(
        app, "fleet", fleet_json.COLUMNS, lambda: [fleet_object(server_state) for server_state in rows]
    )


def write_list(
    app: AppContext, what: str, columns: Sequence[str], objects: Callable[[], Sequence[Json]]
) -> None:
    """Write a list: CSV and JSON. `objects` is called in another thread."""

    def files() -> Files:
        content = objects()
        yield ".csv", (line.encode() for line in csv_lines(columns, content))
        yield ".json", (f"{one_line(each)}\n".encode() for each in content)

    _write(app, what, files)


def file_stem(name: str, now: float) -> str:
    """`wgmon-NAME-20261122T101500Z`, of characters that every file system and shell takes as they are."""
    safe = _UNSAFE.sub("_", name).strip("._-") or "server"
    return f"wgmon-{safe}-{format_file_time(now)}"


def _write(app: AppContext, name: str, files: Callable[[], Files]) -> None:
    stem = file_stem(name, app.clock())

    async def work() -> None:
        # In a thread: the directory may be on a network that is down, ten thousand rows take a while, and
        # checks go on.
        app.show_notice(await asyncio.to_thread(_write_files, stem, files), seconds=_NOTICE_S)

    app.run_worker(work(), group="writing")


def _write_files(stem: str, files: Callable[[], Files]) -> str:
    """Write the files; gives the line that says where they are, or what went wrong."""
    try:
        directory = Path.cwd()
        paths = [write_numbered(directory, stem, suffix, parts) for suffix, parts in files()]
    except OSError as error:
        return f"Cannot write {error.filename or stem}: {error.strerror}"
    return f"Wrote {format_list(path.name for path in paths)} in {directory}"
