"""Sink for any other service, by the optional library apprise: `pip install 'wgmon-tui[alerts]'`.

The first message imports it, which takes 45 MB and a third of a second.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError
from wgmon_tui.alerts.rendering import plain, title
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alerting import Sink

_LOGGERS = ("apprise", "urllib3", "requests", "requests_oauthlib")


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Send through apprise. Raises RetryError, GiveUpError."""
    try:
        from apprise import Apprise
    except ImportError:
        raise RetryError("apprise is not installed: pip install 'wgmon-tui[alerts]', then restart") from None
    for name in _LOGGERS:
        # Their log lines may contain the URL, and appear on the screen if logging is not configured.
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # A new object each time: apprise delays the second message of an object by up to 5.5 s.
    service = Apprise()
    if not service.add(secrets["url"]):
        raise GiveUpError(
            "apprise does not accept the URL; for its format, see github.com/caronc/apprise/wiki"
        )
    if not service.notify(
        title=title(announcement), body=plain(announcement, headed=False), notify_type=_type(announcement)
    ):
        raise RetryError("apprise could not deliver it; for the reason, type `apprise -vv -b test URL`")


def _type(announcement: Announcement) -> str:
    """Return apprise's notification type."""
    if announcement.kind is AnnouncementKind.RECOVERED:
        return "success"
    if announcement.kind in (AnnouncementKind.TEST, AnnouncementKind.ACKNOWLEDGED):
        return "info"
    if announcement.kind is AnnouncementKind.EXPIRY:
        return "warning"
    return "warning" if announcement.severity is Severity.DEGRADED else "failure"
