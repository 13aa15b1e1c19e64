"""Current state of one server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.damping import Damping, DampingRules, settling_progress
from wgmon_tui.monitor.freshness import LastCheck
from wgmon_tui.monitor.incidents import Incident, IncidentEvent
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import QuorumResult, VantageState, view_of
from wgmon_tui.monitor.regional import VantageView
from wgmon_tui.monitor.rtt_window import RttWindow
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.checks.check import Check
    from wgmon_tui.checks.evidence import Evidence
    from wgmon_tui.checks.expiry import Expires
    from wgmon_tui.checks.protocol import ProtocolTarget
    from wgmon_tui.monitor.loss_window import LossesByAddress
    from wgmon_tui.monitor.node_reports import NodeReport

NO_CARRIED_EVIDENCE: Mapping[Address | None, tuple[Evidence, ...]] = {}
NO_VANTAGE_STATES: Mapping[str, VantageState] = {}
"""Shared by all servers without any; a `MappingProxyType` could not be copied with its state."""


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """When a server last answered an initiation (Unix time), and the target of that check, for its keys."""

    at: float
    target: ProtocolTarget = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReportedPresence:
    """Whether a control plane reports a node as online; None if it says neither.

    It counts until a Unix time.
    """

    online: bool | None
    valid_until: float


@dataclass(slots=True)
class ServerState:
    """Current state of one server.

    `severity` is the one to show: the damped one, unless the server is paused, the last check had an unknown
    outcome, or the data is stale. `since` is the Unix time at which `known_severity` last changed.
    `carried_evidence` is the evidence, by address, that holds longer than one check, and `losses` what the
    last checks of an address lost.

    `last_check` is the last check of any kind. If it is too old, `stale_age` is its age in seconds, rounded
    down, and `severity_before` the severity from before that.

    `damping_when_heard` is the damping state when the server last answered. If the local uplink is to blame,
    what was counted after that is undone.

    `verdict` replaces `last` when another process made the last check. `uptime` is the share of the last 24
    hours, `paused_by` who asked for the pause, `paused_until` the Unix time when it ends by itself. No alert
    is sent for a server that is `muted_until` a Unix time (`inf`: until unmuted), or while `maintenance`
    names an active maintenance window.

    `last` and everything derived from it are of the local vantage. The reports of other vantages are in
    `vantage_states`, and what all agree on in `quorum_result`, None if no other vantage checks the server.
    """

    server: Server
    severity: Severity = Severity.UNKNOWN
    since: float | None = None
    damping: Damping = field(default_factory=Damping)
    damping_when_heard: Damping = field(default_factory=Damping)
    incident: Incident | None = None
    last: Round | None = None
    verdict: Verdict | None = None
    last_good: Check | None = None
    last_answer: LastAnswer | None = None
    port_monitor: str | None = None
    port_monitor_at: float | None = None
    """Unix time of the naive port check; None if that is not known."""
    last_check: LastCheck | None = None
    stale_age: float | None = None
    severity_before: Severity | None = None
    carried_evidence: Mapping[Address | None, tuple[Evidence, ...]] = field(
        default_factory=lambda: NO_CARRIED_EVIDENCE
    )
    losses: LossesByAddress = ()
    expiries: tuple[Expires, ...] = ()
    """Until when certificates and keys are valid, the first to end first."""
    node_report: NodeReport | None = None
    """What a control plane last reported of its nodes; None for other servers."""
    presence: ReportedPresence | None = None
    """What a control plane last reported of this node; None for servers that no rule selected."""
    samples: RttWindow = field(default_factory=RttWindow)
    uptime: float | None = None
    paused: bool = False
    paused_by: str = ""
    paused_until: float | None = None
    muted_until: float | None = None
    muted_by: str = ""
    maintenance: str | None = None
    vantage_states: Mapping[str, VantageState] = field(default_factory=lambda: NO_VANTAGE_STATES)
    quorum_result: QuorumResult | None = None
    version: int = 0

    @property
    def is_stale(self) -> bool:
        """Return whether the last check is so old that the server counts as unknown."""
        return self.stale_age is not None

    @property
    def known_severity(self) -> Severity:
        """Return the severity by the last check, whatever its age."""
        return self.severity if self.severity_before is None else self.severity_before

    @property
    def shown_since(self) -> float | None:
        """Return the Unix time since which `severity` holds; for stale data that of the last check."""
        return self.last_check.at if self.is_stale and self.last_check else self.since

    def mark_stale(self, age: float) -> None:
        """Mark the data as stale: the server counts as unknown."""
        self.severity_before = self.known_severity
        self.severity, self.stale_age = Severity.UNKNOWN, age

    def mark_fresh(self) -> None:
        """Show the severity by the last check again."""
        self.severity, self.severity_before, self.stale_age = self.known_severity, None, None

    @property
    def flapping(self) -> bool:
        """Return whether it changed state so often recently that it does not count as up."""
        return (self.quorum_result or self.damping).flapping and not self.paused

    @property
    def progress(self) -> tuple[int, int] | None:
        """If the last checks disagree with the state: return how many do, and how many change it."""
        if self.paused or (self.last and self.last.diagnosis.verdict.severity is Severity.UNKNOWN):
            return None
        if self.quorum_result and self.quorum_result.source != self.home:
            return None
        return settling_progress(self.damping, DampingRules.of(self.server))

    @property
    def rtt(self) -> float | None:
        """Return the round-trip time of the last check in seconds; None if it was lost or there is none yet.

        If another process made that check, its sample is used.
        """
        if self.last is None:
            return next(iter(self.samples.recent(1)), None)
        measured = self.last.measured_check.handshake
        return measured.rtt if measured else None

    @property
    def diagnosis(self) -> Diagnosis | None:
        """Return the diagnosis of the last checks, all vantages combined; None before the first."""
        if self.quorum_result:
            return self.quorum_result.diagnosis
        return self.last.diagnosis if self.last else None

    @property
    def home(self) -> str:
        """Return the name of the local vantage."""
        return self.last.check.vantage if self.last else LOCAL_VANTAGE

    @property
    def views(self) -> tuple[VantageView, ...]:
        """Return the view of each vantage that has one, the local vantage first."""
        home = self._home_view()
        others = (
            view for name in sorted(self.vantage_states) if (view := view_of(self.vantage_states[name]))
        )
        return (home, *others) if home else tuple(others)

    @property
    def own_severity(self) -> Severity:
        """Return the severity by local checks alone."""
        if self.paused or self.is_stale or not self.vantage_states:
            return self.severity
        home = self._home_view()
        return home.settled if home else Severity.UNKNOWN

    def _home_view(self) -> VantageView | None:
        settled, verdict = self.damping.severity, self.last.diagnosis.verdict if self.last else self.verdict
        if self.paused or settled is None or verdict is None or verdict.severity is Severity.UNKNOWN:
            return None
        check = self.last.check if self.last else None
        return VantageView(
            vantage=self.home,
            settled=settled,
            diagnosis=self.last.diagnosis if self.last else Diagnosis(verdict, verdict.meaning),
            flapping=self.damping.flapping,
            address=check.address if check else None,
            public_key=check.probed_as.public_key if check and check.probed_as else None,
            has_answered=self.last_good is not None or (self.samples.loss() or 0.0) < 1.0,
        )

    @property
    def verdict_severity(self) -> Severity | None:
        """Return the severity of the last verdict, which may differ from the damped state."""
        verdict = self.diagnosis.verdict if self.diagnosis else self.verdict
        return verdict.severity if verdict else None

    @property
    def status_word(self) -> str:
        """Return the verdict's slug, or a replacement before the first check and while paused."""
        if self.paused:
            return "paused"
        verdict = self.diagnosis.verdict if self.diagnosis else self.verdict
        return verdict.slug if verdict else "waiting"


@dataclass(frozen=True, slots=True)
class VantageChange:
    """A server for which the reports of some `vantages` expired or were dropped.

    `changed` means that its severity or incident changed; `events` are the resulting incident events.
    """

    server_state: ServerState
    vantages: tuple[str, ...]
    changed: bool
    events: tuple[IncidentEvent, ...]
