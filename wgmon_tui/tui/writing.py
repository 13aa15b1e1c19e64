"""`w`: what is on the screen, as files in the directory in which the program was started. Never with keys."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from wgmon_tui.fleet.records import Address
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.report import fleet_objects
from wgmon_tui.report.captures import by_address, captured
from wgmon_tui.report.csv_lines import csv_lines
from wgmon_tui.report.files import write_beside_others
from wgmon_tui.report.fleet_objects import fleet_object
from wgmon_tui.report.json_lines import Json, json_line, one_line
from wgmon_tui.report.summary import Account, as_markdown
from wgmon_tui.text import format_file_time, format_list
from wgmon_tui.tui.context import AppContext

Files = Iterator[tuple[str, Iterable[bytes]]]
"""Suffixes and contents."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_SAID_FOR_S = 8


def write_exchange(
    app: AppContext, outcome: Round | None, address: Address | None, account: Account | None = None
) -> None:
    """Write the check of `address`, or the worst one: its packets as pcapng, all of it as JSON; and what
    there is to tell of the server as Markdown.
    """
    if outcome is None:
        app.say("No exchange to write yet")
        return
    checks = list(by_address(outcome))
    shown = next((each for each in checks if address and each.check.address == address), checks[0])

    told = as_markdown(account, app.clock()).encode() if account else b""

    def files() -> Files:
        if told:
            yield ".md", [told]
        if shown.check.exchange:
            yield ".pcapng", captured([shown])
        yield ".json", [f"{json_line(shown)}\n".encode()]

    _write(app, shown.check.server, files)


def write_fleet(app: AppContext, rows: Sequence[Row]) -> None:
    """Write the servers as the table has them now, filtered and sorted: CSV and JSON."""
    write_list(app, "fleet", fleet_objects.COLUMNS, lambda: [fleet_object(row) for row in rows])


def write_list(
    app: AppContext, what: str, columns: Sequence[str], objects: Callable[[], Sequence[Json]]
) -> None:
    """Write a list: CSV and JSON. `objects` is called in another thread."""

    def files() -> Files:
        told = objects()
        yield ".csv", (line.encode() for line in csv_lines(columns, told))
        yield ".json", (f"{one_line(each)}\n".encode() for each in told)

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
        app.say(await asyncio.to_thread(_written, stem, files), seconds=_SAID_FOR_S)

    app.run_worker(work(), group="writing")


def _written(stem: str, files: Callable[[], Files]) -> str:
    """Write the files; gives the line that says where they are, or what went wrong."""
    try:
        directory = Path.cwd()
        paths = [write_beside_others(directory, stem, suffix, parts) for suffix, parts in files()]
    except OSError as error:
        return f"Cannot write {error.filename or stem}: {error.strerror}"
    return f"Wrote {format_list(path.name for path in paths)} in {directory}"
