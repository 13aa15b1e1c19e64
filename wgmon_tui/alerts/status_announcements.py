"""Announcements about wgmon-tui itself or the current state: each has an id of its own."""

from __future__ import annotations

from secrets import token_hex

from wgmon_tui.alerts.models import (
    Announcement,
    AnnouncementKind,
    ExpiryNotice,
    IncidentSnapshot,
    ServerHeartbeat,
)
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import SinkType

Heartbeats = tuple[ServerHeartbeat, ...]


def announce_test(at: float, vantage: str, heartbeats: Heartbeats) -> Announcement:
    """Return a test message."""
    name = f"test-{token_hex(4)}"
    return Announcement(name, AnnouncementKind.TEST, at, vantage=vantage, heartbeats=heartbeats)


def announce_stop(at: float, vantage: str, note: str) -> Announcement:
    """Return "wgmon-tui has stopped"; with a note, that it did not check for a while."""
    return Announcement(f"stopped-{token_hex(4)}", AnnouncementKind.STOPPED, at, vantage=vantage, note=note)


def announce_heartbeat(at: float, vantage: str, heartbeats: Heartbeats) -> Announcement:
    """Return a sign of life with the current states."""
    name = f"beat-{token_hex(4)}"
    return Announcement(name, AnnouncementKind.BEAT, at, vantage=vantage, heartbeats=heartbeats)


def announce_firing(
    at: float,
    vantage: str,
    incidents: tuple[IncidentSnapshot, ...],
    expiries: tuple[ExpiryNotice, ...] = (),
) -> Announcement:
    """Return all open incidents, and all that ends soon."""
    name = f"firing-{token_hex(4)}"
    return Announcement(name, AnnouncementKind.FIRING, at, incidents, vantage=vantage, expiries=expiries)


def sinks_of_stop(alerts: AlertSettings, *, with_heartbeats: bool) -> list[str]:
    """Return the sinks to notify when checks stop: those of the rules, and the heartbeats if asked for."""
    sinks = dict.fromkeys(
        name
        for rule in alerts.effective_rules
        if AnnouncementKind.STOPPED in rule.events
        for name in rule.sinks
    )
    if with_heartbeats:
        sinks |= dict.fromkeys(sink.name for sink in alerts.sinks if sink.type is SinkType.HEARTBEAT)
    return list(sinks)
