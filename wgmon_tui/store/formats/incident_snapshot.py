"""What is told of an incident beside itself: where its server is, and what the last check found."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from wgmon_tui.checks.verdict import Cause, Severity, Verdict
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.incidents import Incident, IncidentEvent
from wgmon_tui.store.formats.record_codec import UnreadableValueError, codec_of
from wgmon_tui.store.formats.stored_names import STORED_NAMES, StoredNames, StoredRecord

_MOST_EVIDENCE = 4
_MOST_CAUSES = 3


@dataclass(frozen=True, slots=True)
class VantageVerdict:
    """What a vantage said of the server then."""

    vantage: str
    severity: Severity
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class IncidentSnapshot:
    """One incident, with what the last check of its server found. Nothing in it is secret.

    `evidence` are short phrases, `causes` the likeliest first; `fix` of the first is what to type next.
    `who` did what it is told for, where somebody did; `note` is what they said, or why an incident ended
    without the server's coming up ("paused", "left servers.toml").
    """

    incident: Incident
    endpoint: str
    address: str | None = None
    identity: str = ""
    tags: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    who: str = ""
    note: str = ""
    suppressed_by: str = ""
    """Why it is told only now: "muted by ada until 14:00", "quiet hours 22:00-07:00"."""
    vantage_verdicts: tuple[VantageVerdict, ...] = ()
    """What each vantage says that sees the server; nothing where only we look at it."""

    @property
    def duration(self) -> float | None:
        """How long it lasted in seconds; None while it lasts."""
        incident = self.incident
        return None if incident.closed_at is None else max(0.0, incident.closed_at - incident.opened_at)


SNAPSHOT_NAMES = STORED_NAMES | StoredNames(
    {
        IncidentSnapshot: StoredRecord(
            {
                "incident": "incident",
                "endpoint": "endpoint",
                "address": "address",
                "identity": "identity",
                "tags": "tags",
                "evidence": "evidence",
                "causes": "causes",
                "who": "who",
                "note": "note",
                "suppressed_by": "held_back",
                "vantage_verdicts": "seen_from",
            }
        ),
        VantageVerdict: StoredRecord({"vantage": "vantage", "severity": "severity", "verdict": "verdict"}),
    },
    {},
)
"""The stored names of a matter and all that it contains. The right side never changes: stored_names.py."""


def snapshot_of(server_state: ServerState, event: IncidentEvent) -> IncidentSnapshot:
    """What is to be told of something that happened to an incident of this row."""
    server, found, diagnosis = server_state.server, server_state.last, server_state.diagnosis
    views = server_state.views if server_state.quorum_result else ()
    return IncidentSnapshot(
        event.incident,
        str(server.endpoint),
        str(found.check.address) if found and found.check.address else None,
        server.identity,
        server.tags,
        diagnosis.evidence[:_MOST_EVIDENCE] if diagnosis else (),
        diagnosis.causes[:_MOST_CAUSES] if diagnosis else (),
        event.who,
        event.note,
        vantage_verdicts=tuple(
            VantageVerdict(each.vantage, each.settled, each.diagnosis.verdict) for each in views
        ),
    )


def to_json(snapshot: IncidentSnapshot) -> str:
    """As it is stored. What people and other programs say may hold halves of characters."""
    write, _ = codec_of(IncidentSnapshot, SNAPSHOT_NAMES)
    text = json.dumps(write(replace(snapshot, suppressed_by="")), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def from_json(text: str) -> IncidentSnapshot | None:
    """None for what another version wrote and we cannot read."""
    _, read = codec_of(IncidentSnapshot, SNAPSHOT_NAMES)
    try:
        snapshot = read(json.loads(text))
    except (ValueError, RecursionError, UnreadableValueError):
        return None
    return snapshot if isinstance(snapshot, IncidentSnapshot) else None
