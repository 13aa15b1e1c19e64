"""The servers of servers.toml with what the history has of them, as commands print them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import Stage
from wgmon_tui.checks.stage_text import judged_stages
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.freshness import stale_after_s
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.models import LastKnownState, Mute, StoredExchange
from wgmon_tui.store.store_version import STORE


@dataclass(frozen=True, slots=True)
class KnownServer:
    """A server of servers.toml, and what the history has of it at the Unix time `now`."""

    server: Server
    known: LastKnownState | None
    mute: Mute | None
    now: float
    exchange: StoredExchange | None = None
    """The latest check of this machine that is stored with its packets; `show` reads it."""
    expiries: tuple[Expires, ...] = ()
    """Its certificates and keys that expire; `show` reads them."""
    history_problem: str = ""
    """Why the history cannot be read; "" if it can, or if there is none."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the latest stored check; none if its verdict is not the last one."""
        if self.exchange is None or self.known is None:
            return ()
        outcome = self.exchange.round
        is_current = outcome.diagnosis.verdict is self.known.verdict
        return judged_stages(outcome.check, outcome.diagnosis) if is_current else ()

    @property
    def is_paused(self) -> bool:
        """Whether the file or a person paused it."""
        return self.server.paused or (self.known is not None and self.known.paused_since is not None)

    @property
    def checked_at(self) -> float | None:
        """When it was checked last."""
        return self.known.checked_at if self.known else None

    @property
    def is_stale(self) -> bool:
        """Whether the last check is too old to say how the server is."""
        return self.checked_at is not None and self.now - self.checked_at > stale_after_s(self.server)

    @property
    def severity(self) -> Severity:
        """The severity to show; unknown if the last check is too old."""
        if self.is_paused:
            return Severity.PAUSED
        if self.known is None or self.checked_at is None or self.is_stale:
            return Severity.UNKNOWN
        found = self.known.state.severity
        return self.known.verdict.severity if self.known.verdict and found is Severity.UNKNOWN else found

    @property
    def verdict(self) -> str:
        """The slug of the last verdict; empty without one."""
        return self.known.verdict.slug if self.known and self.known.verdict else ""

    @property
    def paused_until(self) -> float | None:
        """When the pause ends by itself."""
        return self.known.paused_until if self.known and self.is_paused and not self.server.paused else None


@dataclass(frozen=True, slots=True)
class StoredStates:
    """The last known states and the mutes of a history, by server."""

    known: Mapping[str, LastKnownState] = field(default_factory=dict)
    mutes: Mapping[str, Mute] = field(default_factory=dict)
    exchanges: Mapping[str, StoredExchange | None] = field(default_factory=dict)
    expiries: Mapping[str, tuple[Expires, ...]] = field(default_factory=dict)
    problem: str = ""

    def of(self, server: Server, now: float) -> KnownServer:
        """What is known of a server."""
        mute = self.mutes.get(server.name)
        is_muted = mute is not None and mute.until > now
        known, exchange = self.known.get(server.name), self.exchanges.get(server.name)
        expiries = self.expiries.get(server.name, ())
        return KnownServer(server, known, mute if is_muted else None, now, exchange, expiries, self.problem)


def read_states(state_dir: Path, names: Sequence[str] = ()) -> StoredStates:
    """The stored states, with the latest exchanges and the ends of `names`; none without a history.

    What prevents reading it is printed.
    """
    if not (state_dir / STORE).exists():
        return StoredStates()
    try:
        with History(state_dir / STORE) as history:
            latest = {name: _latest_exchange(history, name) for name in names}
            expiries = history.expiries() if names else {}
            return StoredStates(history.current(), history.mutes(), latest, expiries)
    except StoreUnavailableError as error:
        print(f"wgmon-tui: {error}", file=sys.stderr)
        return StoredStates(problem=str(error))


def _latest_exchange(history: History, server: str) -> StoredExchange | None:
    lines = history.exchanges(server, limit=1)
    return history.exchange(lines[0].id) if lines else None
