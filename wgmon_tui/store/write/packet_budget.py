"""Daily budget of each vantage for the packets of its reports, in bytes of the store.

A vantage is another machine. Whatever its agent sends, it cannot fill the disk of this one. Beyond the
budget, its checks are recorded without packets.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_DAY_S = 86400.0
_FACT = "packet_budget"


@dataclass(frozen=True, slots=True)
class PacketUse:
    """What a vantage has stored on this day (UTC), and how many reports were stored without their packets."""

    bytes: int = 0
    left_out: int = 0


class PacketBudget:
    """Counts the bytes of each vantage. The recorder's thread changes it; any thread may read `use_of`."""

    def __init__(self, limit_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.limit_bytes = limit_bytes
        """The limit for each vantage and day; it may change."""
        self._clock = clock
        self._day = self._today()
        self._uses: dict[str, PacketUse] = {}
        self._is_changed = False

    def use_of(self, vantage: str) -> PacketUse:
        """What a vantage has used today."""
        return self._uses.get(vantage, PacketUse()) if self._day == self._today() else PacketUse()

    def is_used_up(self, vantage: str) -> bool:
        """Whether packets of a vantage were left out today."""
        return bool(self.use_of(vantage).left_out)

    def take(self, vantage: str, packed: bytes) -> bytes | None:
        """Count the packets of a report. Returns None if they exceed the budget."""
        self._start_day()
        use = self._uses.get(vantage, PacketUse())
        fits = use.bytes + len(packed) <= self.limit_bytes
        self._uses[vantage] = (
            PacketUse(use.bytes + len(packed), use.left_out)
            if fits
            else PacketUse(use.bytes, use.left_out + 1)
        )
        self._is_changed = True
        return packed if fits else None

    def retain_vantages(self, names: Iterable[str]) -> None:
        """Keep these vantages only."""
        names = set(names)
        self._uses = {name: use for name, use in self._uses.items() if name in names}
        self._is_changed = True

    def write(self, connection: sqlite3.Connection) -> None:
        """Store what is used, inside a transaction of the caller. A restart continues from it.

        Raises sqlite3.Error.
        """
        if self._is_changed:
            uses = {name: [use.bytes, use.left_out] for name, use in self._uses.items()}
            text = json.dumps({"day": self._day, "uses": uses}, ensure_ascii=False)
            connection.execute(_WRITE, (_FACT, text))

    def mark_written(self) -> None:
        """The transaction of the last `write` is committed."""
        self._is_changed = False

    def restore(self, connection: sqlite3.Connection) -> None:
        """Continue from what an earlier run stored today. Raises sqlite3.Error."""
        found = connection.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()
        try:
            stored = json.loads(found[0]) if found else {}
            uses = {str(name): PacketUse(int(use[0]), int(use[1])) for name, use in stored["uses"].items()}
            day = int(stored["day"])
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return  # none yet, or of another version
        if day == self._today():
            self._start_day()
            self._uses = uses | self._uses

    def _start_day(self) -> None:
        # Any other day: a clock that was set back must not keep a vantage at its limit for weeks.
        if self._day != self._today():
            self._day, self._uses = self._today(), {}

    def _today(self) -> int:
        return int(self._clock() // _DAY_S)


_WRITE = """INSERT INTO facts (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""
