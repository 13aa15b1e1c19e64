"""Record types of the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.real.fetching import Fetched, Patience
from tests.real.matrix.faults import Fault
from tests.real.matrix.servers import COLUMNS
from tests.real.server import SLOW_S
from wgmon_tui.checks.verdict import Severity, Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """Faults applied to the scene, and the expected result of the next look.

    `cause` are words of the true cause, which must be named; where only one is named it must be that one.
    `says` and `never_says` are about the whole diagnosis. `port` is what a port monitor must say of it.
    `verdict` may be a severity, which stands for each of its verdicts. `soak` adds a soak to the check. In
    watched rows the look lasts `seconds`, and no incident may open in it if `is_calm`. With `until_met` it
    ends, for the client too, as soon as the verdict is the expected one; `seconds` is then the longest time.
    `if_roamed` is what holds instead where a real client saw the server answer from another address.
    """

    verdict: Verdict | Severity
    faults: tuple[Fault, ...] = ()
    cause: str = ""
    says: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()
    port: str | None = None
    soak: bool = False
    seconds: float = 10.0
    is_calm: bool = False
    until_met: bool = False
    if_roamed: Look | None = None

    @property
    def severity(self) -> Severity:
        return self.verdict if isinstance(self.verdict, Severity) else self.verdict.severity

    @property
    def expected(self) -> str:
        """The verdict or severity, as a word."""
        return self.verdict.word if isinstance(self.verdict, Severity) else self.verdict.slug

    def given(self, got: Sequence[Fetched]) -> Look:
        """The look that holds for what real clients got."""
        return self.if_roamed if self.if_roamed and any(each.has_roamed for each in got) else self

    def is_met(self, verdict: Verdict) -> bool:
        return self.verdict in (verdict, verdict.severity)


@dataclass(frozen=True, slots=True)
class Row:
    """A failure: its looks in order, and the servers that can fail that way.

    `version` is the outer IP version, `ping` the inner ones that are asked, `mtu` and `timeout` (in seconds)
    are keys of our file. `patience` is that of the real client. `seed` says that the
    row is one of the six failures that port monitors miss, and which. `freezes` says that it stops the server
    for a while. `client_comes_after` says that the client waits until the prober is
    done. `watched` is how many servers the check engine watches in this row, every `interval_s` seconds;
    with 0 the prober makes one round for each look. `witness` says that config.toml names the server's
    machine as the witness.
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
    client_comes_after: bool = False
    watched: int = 0
    interval_s: float = 1.0
    witness: bool = False

    @property
    def slow(self) -> float:
        """Our limit of a slow answer, in seconds: the usual one only where slowness is the subject.

        A server on a busy machine answers slowly, whatever the row does to it.
        """
        return 0.5 if any(look.verdict is Verdict.SLOW for look in self.looks) else SLOW_S

    @property
    def weight(self) -> float:
        """Its approximate duration in seconds."""
        dead = sum(look.verdict is Verdict.DATA_DEAD for look in self.looks)
        silent = sum(look.verdict is not Verdict.HEALTHY for look in self.looks)
        if self.watched:
            return sum(look.seconds for look in self.looks)
        soaks = 30 * sum(look.soak for look in self.looks)
        return soaks + self.patience.idle_s + 11 * (dead or not self.ping) + 3 * silent * self.timeout
