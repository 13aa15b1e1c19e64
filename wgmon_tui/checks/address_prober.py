"""A prober that resolves a server's name and checks each address by itself. Protocols derive from it."""

from __future__ import annotations

import errno
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, NameUnresolved, SocketError
from wgmon_tui.checks.loop_lag import LoopLag
from wgmon_tui.checks.protocol import ProtocolTarget
from wgmon_tui.checks.resolve_stage import resolve_stage
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.checks.stage import RESOLVE, Stage, StageOutcome
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.resolver import ResolutionError, Resolver

T = TypeVar("T", bound=ProtocolTarget)


@dataclass(frozen=True, slots=True)
class AddressCheck(Generic[T]):
    """What to check at one address.

    `is_deep` and `may_experiment`: `deep` and `explain` of `check_all`. `soak` takes the progress of a soak;
    None without one.
    """

    target: T
    address: Address
    is_deep: bool
    may_experiment: bool
    soak: Callable[[SoakProgress], None] | None = None

    @property
    def server(self) -> Server:
        """The server's entry."""
        return self.target.server


class AddressProber(ABC, Generic[T]):
    """Write `check_address`. A prober with sockets of its own opens them in `open`."""

    def __init__(self, vantage: str = "local") -> None:
        self.vantage = vantage
        self._resolver = Resolver()
        self._loop_lag = LoopLag()

    @abstractmethod
    async def check_address(self, asked: AddressCheck[T]) -> Check:
        """Check one address. An OSError says that this machine could not send."""

    def is_checked(self, target: T, address: Address) -> bool:
        """Whether an address of the name is one that the target's clients use."""
        return True

    async def open(self) -> None:
        """Open nothing."""

    async def close(self) -> None:
        """Close nothing."""

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Restore nothing."""

    async def check_all(
        self,
        target: T,
        *,
        deep: bool = False,
        explain: bool = False,
        soak: bool = False,
        on_soak: Callable[[SoakProgress], None] = ignore_progress,
    ) -> tuple[Check, ...]:
        """Check each address in turn. A protocol without a soak ignores `soak`."""
        with self._loop_lag.running():
            return await self._check_addresses(target, deep, explain, on_soak if soak else None)

    async def _check_addresses(
        self, target: T, deep: bool, explain: bool, progress: Callable[[SoakProgress], None] | None
    ) -> tuple[Check, ...]:
        server = target.server
        began = time.monotonic()
        try:
            addresses = await self._resolver.resolve(server.endpoint, server.timeout)
        except ResolutionError as error:
            took = time.monotonic() - began
            failed = Stage(RESOLVE, StageOutcome.FAILED, took, str(error))
            check = self.make_check(server, None, NameUnresolved(server.endpoint.host, str(error)))
            check = self._with_starvation(check, began) if error.is_by_time else check
            return (replace(check, stages=(failed,)),)
        resolved = resolve_stage(self._resolver.last_lookup(server.endpoint.host), began)
        wanted = [each for each in addresses if self.is_checked(target, each)] or addresses
        checks = []
        for each in wanted:
            asked = AddressCheck(target, each, deep, explain, progress)
            checks.append(await self._observe(server, each, self.check_address(asked)))
        return tuple(replace(each, stages=(resolved, *each.stages)) for each in checks)

    def make_check(self, server: Server, address: Address | None, *evidence: Evidence) -> Check:
        """A check that starts now and has no answer yet."""
        return Check(
            server.name,
            self.vantage,
            server.endpoint,
            address,
            time.time(),
            None,
            evidence,
            protocol=server.protocol,
        )

    async def _observe(
        self, server: Server, address: Address | None, checking: Coroutine[Any, Any, Check]
    ) -> Check:
        """Run a check, and add what this machine did to it: that it could not send, or had no time."""
        with self._loop_lag.running():
            began = time.monotonic()
            try:
                check = await checking
            except OSError as error:
                name = errno.errorcode.get(error.errno or 0, "EIO")
                check = self.make_check(server, address, SocketError(0.0, name))
            return self._with_starvation(check, began)

    def _is_starved(self, since: float) -> bool:
        """Whether this process waited too long for the processor since a monotonic time.

        What failed by time then must not be remembered beyond its check.
        """
        return self._loop_lag.find_starvation(since) is not None

    def _with_starvation(self, check: Check, began: float) -> Check:
        """The check with the evidence that this process had no processor since a monotonic time, if so."""
        starved = self._loop_lag.find_starvation(began)
        return replace(check, evidence=(*check.evidence, starved)) if starved else check
