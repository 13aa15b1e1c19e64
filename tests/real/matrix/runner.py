"""Runner of the matrix: runs rows on real servers in parallel and reports wrong verdicts."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.busy_machine import REPETITIONS, is_starved
from tests.real.fetching import Fetched
from tests.real.matrix.agreement import find_disagreement
from tests.real.matrix.client import fetch_beside, service
from tests.real.matrix.models import Look, Row
from tests.real.matrix.names import names
from tests.real.matrix.rows import ROWS
from tests.real.matrix.servers import COLUMNS, LINUX_KERNEL, Column, column
from tests.real.matrix.topology import Scene, scene
from tests.real.matrix.watching import Watch
from tests.real.namespaces import entered
from wgmon_tui.checks.evidence import PathMtu
from wgmon_tui.checks.loop_lag import LoopLag
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


_MakeLook = Callable[[Look], Awaitable[tuple[Round, tuple[str, ...]]]]

CELLS = tuple(Cell(row, name) for name in COLUMNS for row in ROWS if name in row.on)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look saw: the round, what a client got at each address, the incidents that opened.

    `mtu` is set if the client was given the MTU that a healthy check notes, and tried again. `lag` is how
    long this process waited for the processor at most, in seconds.
    """

    round: Round
    got: tuple[Fetched, ...]
    mtu: int | None = None
    incidents: tuple[str, ...] = ()
    lag: float = 0.0

    @property
    def disagreement(self) -> str:
        """How the verdict disagrees with the client, in one line, or ""."""
        evidence = [each for check in self.round.checks for each in check.evidence]
        return find_disagreement(self.round.diagnosis.verdict, evidence, self.got)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a cell: what each look saw, and the errors."""

    seen: tuple[Seen, ...]
    wrong: tuple[str, ...]

    @property
    def is_void(self) -> bool:
        """Whether something is wrong while this machine was overloaded."""
        return bool(self.wrong) and any(is_starved(each.lag) for each in self.seen)


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
            outcomes = {cell: _outcome(playing[cell]) for cell in possible}
            for _ in range(REPETITIONS):  # alone: checks and clients fail on a busy machine
                for cell in [cell for cell, outcome in outcomes.items() if outcome.is_void]:
                    outcomes[cell] = _outcome(pool.submit(_play, cell, columns[cell.server]))
        return outcomes, missing_servers


def _outcome(played: Future[Outcome]) -> Outcome:
    """Run one cell; an error is part of its result and stops no other cell."""
    if error := played.exception():
        return Outcome((), ("".join(traceback.format_exception(error)),))
    return played.result()


def _play(cell: Cell, where: Column) -> Outcome:
    row = cell.row
    with (
        where.place() as (path, server),
        scene(
            path,
            server,
            version=row.version,
            ping=row.ping,
            tunnel_mtu=row.mtu,
            timeout=row.timeout,
            slow=row.slow,
        ) as made,
        # A thread is in a namespace as a whole: so is every socket that the look opens in it.
        entered(path.client),
    ):
        seen = asyncio.run(_play_looks(row, made))
    wrong = [
        f"look {number}: {line}"
        for number, (look, each) in enumerate(zip(row.looks, seen, strict=True), 1)
        for line in _find_faults(look.given(each.got), each)
    ]
    return Outcome(tuple(seen), tuple(wrong))


async def _play_looks(row: Row, made: Scene) -> list[Seen]:
    seen, lag = [], LoopLag()
    lag.start()
    try:
        async with service(made), _looking(row, made) as make_look:
            for look in row.looks:
                began = time.monotonic()
                for fault in look.faults:
                    fault(made)
                looking = asyncio.ensure_future(make_look(look))
                if row.client_comes_after:
                    await looking
                fetching = asyncio.ensure_future(fetch_beside(made, row.patience))
                outcome, incidents = await looking
                got = await (_give_up(fetching) if look.until_met else fetching)
                mtu = _noted_mtu(outcome)
                if mtu:
                    got = await fetch_beside(made, row.patience, mtu)
                seen.append(Seen(outcome, got, mtu, incidents, lag.worst_since(began)))
    finally:
        lag.stop()
        made.cleanup.close()
    return seen


async def _give_up(fetching: asyncio.Future[tuple[Fetched, ...]]) -> tuple[Fetched, ...]:
    """What a client got that need not go on: a fetch that is not complete yet counts as incomplete."""
    fetching.cancel()
    try:
        return await fetching
    except asyncio.CancelledError:
        return (Fetched(0, 0.0, "it was ended"),)


def _noted_mtu(outcome: Round) -> int | None:
    """The MTU that a healthy check tells clients to use, if the usual one is too large."""
    if outcome.diagnosis.verdict is not Verdict.HEALTHY:
        return None
    sizes = [each for each in outcome.check.evidence if isinstance(each, PathMtu)]
    return next((each.largest_passing for each in sizes if each.smallest_failing), None)


@asynccontextmanager
async def _looking(row: Row, made: Scene) -> AsyncIterator[_MakeLook]:
    """Gives what makes a look: a round of the prober, or some seconds of the engine."""
    if row.watched:
        watch = Watch(made, row.watched, row.interval_s, witness=row.witness)
        try:
            yield watch.look
        finally:
            await watch.stop()
        return

    async def make_round(look: Look) -> tuple[Round, tuple[str, ...]]:
        return await made.look(look.soak), ()

    await made.prober.open()
    try:
        yield make_round
    finally:
        await made.prober.close()


def _find_faults(look: Look, seen: Seen) -> Iterable[str]:
    """Check a look against what is expected, and the client, and that no incident opened where none may."""
    yield from _wrong(look, seen.round)
    if seen.disagreement:
        yield seen.disagreement
    if look.is_calm and seen.incidents:
        yield f"incidents opened: {', '.join(seen.incidents)}"


def _wrong(look: Look, outcome: Round) -> Iterable[str]:
    diagnosis = outcome.diagnosis
    if not look.is_met(diagnosis.verdict):
        yield f"{diagnosis.verdict.slug}, not {look.expected}: {diagnosis.summary} {diagnosis.evidence}"
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
    if look.severity is Severity.UP:
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
