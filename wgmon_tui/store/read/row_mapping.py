"""Conversion of rows of the store to records. Unknown values of another version give None, never an error."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Literal

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.net.addresses import Address
from wgmon_tui.store.models import (
    ExchangeSummary,
    StoredCheck,
    TimelinePoint,
    severity_of,
    state_of,
    verdict_of,
)
from wgmon_tui.store.replaced_values import note_replaced, optional_time_of, seconds_of, time_of


@lru_cache(65_536)
def address_of(text: str) -> Address:
    """Parse an address. Cached, because the same ones come by the thousand. Raises ValueError."""
    return ip_address(text)


def optional_address_of(text: str | None) -> Address | None:
    """Parse a stored address; None if there is none or it cannot be read."""
    if not text:
        return None
    try:
        return address_of(text)
    except ValueError:
        note_replaced()
        return None


def stored_verdict_of(slug: str | None) -> Verdict | None:
    """Return the verdict of a stored slug; None if there is none, or this version cannot read it."""
    known = verdict_of(slug)
    if known is None and slug:
        note_replaced()
    return known


def timeline_point_of(
    state: str,
    at: float,
    address: str | None,
    vantage: str,
    verdict: str | None,
    is_deciding: int,
    rtt: float | None,
    tunnel_sent: int | None,
    tunnel_received: int | None,
    tunnel_rtt: float | None,
) -> TimelinePoint:
    """Convert a row of the journal."""
    known, at = stored_verdict_of(verdict), time_of(at)
    if known is None:
        return TimelinePoint(at, state_of(state))
    check = StoredCheck(
        at,
        optional_address_of(address),
        vantage,
        known,
        bool(is_deciding),
        seconds_of(rtt),
        tunnel_sent,
        tunnel_received,
        seconds_of(tunnel_rtt),
    )
    return TimelinePoint(at, state_of(state), check)


def exchange_summary_of(
    number: int,
    server: str,
    at: float,
    kind: Literal["change", "failure", "good"],
    verdict: str,
    incident: str | None,
    vantage: str,
) -> ExchangeSummary | None:
    """Convert a row of `exchanges`, without its packets."""
    known = stored_verdict_of(verdict)
    return ExchangeSummary(number, server, time_of(at), kind, known, incident, vantage) if known else None


def incident_of(
    number: str,
    server: str,
    vantage: str,
    opened_at: float,
    verdict: str,
    severity: str,
    summary: str,
    closed_at: float | None,
    flapping: int,
    acknowledged_at: float | None,
    acknowledged_by: str,
) -> Incident | None:
    """Convert a row of `incidents`."""
    known, worst = stored_verdict_of(verdict), severity_of(severity)
    if known is None or worst is None:
        return None
    return Incident(
        number,
        server,
        vantage,
        time_of(opened_at),
        known,
        worst,
        summary,
        optional_time_of(closed_at),
        bool(flapping),
        optional_time_of(acknowledged_at),
        acknowledged_by,
    )
