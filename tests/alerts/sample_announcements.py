"""Sample announcements of every kind."""

from __future__ import annotations

from dataclasses import replace

from wgmon_tui.alerts.models import Announcement, AnnouncementKind, IncidentSnapshot
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.monitor.incidents import Incident

NOON = 1_795_348_800.0
"""2026-11-22 12:00:00 UTC."""

PUBLIC_KEY = "qRCwZSKInrMAq5sepfCdaCsRJaoLe5jhtzfiw7CjbwM="

SILENCE = Cause(
    "the server does not know our key",
    "WireGuard drops an unknown peer without a word",
    f"on the server: wg show wg0 peers — must list {PUBLIC_KEY}",
)


def incident(server: str = "fra1", verdict: Verdict = Verdict.SILENT, **other: object) -> Incident:
    base = Incident(
        f"id-of-{server}", server, "local", NOON - 30, verdict, verdict.severity, f"{server} gives no answer."
    )
    return replace(base, **other)  # type: ignore[arg-type]  # by name, and checked at run time


def snapshot(server: str = "fra1", verdict: Verdict = Verdict.SILENT, **other: object) -> IncidentSnapshot:
    base = IncidentSnapshot(
        incident(server, verdict),
        f"{server}.example.net:51820",
        "203.0.113.7",
        "bastion",
        ("eu", "edge"),
        ("no authentic answer within 5.00 s",),
        (SILENCE,),
    )
    return replace(base, **other)  # type: ignore[arg-type]  # by name, and checked at run time


def announcement(
    kind: AnnouncementKind = AnnouncementKind.OPENED, *about: IncidentSnapshot, **other: object
) -> Announcement:
    base = Announcement("announcement-1", kind, NOON, about or (snapshot(),), vantage="bastion1")
    return replace(base, **other)  # type: ignore[arg-type]  # by name, and checked at run time


def recovered(server: str = "fra1", note: str = "") -> Announcement:
    over = replace(incident(server), closed_at=NOON + 720)
    return announcement(AnnouncementKind.RECOVERED, snapshot(server, incident=over, note=note), at=NOON + 720)


def announcement_without_incident(kind: AnnouncementKind, note: str = "") -> Announcement:
    return Announcement("announcement-2", kind, NOON, vantage="bastion1", note=note)
