"""Sink for Prometheus Alertmanager, API v2: one alert per incident, with constant labels.

Alertmanager resolves an alert at its endsAt. While an incident is open, endsAt is in the future, and each
repetition moves it on. When the incident closes, endsAt is its end.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping

from wgmon_tui.alerts.http_client import JSON_HEADERS, json_body, post, refusal
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, ExpiryNotice, IncidentSnapshot
from wgmon_tui.alerts.rendering import brief, describe_expiry, expiry_command, safe, title
from wgmon_tui.config.alerting import Alertmanager, Sink, options_of
from wgmon_tui.text import format_iso_time

_PATH = "/api/v2/alerts"
_HELD_AT_LEAST_S = 300.0
_MISSED = 4
"""Number of repetitions that may be lost before Alertmanager resolves an alert."""


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Post the alerts. Raises RetryError, GiveUpError."""
    options = options_of(sink, Alertmanager)
    until = time.time() + max(_HELD_AT_LEAST_S, _MISSED * options.every)
    alerts = [_of_incident(options, snapshot, until) for snapshot in announcement.about]
    alerts += [_of_expiry(options, announcement, each, until) for each in announcement.expiries]
    if announcement.kind in _WGMON_ALERT_NAMES:
        alerts.append(_wgmon_alert(options, announcement, until))
    if not alerts:
        return
    headers = {**JSON_HEADERS, **_authorization(options, secrets)}
    url = _address(secrets["url"])
    answer = post(url, json_body(alerts), headers, limit_s=sink.timeout, ca_file=options.ca_file or None)
    if not answer.is_accepted:
        raise refusal(answer)


def _of_incident(options: Alertmanager, snapshot: IncidentSnapshot, until: float) -> dict[str, object]:
    """Return the alert of an incident.

    What may change, including verdict and severity, is an annotation: a new label means a new alert.
    """
    incident = snapshot.incident
    labels = {"alertname": "WireGuardServer", "server": incident.server, "vantage": incident.vantage}
    if snapshot.tags:
        labels["tags"] = f",{','.join(snapshot.tags)},"  # so that =~".*,eu,.*" matches a whole tag
    annotations = {
        "summary": f"{incident.server} is {incident.severity.word}: {incident.verdict.slug}",
        "description": brief(incident.summary),
        "verdict": incident.verdict.slug,
        "severity": incident.severity.word,
        "incident": incident.id,
        "endpoint": snapshot.endpoint,
    }
    if snapshot.evidence:
        annotations["evidence"] = "; ".join(safe(each) for each in snapshot.evidence)
    if snapshot.causes:
        annotations["next"] = safe(snapshot.causes[0].fix)
    if incident.acknowledged_by:
        annotations["acknowledged_by"] = safe(incident.acknowledged_by)
    ends = until if incident.closed_at is None else max(incident.opened_at, incident.closed_at)
    return _alert({**labels, **dict(options.labels)}, annotations, incident.opened_at, ends)


def _of_expiry(
    options: Alertmanager, announcement: Announcement, notice: ExpiryNotice, until: float
) -> dict[str, object]:
    """Return the alert of what expires soon. It resolves once it is not repeated: the date has moved."""
    labels = {
        "alertname": "WgmonExpiry",
        "server": notice.server,
        "what": notice.what,
        "name": notice.name,
        "vantage": announcement.vantage,
    }
    annotations = {
        "summary": describe_expiry(notice, announcement.at),
        "ends_at": format_iso_time(notice.at),
        "next": expiry_command([notice.server]),
    }
    return _alert({**labels, **dict(options.labels)}, annotations, announcement.at, until)


_WGMON_ALERT_NAMES = {AnnouncementKind.TEST: "WgmonTest", AnnouncementKind.STOPPED: "WgmonStopped"}


def _wgmon_alert(options: Alertmanager, announcement: Announcement, until: float) -> dict[str, object]:
    """Return an alert about wgmon-tui. It is never resolved explicitly: it ends at `until`."""
    labels = {"alertname": _WGMON_ALERT_NAMES[announcement.kind], "vantage": announcement.vantage}
    said = {"summary": title(announcement)}
    return _alert({**labels, **dict(options.labels)}, said, announcement.at, until)


def _alert(labels: dict[str, str], said: dict[str, str], begins: float, ends: float) -> dict[str, object]:
    return {
        "labels": labels,
        "annotations": said,
        "startsAt": format_iso_time(begins),
        "endsAt": format_iso_time(ends),
    }


def _authorization(options: Alertmanager, secrets: Mapping[str, str]) -> dict[str, str]:
    if "token" in secrets:
        return {"Authorization": f"Bearer {secrets['token']}"}
    if options.username:
        pair = f"{options.username}:{secrets.get('password', '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _address(url: str) -> str:
    """Return the API's URL below the URL of Alertmanager's own pages."""
    return url if url.endswith(_PATH) else url.rstrip("/") + _PATH
