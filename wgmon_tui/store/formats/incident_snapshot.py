"""Snapshot of server and last check attached to an incident notification."""

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
    """Result of one vantage at the time of the snapshot."""

    vantage: str
    severity: Severity
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class IncidentSnapshot:
    """An incident, with the result of the last check of its server. It contains no secrets.

    `evidence` are short phrases; `causes` are ranked, the likeliest first. `fix` of the first cause is what
    to type next. `who` triggered the event, if a person did. `note` is that person's text, or the reason why
    an incident ended without a recovery ("paused", "left servers.toml").
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
    """Why the notification is late: "muted by ada until 14:00", "quiet hours 22:00-07:00"."""
    vantage_verdicts: tuple[VantageVerdict, ...] = ()
    """Result of each vantage with a view of the server; empty if only the local vantage checks it."""
    possible_causes: int = 0
    """How many causes were possible if `causes` holds only the likeliest of them, else 0."""

    @property
    def duration(self) -> float | None:
        """Return how long the incident lasted in seconds; None while it is open."""
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
                "possible_causes": "possible_causes",
            },
            sparse=frozenset({"possible_causes"}),
        ),
        VantageVerdict: StoredRecord({"vantage": "vantage", "severity": "severity", "verdict": "verdict"}),
    },
    {},
)
"""Stored names of a snapshot and everything it contains. The right side never changes: see stored_names.py.
"""


def snapshot_of(server_state: ServerState, event: IncidentEvent) -> IncidentSnapshot:
    """Build the snapshot for an incident event of a server."""
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
        possible_causes=len(diagnosis.causes) if diagnosis and len(diagnosis.causes) > _MOST_CAUSES else 0,
    )


def to_json(snapshot: IncidentSnapshot) -> str:
    """Encode as stored. Text from people and other programs may contain lone surrogates."""
    write, _ = codec_of(IncidentSnapshot, SNAPSHOT_NAMES)
    text = json.dumps(write(replace(snapshot, suppressed_by="")), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def from_json(text: str) -> IncidentSnapshot | None:
    """Decode; None if another version wrote something that this version cannot read."""
    _, read = codec_of(IncidentSnapshot, SNAPSHOT_NAMES)
    try:
        snapshot = read(json.loads(text))
    except (ValueError, RecursionError, UnreadableValueError):
        return None
    return snapshot if isinstance(snapshot, IncidentSnapshot) else None
