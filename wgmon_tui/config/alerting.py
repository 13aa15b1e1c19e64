"""Who is told what, and when nobody is: what config.toml says of it (alerts_toml.py), as frozen records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from wgmon_tui.config.models import SecretSource

DAY_S = 86_400.0
VERDICTS = (
    "under-load", "slow", "lossy", "unproven", "inner-dead", "mtu-blackhole", "stuck-flow", "data-dead",
    "wrong-server-key", "peer-missing", "psk-mismatch", "port-closed", "unreachable", "silent",
    "regional", "not-wireguard", "dns-failure",
)  # fmt: skip
"""The slugs that an incident can have. This room knows nothing of verdicts; a test holds the two together."""

SEVERITIES = ("down", "degraded")

EVENTS = ("opened", "cause changed", "recovered", "acknowledged", "writer stopped")

DEFAULT_EVENTS = ("opened", "cause changed", "recovered", "acknowledged")
"""What a rule is about that says nothing of it."""


class SinkType(StrEnum):
    """The kinds of places that can be told."""

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
    """`ca_file` holds the certificate of whoever signed the other end's; "" where the system trusts them."""

    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Slack:
    """Its incoming webhook's address is all."""


@dataclass(frozen=True, slots=True)
class Telegram:
    """A chat's number or @name, the thread in it, and where the Bot API is."""

    chat: str
    thread: int | None = None
    api: str = "https://api.telegram.org"


@dataclass(frozen=True, slots=True)
class Discord:
    """Its webhook's address is all."""


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server and who writes to whom. `security` is "starttls", "tls" or "none"."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int
    security: str = "starttls"
    username: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """What is open is said again every so many seconds, with these labels beside our own."""

    every: float = 60.0
    username: str = ""
    ca_file: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Pinged every so many seconds while we check: whoever misses it raises the alarm."""

    every: float = 60.0
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments; it reads the announcement as JSON."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bell:
    """The terminal's bell; `desktop`: and a notification of the desktop, where there is one."""

    desktop: bool = True


@dataclass(frozen=True, slots=True)
class Apprise:
    """Any of apprise's services, by its URL."""


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
    """A place that can be told. `secrets` says where each of its secrets is to be had ("url", "password" …).

    An attempt may take `timeout` seconds; what has not arrived `give_up_after` seconds after it happened is
    given up.
    """

    name: str
    options: Options
    secrets: tuple[tuple[str, SecretSource], ...] = ()
    timeout: float = 10.0
    give_up_after: float = 3 * DAY_S

    @property
    def type(self) -> SinkType:
        """What kind of place it is."""
        return _TYPES[type(self.options)]

    @property
    def every(self) -> float | None:
        """How often it wants to hear what is the case, in seconds; None where only what happens."""
        options = self.options
        return options.every if isinstance(options, Alertmanager | Heartbeat) else None

    @property
    def is_event_driven(self) -> bool:
        """Whether it is told what happens; a heartbeat hears only that all goes on."""
        return not isinstance(self.options, Heartbeat)


@dataclass(frozen=True, slots=True)
class DailyWindow:
    """A stretch of each day, or of one day of the week, in local time, in minutes since midnight.

    Where it ends before it begins it goes on into the next day. `text` is as it was written.
    """

    begin: int
    end: int
    weekday: int | None
    text: str

    def covers(self, now: datetime) -> bool:
        """Whether a local time lies in it."""
        minute, day = now.hour * 60 + now.minute, now.weekday()
        today = self.weekday in (None, day)
        if self.begin < self.end:
            return today and self.begin <= minute < self.end
        yesterday = self.weekday in (None, (day - 1) % 7)
        return (today and minute >= self.begin) or (yesterday and minute < self.end)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which sinks are told of what. An empty tuple of tags, servers, severities or verdicts means all."""

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


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A time in which servers may fail without anybody being told: once, or every week."""

    name: str
    begin: float | None = None
    until: float | None = None
    weekly: tuple[DailyWindow, ...] = ()
    tags: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()

    def covers(self, server: str, server_tags: Iterable[str], now: float) -> bool:
        """Whether it is on for a server at a Unix time."""
        if not is_selected(server, server_tags, self.servers, self.tags):
            return False
        if self.begin is not None and self.until is not None:
            return self.begin <= now < self.until
        return any(span.covers(datetime.fromtimestamp(now)) for span in self.weekly)  # noqa: DTZ006  local time


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Everything in config.toml that is about telling people."""

    sinks: tuple[Sink, ...] = ()
    rules: tuple[Rule, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()

    @property
    def effective_rules(self) -> tuple[Rule, ...]:
        """The rules; where there are none, what is down, or was, goes everywhere."""
        everywhere = Rule(tuple(sink.name for sink in self.sinks), severities=("down",))
        return self.rules or (everywhere,)

    def sink(self, name: str) -> Sink | None:
        """The sink of that name."""
        return next((sink for sink in self.sinks if sink.name == name), None)


def is_selected(
    name: str, server_tags: Iterable[str], servers: tuple[str, ...], tags: tuple[str, ...]
) -> bool:
    """Whether a server is meant: by one of the names, which may hold * and ?, or by one of the tags.

    No names and no tags mean every server.
    """
    if not servers and not tags:
        return True
    return any(fnmatchcase(name, each) for each in servers) or bool(set(tags) & set(server_tags))
