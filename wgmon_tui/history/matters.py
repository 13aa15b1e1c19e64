"""What is told of an incident beside itself: where its server is, and what the last check found."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from wgmon_tui.diagnosis.verdict import Cause, Severity, Verdict
from wgmon_tui.history.codec import ForeignError, form_of
from wgmon_tui.history.stored_names import STORED_NAMES, StoredNames, StoredRecord
from wgmon_tui.monitor.board import Row
from wgmon_tui.monitor.incidents import Event, Incident

_MOST_EVIDENCE = 4
_MOST_CAUSES = 3


@dataclass(frozen=True, slots=True)
class SeenBy:
    """What a vantage said of the server then."""

    vantage: str
    severity: Severity
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Matter:
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
    held_back: str = ""
    """Why it is told only now: "muted by ada until 14:00", "quiet hours 22:00-07:00"."""
    seen_from: tuple[SeenBy, ...] = ()
    """What each vantage says that sees the server; nothing where only we look at it."""

    @property
    def duration(self) -> float | None:
        """How long it lasted in seconds; None while it lasts."""
        incident = self.incident
        return None if incident.closed_at is None else max(0.0, incident.closed_at - incident.opened_at)


MATTER_NAMES = STORED_NAMES | StoredNames(
    {
        Matter: StoredRecord(
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
                "held_back": "held_back",
                "seen_from": "seen_from",
            }
        ),
        SeenBy: StoredRecord({"vantage": "vantage", "severity": "severity", "verdict": "verdict"}),
    },
    {},
)
"""The stored names of a matter and all that it contains. The right side never changes: stored_names.py."""


def matter_of(row: Row, event: Event) -> Matter:
    """What is to be told of something that happened to an incident of this row."""
    server, found, diagnosis = row.server, row.last, row.diagnosis
    views = row.views if row.agreed else ()
    return Matter(
        event.incident,
        str(server.endpoint),
        str(found.check.address) if found and found.check.address else None,
        server.identity,
        server.tags,
        diagnosis.evidence[:_MOST_EVIDENCE] if diagnosis else (),
        diagnosis.causes[:_MOST_CAUSES] if diagnosis else (),
        event.who,
        event.note,
        seen_from=tuple(SeenBy(each.vantage, each.settled, each.diagnosis.verdict) for each in views),
    )


def to_json(matter: Matter) -> str:
    """As it is stored. What people and other programs say may hold halves of characters."""
    write, _ = form_of(Matter, MATTER_NAMES)
    text = json.dumps(write(replace(matter, held_back="")), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def from_json(text: str) -> Matter | None:
    """None for what another version wrote and we cannot read."""
    _, read = form_of(Matter, MATTER_NAMES)
    try:
        matter = read(json.loads(text))
    except (ValueError, RecursionError, ForeignError):
        return None
    return matter if isinstance(matter, Matter) else None
