"""A prober that resolves a server's name and checks each address by itself. Protocols derive from it."""

from __future__ import annotations

import errno
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, NameUnresolved, SocketError
from wgmon_tui.checks.resolve_stage import resolve_stage
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.checks.stage import RESOLVE, Stage, StageOutcome
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.resolver import ResolutionError, Resolver


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """What to check at one address.

    `is_deep` and `may_experiment`: `deep` and `explain` of `check_all`. `soak` takes the progress of a soak;
    None without one.
    """

    target: Any
    address: Address
    is_deep: bool
    may_experiment: bool
    soak: Callable[[SoakProgress], None] | None = None

    @property
    def server(self) -> Server:
        """The server's entry."""
        server: Server = self.target.server
        return server


class AddressProber(ABC):
    """Write `check_address`. A prober with sockets of its own opens them in `open`."""

    def __init__(self, vantage: str = "local") -> None:
        self.vantage = vantage
        self._resolver = Resolver()

    @abstractmethod
    async def check_address(self, asked: AddressCheck) -> Check:
        """Check one address. An OSError says that this machine could not send."""

    def is_checked(self, target: Any, address: Address) -> bool:
        """Whether an address of the name is one that the target's clients use."""
        return True

    async def open(self) -> None:  # noqa: B027
        """Open nothing."""

    async def close(self) -> None:  # noqa: B027
        """Close nothing."""

    def restore(self, server: Server, checks: Sequence[Check]) -> None:  # noqa: B027
        """Restore nothing."""

    async def check_all(
        self,
        target: Any,
        *,
        deep: bool = False,
        explain: bool = False,
        soak: bool = False,
        on_soak: Callable[[SoakProgress], None] = ignore_progress,
    ) -> tuple[Check, ...]:
        """Check each address in turn. A protocol without a soak ignores `soak`."""
        server: Server = target.server
        began = time.monotonic()
        try:
            addresses = await self._resolver.resolve(server.endpoint, server.timeout)
        except ResolutionError as error:
            took = time.monotonic() - began
            failed = Stage(RESOLVE, StageOutcome.FAILED, took, str(error))
            check = self.make_check(server, None, NameUnresolved(server.endpoint.host, str(error)))
            return (replace(check, stages=(failed,)),)
        resolved = resolve_stage(self._resolver.last_lookup(server.endpoint.host), began)
        wanted = [each for each in addresses if self.is_checked(target, each)] or addresses
        progress = on_soak if soak else None
        checks = [await self._check(AddressCheck(target, each, deep, explain, progress)) for each in wanted]
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

    async def _check(self, asked: AddressCheck) -> Check:
        try:
            return await self.check_address(asked)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "EIO")
            return self.make_check(asked.server, asked.address, SocketError(0.0, name))
