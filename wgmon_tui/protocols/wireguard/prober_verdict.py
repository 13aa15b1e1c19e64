"""Our own verdict on a server, as it is laid beside what kernels say of their handshakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Endpoint

SESSION_LIFETIME_S = 180.0
"""REJECT_AFTER_TIME: no session lives longer without a new handshake (whitepaper §6)."""


@dataclass(frozen=True, slots=True)
class ProberVerdict:
    """How our own checks find the server, and since when (Unix time in seconds).

    `by_endpoint` has the last round's verdict on each address that was asked.
    """

    verdict: Verdict
    since: float
    by_endpoint: Mapping[Endpoint, Verdict] = field(default_factory=dict)

    @property
    def checked_endpoints(self) -> tuple[Endpoint, ...]:
        """Every place where the server was looked for."""
        return tuple(self.by_endpoint)

    def verdict_at(self, endpoint: Endpoint | None) -> Verdict:
        """The verdict on one address; of one that was not asked, what stands for all."""
        return self.by_endpoint.get(endpoint, self.verdict) if endpoint else self.verdict

    def was_checked_only_elsewhere(self, endpoint: Endpoint) -> bool:
        """Whether it was looked for, and only in other places."""
        return bool(self.by_endpoint) and endpoint not in self.by_endpoint


def make_prober_verdict(
    verdict: Verdict, since: float, judged_checks: Iterable[tuple[Check, Verdict]] = ()
) -> ProberVerdict:
    """The verdict that stands for the server, and a round's checks with what each means."""
    by_endpoint = {
        Endpoint(str(check.address), check.endpoint.port): meaning
        for check, meaning in judged_checks
        if check.address
    }
    return ProberVerdict(verdict, since, by_endpoint)
