"""File export of the current screen (key `w`), into the directory in which wgmon-tui was started.

The files never contain secret keys.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.ownership import require_own
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
"""Pairs of file name suffix and content."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def write_exchange(
    app: AppContext, outcome: Round | None, address: Address | None, report_data: IncidentReport | None = None
) -> None:
    """Write the check of `address`, or the worst one: packets as pcapng, the whole check as JSON.

    With `report_data` also write the report on the server as Markdown.
    """
    if outcome is None:
        app.show_notice("There is no exchange to write yet")
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
    """Write the servers as CSV and JSON, filtered and sorted as in the table."""
    write_list(
        app, "fleet", fleet_json.COLUMNS, lambda: [fleet_object(server_state) for server_state in rows]
    )


def write_list(
    app: AppContext, what: str, columns: Sequence[str], objects: Callable[[], Sequence[Json]]
) -> None:
    """Write a list as CSV and JSON. `objects` is called in another thread."""

    def files() -> Files:
        content = objects()
        yield ".csv", (line.encode() for line in csv_lines(columns, content))
        yield ".json", (f"{one_line(each)}\n".encode() for each in content)

    _write(app, what, files)


def file_stem(name: str, now: float) -> str:
    """A file name such as `wgmon-NAME-20261122T101500Z`, with characters that need no quoting anywhere."""
    safe = _UNSAFE.sub("_", name).strip("._-") or "server"
    return f"wgmon-{safe}-{format_file_time(now)}"


def _write(app: AppContext, name: str, files: Callable[[], Files]) -> None:
    if app.read_only:
        app.show_read_only_notice("writing files")
        return
    stem = file_stem(name, app.clock())

    async def work() -> None:
        # In a thread, so that checks go on: the directory may be on a network that is down, and ten thousand
        # rows take a while.
        app.pending_writes += 1
        try:
            line, is_written = await asyncio.to_thread(_write_files, stem, files)
        finally:
            app.pending_writes -= 1
        if is_written:
            app.show_notice(line)
        else:
            app.show_error(line)

    app.run_worker(work(), group="writing")


def _write_files(stem: str, files: Callable[[], Files]) -> tuple[str, bool]:
    """Write the files. Returns a line with their names or the error, and whether they were written."""
    try:
        directory = Path.cwd()
        require_own(directory)
        paths = [write_numbered(directory, stem, suffix, parts) for suffix, parts in files()]
    except OSError as error:
        return f"Cannot write {error.filename or stem}: {error.strerror}", False
    except ConfigurationError as error:
        return f"Cannot write {stem}: {error}", False
    return f"Wrote {format_list(path.name for path in paths)} in {directory}", True
