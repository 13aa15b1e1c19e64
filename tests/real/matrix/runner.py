"""Runner of the matrix: runs rows on real servers in parallel and reports wrong verdicts."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.real.fetching import Fetched
from tests.real.matrix.agreement import find_disagreement
from tests.real.matrix.client import fetch_beside, service
from tests.real.matrix.models import Look, Row
from tests.real.matrix.names import names
from tests.real.matrix.rows import ROWS
from tests.real.matrix.servers import COLUMNS, LINUX_KERNEL, Column, column
from tests.real.matrix.topology import Scene, scene
from tests.real.namespaces import entered
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.monitor.fleet_state import Round

_AT_ONCE = 24  # most of the time a scene waits: ten seconds for a keepalive that does not come


@dataclass(frozen=True, slots=True)
class Cell:
    """A row on a server."""

    row: Row
    server: str

    def __str__(self) -> str:
        return f"{self.row.mode} - {self.server}"

    @property
    def is_exclusive(self) -> bool:
        """Whether it must run alone: all scenes of the kernel share one machine."""
        return self.row.freezes and self.server == LINUX_KERNEL


CELLS = tuple(Cell(row, name) for name in COLUMNS for row in ROWS if name in row.on)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look saw: the prober's round, and what a client got meanwhile at each address."""

    round: Round
    got: tuple[Fetched, ...]

    @property
    def disagreement(self) -> str:
        """How the verdict disagrees with the client, in one line, or ""."""
        evidence = [each for check in self.round.checks for each in check.evidence]
        return find_disagreement(self.round.diagnosis.verdict, evidence, self.got)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a cell: what each look saw, the prober's time in seconds, and the errors."""

    seen: tuple[Seen, ...]
    seconds: float
    wrong: tuple[str, ...]


def play(cells: Sequence[Cell]) -> tuple[dict[Cell, Outcome], dict[str, str]]:
    """Run all cells; returns their results, and why some servers are missing."""
    columns: dict[str, Column] = {}
    missing_servers: dict[str, str] = {}
    with names(), ExitStack() as stack:
        for name in dict.fromkeys(cell.server for cell in cells):
            try:
                columns[name] = stack.enter_context(column(name))
            except (pytest.skip.Exception, pytest.fail.Exception) as reason:
                missing_servers[name] = str(reason)
        possible = [cell for cell in cells if cell.server in columns]
        # Whatever waits longest starts first.
        together = sorted(
            (cell for cell in possible if not cell.is_exclusive), key=lambda cell: -cell.row.weight
        )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            playing = {cell: pool.submit(_play, cell, columns[cell.server]) for cell in together}
        with ThreadPoolExecutor(1) as pool:
            playing |= {
                cell: pool.submit(_play, cell, columns[cell.server]) for cell in possible if cell.is_exclusive
            }
        return {cell: _outcome(playing[cell]) for cell in possible}, missing_servers


def _outcome(played: Future[Outcome]) -> Outcome:
    """Run one cell; an error is part of its result and stops no other cell."""
    if error := played.exception():
        return Outcome((), 0.0, ("".join(traceback.format_exception(error)),))
    return played.result()


def _play(cell: Cell, where: Column) -> Outcome:
    row = cell.row
    with (
        where.place() as (path, server),
        scene(
            path, server, version=row.version, ping=row.ping, tunnel_mtu=row.mtu, timeout=row.timeout
        ) as made,
        # A thread is in a namespace as a whole: so is every socket that the look opens in it.
        entered(path.client),
    ):
        seen, seconds = asyncio.run(_play_looks(row, made))
    wrong = [
        f"look {number}: {line}"
        for number, (look, each) in enumerate(zip(row.looks, seen, strict=True), 1)
        for line in (*_wrong(look, each.round), *([each.disagreement] if each.disagreement else ()))
    ]
    return Outcome(tuple(seen), seconds, tuple(wrong))


async def _play_looks(row: Row, made: Scene) -> tuple[list[Seen], float]:
    seen, seconds = [], 0.0
    await made.prober.open()
    try:
        async with service(made):
            for look in row.looks:
                for fault in look.faults:
                    fault(made)
                fetching = asyncio.create_task(fetch_beside(made, row.patience))
                began = time.monotonic()
                outcome = await made.look()
                seconds += time.monotonic() - began
                seen.append(Seen(outcome, await fetching))
    finally:
        made.cleanup.close()
        await made.prober.close()
    return seen, seconds


def _wrong(look: Look, outcome: Round) -> Iterable[str]:
    diagnosis = outcome.diagnosis
    if diagnosis.verdict is not look.verdict:
        yield f"{diagnosis.verdict.slug}, not {look.verdict.slug}: {diagnosis.summary} {diagnosis.evidence}"
        return
    said = _everything_said(diagnosis)
    yield from (f"does not say “{words}”: {said}" for words in look.says if words not in said)
    yield from (f"says “{words}”: {said}" for words in look.never_says if words in said)
    if look.port and outcome.port_monitor != look.port:
        yield f"a port monitor says {outcome.port_monitor}, not {look.port}"
    yield from _false_causes(look, diagnosis)


def _false_causes(look: Look, diagnosis: Diagnosis) -> Iterable[str]:
    """Check that a single named cause is the true one, or that several include it."""
    causes = [each.cause for each in diagnosis.causes]
    if look.verdict.severity is Severity.UP:
        if causes:
            yield f"names causes of nothing: {causes}"
        return
    if not any(look.cause in each for each in causes):
        yield f"does not name what is true, “{look.cause}”: {causes}"
    if look.verdict is Verdict.SILENT and len(causes) < 2:
        yield f"silence proves nothing, but only one cause is named: {causes}"


def _everything_said(diagnosis: Diagnosis) -> str:
    causes = (f"{each.cause} ({each.why})" for each in diagnosis.causes)
    return " | ".join((diagnosis.summary, *diagnosis.evidence, *causes))
