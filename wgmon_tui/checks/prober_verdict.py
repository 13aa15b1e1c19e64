"""The prober's verdict on a server, for comparison with what an interface reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class ProberVerdict:
    """The prober's verdict on a server, and since when (Unix time in seconds).

    `by_endpoint` maps each address checked in the last round to its verdict.
    """

    verdict: Verdict
    since: float
    by_endpoint: Mapping[Endpoint, Verdict] = field(default_factory=dict)

    @property
    def checked_endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints checked in the last round."""
        return tuple(self.by_endpoint)

    def verdict_at(self, endpoint: Endpoint | None) -> Verdict:
        """The verdict on one endpoint; the server's verdict if that endpoint was not checked."""
        return self.by_endpoint.get(endpoint, self.verdict) if endpoint else self.verdict

    def was_checked_only_elsewhere(self, endpoint: Endpoint) -> bool:
        """Whether the last round checked only other endpoints."""
        return bool(self.by_endpoint) and endpoint not in self.by_endpoint


def make_prober_verdict(
    verdict: Verdict, since: float, judged_checks: Iterable[tuple[Check, Verdict]] = ()
) -> ProberVerdict:
    """Build a ProberVerdict from the server's verdict and a round's checks with their verdicts."""
    by_endpoint = {
        Endpoint(str(check.address), check.endpoint.port): meaning
        for check, meaning in judged_checks
        if check.address
    }
    return ProberVerdict(verdict, since, by_endpoint)
