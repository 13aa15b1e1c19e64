"""A recorder with a test clock, and direct access to the store that it writes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.store.engine_updates import Clock, answered, lost, row
from wgmon_tui.config.config_toml import Retention
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.recorder import Recorder

PATIENCE_S = 60.0


class Desk:
    """Servers that are checked every ten seconds of the clock."""

    def __init__(
        self,
        state_dir: Path,
        names: Iterable[str] = ("fra1",),
        *,
        retention: Retention | None = None,
        ledger: TimestampLedger | None = None,
        clock: Clock | None = None,
        stands_still: bool = False,
    ) -> None:
        self.state_dir = state_dir
        self.clock = clock or Clock()
        self.states: dict[str, ServerState] = {name: row(name, since=self.clock.now) for name in names}
        self.seconds = 0.0
        """The monotonic clock, which the test sets."""
        self.recorder = Recorder(
            state_dir,
            retention,
            ledger=ledger,
            clock=self.clock,
            monotonic=self._now if stands_still else time.monotonic,
        )

    def _now(self) -> float:
        return self.seconds

    def check(self, name: str = "fra1", *, fails: bool = False) -> None:
        outcome = lost(name, self.clock.now) if fails else answered(name, self.clock.now)
        self.recorder(self.states[name], outcome, ())

    def run(self, seconds: float, *, fails: bool = False) -> None:
        """Check all servers for this long, and let the recorder write and compact meanwhile."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            for name in self.states:
                self.check(name, fails=fails)
            self.clock.now += 10.0
            self.seconds += 10.0
            self.written()

    def written(self) -> None:
        """Wait until all is on the disk and the maintenance between commits is done."""
        for _ in range(2):
            self.recorder.flush().result(PATIENCE_S)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for the next action of the recorder's thread."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < PATIENCE_S, (self.recorder.trouble, self.recorder.failure)
            time.sleep(0.005)

    def query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return query_store(self.state_dir, query, *values)

    def value(self, query: str, *values: object) -> Any:
        ((value,),) = self.query(query, *values)
        return value


def query_store(state_dir: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Query a store while its writer may be running."""
    with closing(
        sqlite3.connect(f"{(state_dir / STORE).as_uri()}?mode=ro", uri=True, timeout=30)
    ) as connection:
        return connection.execute(query, values).fetchall()


@contextmanager
def recording(desk: Desk) -> Iterator[Desk]:
    """Start the recorder, and check that no bug ended it."""
    desk.recorder.start()
    desk.recorder.watch(desk.states.values())
    try:
        yield desk
    finally:
        desk.recorder.stop()
    assert desk.recorder.failure is None, desk.recorder.failure
