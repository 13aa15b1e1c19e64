"""Any other service, by the optional library apprise: `pip install 'wgmon-tui[alerts]'`.

It is imported with the first message: that takes 45 MB and a third of a second.
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
    """Raises RetryError, GiveUpError."""
    try:
        from apprise import Apprise
    except ImportError:
        raise RetryError("apprise is not installed: pip install 'wgmon-tui[alerts]', then restart") from None
    for name in _LOGGERS:
        # What they log may hold the URL, and lands on the screen where nobody has set up logging.
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # A new object each time: an object that has sent waits up to 5.5 s before it sends again.
    service = Apprise()
    if not service.add(secrets["url"]):
        raise GiveUpError("apprise knows no such URL: see github.com/caronc/apprise/wiki for its form")
    if not service.notify(
        title=title(announcement), body=plain(announcement, headed=False), notify_type=_type(announcement)
    ):
        raise RetryError("apprise could not deliver it; `apprise -vv -b test URL` shows why")


def _type(announcement: Announcement) -> str:
    """One of apprise's four words."""
    if announcement.kind is AnnouncementKind.RECOVERED:
        return "success"
    if announcement.kind in (AnnouncementKind.TEST, AnnouncementKind.ACKNOWLEDGED):
        return "info"
    return "warning" if announcement.severity is Severity.DEGRADED else "failure"
