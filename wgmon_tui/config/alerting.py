"""Alerting settings as frozen records: sinks, rules and maintenance windows. See alerting_toml.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeVar

from wgmon_tui.config.models import SecretSource
from wgmon_tui.records import dataclass

T = TypeVar("T")

DAY_S = 86_400.0
VERDICTS = (
    "under-load", "slow", "lossy", "unproven", "inner-dead", "mtu-blackhole", "tcp-stalls", "target-down",
    "forgotten", "stuck-flow", "address-dead", "data-dead", "dies-after", "wrong-server-key",
    "peer-missing", "wrong-parameters", "psk-mismatch", "auth-failed", "bad-certificate", "cipher-mismatch",
    "session-refused", "proxy-down", "api-failed", "backend-down", "says-connected", "port-closed",
    "unreachable", "silent", "regional", "not-wireguard", "wrong-protocol", "dns-failure",
)  # fmt: skip
"""The verdict slugs of incidents. `config` does not import verdicts; a test keeps the two in step."""

SEVERITIES = ("down", "degraded")

EVENTS = ("opened", "cause changed", "recovered", "acknowledged", "writer stopped")

DEFAULT_EVENTS = ("opened", "cause changed", "recovered", "acknowledged")
"""The events of a rule that names none."""


class SinkType(StrEnum):
    """The values of `type` of a `[[sink]]`."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TELEGRAM = "telegram"
    DISCORD = "discord"
    EMAIL = "email"
    ALERTMANAGER = "alertmanager"
    HEARTBEAT = "heartbeat"
    COMMAND = "command"
    BELL = "bell"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTP endpoint. `ca_file` has the certificate authority of the server; "" means the system's."""

    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Slack:
    """A Slack incoming webhook. Its URL is the only option."""


@dataclass(frozen=True, slots=True)
class Telegram:
    """A Telegram chat (number or @name), an optional thread, and the URL of the Bot API."""

    chat: str
    thread: int | None = None
    api: str = "https://api.telegram.org"


@dataclass(frozen=True, slots=True)
class Discord:
    """A Discord webhook. Its URL is the only option."""


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server, a sender and recipients. `security` is "starttls", "tls" or "none"."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int
    security: str = "starttls"
    username: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A Prometheus Alertmanager. Open incidents are sent every `every` seconds, with extra `labels`."""

    every: float = 60.0
    username: str = ""
    ca_file: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A dead man's switch, pinged every `every` seconds while checks run. It alerts when pings stop."""

    every: float = 60.0
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments. It reads the announcement as JSON."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bell:
    """The terminal bell; with `desktop`, also a desktop notification if available."""

    desktop: bool = True


@dataclass(frozen=True, slots=True)
class Apprise:
    """A service that apprise supports, by its URL."""


Options = Webhook | Slack | Telegram | Discord | Email | Alertmanager | Heartbeat | Command | Bell | Apprise

_TYPES: dict[type[Options], SinkType] = {
    Webhook: SinkType.WEBHOOK,
    Slack: SinkType.SLACK,
    Telegram: SinkType.TELEGRAM,
    Discord: SinkType.DISCORD,
    Email: SinkType.EMAIL,
    Alertmanager: SinkType.ALERTMANAGER,
    Heartbeat: SinkType.HEARTBEAT,
    Command: SinkType.COMMAND,
    Bell: SinkType.BELL,
    Apprise: SinkType.APPRISE,
}


@dataclass(frozen=True, slots=True)
class Sink:
    """A destination for messages. `secrets` has the source of each secret ("url", "password" …).

    An attempt may take `timeout` seconds. A message that is still undelivered `give_up_after` seconds after
    its event is given up.
    """

    name: str
    options: Options
    secrets: tuple[tuple[str, SecretSource], ...] = ()
    timeout: float = 10.0
    give_up_after: float = 3 * DAY_S

    @property
    def type(self) -> SinkType:
        """The type of this sink."""
        return _TYPES[type(self.options)]

    @property
    def every(self) -> float | None:
        """Seconds between periodic status messages; None for a sink that gets only events."""
        options = self.options
        return options.every if isinstance(options, Alertmanager | Heartbeat) else None

    @property
    def is_event_driven(self) -> bool:
        """Whether the sink gets events. A heartbeat gets only pings."""
        return not isinstance(self.options, Heartbeat)


def options_of(sink: Sink, kind: type[T]) -> T:
    """The options of a sink, for the code of its type. Raises TypeError for a sink of another type."""
    if not isinstance(sink.options, kind):
        raise TypeError(f"a sink of type {sink.type} has no {kind.__name__}")
    return sink.options


@dataclass(frozen=True, slots=True)
class DailyWindow:
    """A time span of each day, or of one weekday, in local time, in minutes since midnight.

    If it ends before it begins, it continues into the next day. `text` is the original text.
    """

    begin: int
    end: int
    weekday: int | None
    text: str

    def covers(self, now: datetime) -> bool:
        """Whether a local time is in the window."""
        minute, day = now.hour * 60 + now.minute, now.weekday()
        today = self.weekday in (None, day)
        if self.begin < self.end:
            return today and self.begin <= minute < self.end
        yesterday = self.weekday in (None, (day - 1) % 7)
        return (today and minute >= self.begin) or (yesterday and minute < self.end)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which sinks get which messages. An empty tuple of tags, servers, severities or verdicts means all."""

    sinks: tuple[str, ...]
    tags: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    events: tuple[str, ...] = DEFAULT_EVENTS
    quiet: tuple[DailyWindow, ...] = ()
    remind_every: float | None = None
    escalate_after: float | None = None
    escalate_to: tuple[str, ...] = ()
    expiry: tuple[float, ...] = (30 * DAY_S, 7 * DAY_S, DAY_S)
    """Seconds before the end of a certificate or key at which the sinks hear of it."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A maintenance window without messages: once, or every week."""

    name: str
    begin: float | None = None
    until: float | None = None
    weekly: tuple[DailyWindow, ...] = ()
    tags: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()

    def covers(self, server: str, server_tags: Iterable[str], now: float) -> bool:
        """Whether the window is active for a server at a Unix time."""
        if not is_selected(server, server_tags, self.servers, self.tags):
            return False
        if self.begin is not None and self.until is not None:
            return self.begin <= now < self.until
        return any(span.covers(datetime.fromtimestamp(now)) for span in self.weekly)  # noqa: DTZ006  local time


def is_selected(
    name: str, server_tags: Iterable[str], servers: tuple[str, ...], tags: tuple[str, ...]
) -> bool:
    """Whether a server matches one of the names, which may have * and ?, or one of the tags.

    No names and no tags mean every server.
    """
    if not servers and not tags:
        return True
    return any(fnmatchcase(name, each) for each in servers) or bool(set(tags) & set(server_tags))
