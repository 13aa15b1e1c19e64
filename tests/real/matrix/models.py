"""Record types of the matrix."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.real.fetching import Patience
from tests.real.matrix.faults import Fault
from tests.real.matrix.servers import COLUMNS
from wgmon_tui.checks.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """Faults applied to the scene, and the expected result of the next look.

    `cause` are words of the true cause, which must be named; where only one is named it must be that one.
    `says` and `never_says` are about the whole diagnosis. `port` is what a port monitor must say of it.
    """

    verdict: Verdict
    faults: tuple[Fault, ...] = ()
    cause: str = ""
    says: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()
    port: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A failure: its looks in order, and the servers that can fail that way.

    `version` is the outer IP version, `ping` the inner ones that are asked, `mtu` and `timeout` (in seconds)
    are keys of our file. `patience` is that of the real client. `seed` says that the
    row is one of the six failures that port monitors miss, and which. `freezes` says that it stops the server
    for a while.
    """

    mode: str
    looks: tuple[Look, ...]
    on: tuple[str, ...] = COLUMNS
    version: int = 4
    ping: tuple[int, ...] = (4,)
    mtu: int | None = None
    timeout: float = 2.0
    patience: Patience = field(default_factory=Patience)
    seed: int | None = None
    freezes: bool = False

    @property
    def weight(self) -> float:
        """Its approximate duration in seconds."""
        dead = sum(look.verdict is Verdict.DATA_DEAD for look in self.looks)
        silent = sum(look.verdict is not Verdict.HEALTHY for look in self.looks)
        return 11 * (dead or not self.ping) + 3 * silent * self.timeout
