"""Announcements that stand in the golden file, one of every kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.golden import GoldenFile
from tests.store.golden.examples import MATTERS
from tests.store.golden.rounds import AT
from wgmon_tui.alerts import delivery_queue
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, ExpiryNotice, ServerHeartbeat
from wgmon_tui.checks.verdict import Severity

HELD = replace(MATTERS[0], suppressed_by="muted by ada until 14:00")

ANNOUNCEMENTS = (
    *(Announcement(f"9f-{kind.value}", kind, AT) for kind in tuple(AnnouncementKind)[:10]),
    Announcement(
        "9f-opened-2",
        AnnouncementKind.OPENED,
        AT,
        (HELD, MATTERS[1]),
        "the address 198.51.100.7",
        "here",
        12.5,
        "nobody checked for an hour",
        tuple(ServerHeartbeat("fra1", severity) for severity in Severity),
    ),
    Announcement(
        "9f-expiry",
        AnnouncementKind.EXPIRY,
        AT,
        vantage="here",
        expiries=(
            ExpiryNotice("fra1", "server certificate", "vpn.example.net", AT + 86_400.0),
            ExpiryNotice("office", "API key", "", AT + 604_800.0),
        ),
    ),
)

FILES = (
    GoldenFile(
        Path(__file__).with_name("announcements.jsonl"),
        ANNOUNCEMENTS,
        delivery_queue.to_json,
        delivery_queue.announcement_of,
    ),
)
