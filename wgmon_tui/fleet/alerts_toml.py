"""`[[sink]]`, `[[rule]]` and `[[maintenance]]` of config.toml: who is told what, and when. Read strictly.

[[sink]]
name = "pager"
type = "webhook"                  # webhook, slack, telegram, discord, email, alertmanager, heartbeat …
url_file = "pager.url"            # a secret, in the same forms as a private key

[[rule]]
sinks = ["pager"]
tags = ["edge"]                   # any of them; also servers = ["fra*"], severities, verdicts, events
quiet = ["22:00-07:00"]           # local time; what happens then is told at its end, if it still is so
remind_every = "4h"
escalate_after = "15m"
escalate_to = ["boss"]

[[maintenance]]
name = "patch night"
weekly = ["tue 02:00-04:00"]      # or from = 2026-12-01T02:00:00 and until = …
tags = ["edge"]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from wgmon_tui.fleet.alert_settings import (
    DAY_S,
    EVENTS,
    SEVERITIES,
    USUAL_EVENTS,
    VERDICTS,
    Alertmanager,
    Alerts,
    Apprise,
    Bell,
    Command,
    Discord,
    Email,
    Heartbeat,
    Maintenance,
    Options,
    Rule,
    Sink,
    SinkType,
    Slack,
    Span,
    Telegram,
    Webhook,
)
from wgmon_tui.fleet.secret_sources import read_text_secret, secret_keys
from wgmon_tui.fleet.tables import (
    Table,
    as_boolean,
    as_command,
    as_integer,
    as_list,
    as_name,
    as_parsed,
    as_seconds,
    as_table,
    as_tables,
    as_text,
    describe,
)
from wgmon_tui.fleet.values import InvalidValueError, parse_name, parse_text, quoted

ALERT_KEYS = ("sink", "rule", "maintenance")

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(?:([a-z]{3}) )?([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_MAILBOX = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")

_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURSELVES = ("localhost", "127.0.0.1", "::1")

T = TypeVar("T")


def read_alerts(document: Table, config_dir: Path) -> Alerts:
    """What a config.toml says of it. Raises ConfigurationError."""
    sinks = tuple(_sink(document, number, raw, config_dir) for number, raw in _numbered(document, "sink"))
    _refuse_twins(document, "sink", [sink.name for sink in sinks])
    names = {sink.name for sink in sinks}
    rules = tuple(_rule(document, number, raw, names) for number, raw in _numbered(document, "rule"))
    maintenance = tuple(
        _maintenance(document, number, raw) for number, raw in _numbered(document, "maintenance")
    )
    _refuse_twins(document, "maintenance", [each.name for each in maintenance])
    return Alerts(sinks, rules, maintenance)


def _numbered(document: Table, key: str) -> Iterable[tuple[int, dict[str, object]]]:
    none: list[dict[str, object]] = []
    return enumerate(document.get(key, as_tables, none), 1)


def _refuse_twins(document: Table, key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise document.error(key, f"{quoted(name)} stands there twice; give each its own name")


# Sinks

_COMMON = ("name", "type", "timeout", "give_up_after")


@dataclass(frozen=True, slots=True)
class _Form:
    """The keys of a type of sink, its secrets (the first `needed` of them must stand), and what reads it."""

    keys: tuple[str, ...]
    secrets: tuple[str, ...]
    needed: int
    read: Callable[[Table, Path], Options]


def _sink(document: Table, number: int, raw: dict[str, object], config_dir: Path) -> Sink:
    named = raw.get("name")
    where = f"{document.where}: sink {quoted(named) if isinstance(named, str) else number}"
    every_key = {key for form in _FORMS.values() for key in _keys(form)}
    kind = Table(where, raw, every_key).require("type", _as_one_of(tuple(SinkType)))
    form = _FORMS[SinkType(kind)]
    table = Table(where, raw, _keys(form))
    secrets = []
    for position, prefix in enumerate(form.secrets):
        source = read_text_secret(table, prefix)
        if source:
            secrets.append((prefix, source))
        elif position < form.needed:
            raise table.error(prefix, f'missing; add {prefix}_file = "…", or {prefix} = "…"')
    usual = Sink("", Slack())
    return Sink(
        table.require("name", as_name),
        form.read(table, config_dir),
        tuple(secrets),
        table.get("timeout", as_seconds(1.0, 60.0), usual.timeout),
        table.get("give_up_after", as_seconds(60.0, 90 * DAY_S), usual.give_up_after),
    )


def _keys(form: _Form) -> tuple[str, ...]:
    secrets = tuple(key for prefix in form.secrets for key in secret_keys(prefix))
    return (*_COMMON, *form.keys, *secrets)


def _webhook(table: Table, config_dir: Path) -> Webhook:
    return Webhook(_ca_file(table, config_dir))


def _telegram(table: Table, _: Path) -> Telegram:
    return Telegram(
        table.require("chat", _as_chat),
        table.require("thread", as_integer(1, 2**53)) if "thread" in table.raw else None,
        table.get("api", as_parsed(_parse_http_url), Telegram("").api),
    )


def _email(table: Table, config_dir: Path) -> Email:
    security = table.get("security", _as_one_of(("starttls", "tls", "none")), "starttls")
    host = table.require("host", as_parsed(_parse_full))
    if security == "none" and read_text_secret(table, "password") and host not in _OURSELVES:
        raise table.error("security", 'expected "starttls" or "tls": a password must not go out in the clear')
    return Email(
        host,
        table.require("from", as_parsed(_parse_mailbox)),
        table.require("to", _some(_parse_mailbox)),
        table.get("port", as_integer(1, 65535), {"starttls": 587, "tls": 465}.get(security, 25)),
        security,
        table.get("username", as_text, ""),
        _ca_file(table, config_dir),
    )


def _alertmanager(table: Table, config_dir: Path) -> Alertmanager:
    return Alertmanager(
        table.get("every", as_seconds(10.0, 180.0), Alertmanager().every),
        table.get("username", as_text, ""),
        _ca_file(table, config_dir),
        table.get("labels", _as_labels, ()),
    )


def _heartbeat(table: Table, config_dir: Path) -> Heartbeat:
    every = table.get("every", as_seconds(1.0, DAY_S), Heartbeat().every)
    return Heartbeat(every, _ca_file(table, config_dir))


def _command(table: Table, _: Path) -> Command:
    return Command(table.require("command", as_command('["/usr/local/bin/page", "--team", "net"]')))


def _bell(table: Table, _: Path) -> Bell:
    return Bell(table.get("desktop", as_boolean, Bell().desktop))


_FORMS: dict[SinkType, _Form] = {
    SinkType.WEBHOOK: _Form(("ca_file",), ("url", "secret", "token"), 1, _webhook),
    SinkType.SLACK: _Form((), ("url",), 1, lambda *_: Slack()),
    SinkType.TELEGRAM: _Form(("chat", "thread", "api"), ("token",), 1, _telegram),
    SinkType.DISCORD: _Form((), ("url",), 1, lambda *_: Discord()),
    SinkType.EMAIL: _Form(
        ("host", "port", "security", "username", "from", "to", "ca_file"), ("password",), 0, _email
    ),
    SinkType.ALERTMANAGER: _Form(
        ("every", "username", "ca_file", "labels"), ("url", "password", "token"), 1, _alertmanager
    ),
    SinkType.HEARTBEAT: _Form(("every", "ca_file"), ("url",), 1, _heartbeat),
    SinkType.COMMAND: _Form(("command",), (), 0, _command),
    SinkType.BELL: _Form(("desktop",), (), 0, _bell),
    SinkType.APPRISE: _Form((), ("url",), 1, lambda *_: Apprise()),
}


def _ca_file(table: Table, config_dir: Path) -> str:
    name = table.get("ca_file", as_parsed(_parse_full), "")
    return str(config_dir / name) if name else ""


# Rules and maintenance


def _rule(document: Table, number: int, raw: dict[str, object], sinks: set[str]) -> Rule:
    known = tuple(Rule.__dataclass_fields__)
    table = Table(f"{document.where}: rule {number}", raw, known)
    rule = Rule(
        _known_sinks(table, "sinks", sinks),
        table.get("tags", as_list(parse_name), ()),
        table.get("servers", as_list(parse_name), ()),
        table.get("severities", _as_some_of(SEVERITIES), ()),
        table.get("verdicts", _as_some_of(VERDICTS), ()),
        table.get("events", _as_some_of(EVENTS), USUAL_EVENTS),
        table.get("quiet", as_list(_parse_span), ()),
        _perhaps(table, "remind_every"),
        _perhaps(table, "escalate_after"),
        _known_sinks(table, "escalate_to", sinks) if "escalate_to" in raw else (),
    )
    if (rule.escalate_after is None) is not (not rule.escalate_to):
        missing = "escalate_to" if rule.escalate_after is not None else "escalate_after"
        example = '["boss"]' if missing == "escalate_to" else '"15m"'
        raise table.error(
            missing, f"missing; add {missing} = {example}, for one says nothing without the other"
        )
    return rule


def _maintenance(document: Table, number: int, raw: dict[str, object]) -> Maintenance:
    named = raw.get("name")
    where = f"{document.where}: maintenance {quoted(named) if isinstance(named, str) else number}"
    table = Table(where, raw, ("name", "from", "until", "weekly", "tags", "servers"))
    once = "from" in raw or "until" in raw
    if once is ("weekly" in raw):
        raise table.error("weekly", 'expected either weekly = ["tue 02:00-04:00"], or from and until')
    maintenance = Maintenance(
        table.require("name", as_name),
        table.require("from", _as_moment) if once else None,
        table.require("until", _as_moment) if once else None,
        () if once else table.require("weekly", _some(_parse_span)),
        table.get("tags", as_list(parse_name), ()),
        table.get("servers", as_list(parse_name), ()),
    )
    begin, until = maintenance.begin, maintenance.until
    if begin is not None and until is not None and until <= begin:
        raise table.error("until", "expected a time after from")
    return maintenance


def _perhaps(table: Table, key: str) -> float | None:
    return table.require(key, as_seconds(60.0, 30 * DAY_S)) if key in table.raw else None


def _known_sinks(table: Table, key: str, sinks: set[str]) -> tuple[str, ...]:
    names = table.require(key, _some(parse_name))
    for name in names:
        if name not in sinks:
            known = f"expected one of {', '.join(sorted(sinks))}" if sinks else "add it as [[sink]]"
            raise table.error(key, f"there is no sink {quoted(name)}; {known}")
    return names


# Values


def _some(parse: Callable[[str], T]) -> Callable[[object], tuple[T, ...]]:
    """A reader of lists with something in them."""

    def read(value: object) -> tuple[T, ...]:
        parsed = as_list(parse)(value)
        if not parsed:
            raise InvalidValueError("expected a list with something in it")
        return parsed

    return read


def _as_one_of(words: Iterable[str]) -> Callable[[object], str]:
    known = tuple(words)

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            raise InvalidValueError(f"expected one of {', '.join(known)}, got {describe(value)}")
        return value

    return read


def _as_some_of(words: tuple[str, ...]) -> Callable[[object], tuple[str, ...]]:
    return _some(_as_one_of(words))


def _as_chat(value: object) -> str:
    """A chat's number, or its @name."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _parse_full(as_text(value))


def _as_labels(value: object) -> tuple[tuple[str, str], ...]:
    labels = as_table(value)
    for name in labels:
        if not _LABEL.fullmatch(name):
            raise InvalidValueError(f"expected names of letters, digits and _, got {quoted(name)}")
    return tuple((name, as_text(text)) for name, text in labels.items())


def _as_moment(value: object) -> float:
    """A date and a time, local where no offset is said."""
    if not isinstance(value, datetime):
        raise InvalidValueError(f"expected a time such as 2026-12-01T02:00:00, got {describe(value)}")
    return value.timestamp()


def _parse_full(text: str) -> str:
    if not parse_text(text).strip():
        raise InvalidValueError("expected text that is not empty")
    return text


def _parse_mailbox(text: str) -> str:
    if not _MAILBOX.fullmatch(parse_text(text)):
        raise InvalidValueError(f'expected an address such as "noc@example.net", got {quoted(text)}')
    return text


def _parse_http_url(text: str) -> str:
    if not parse_text(text).startswith(("https://", "http://")):
        raise InvalidValueError('expected an address that begins with "https://"')
    return text.rstrip("/")


def _parse_span(text: str) -> Span:
    match = _SPAN.fullmatch(text)
    day, *digits = match.groups() if match else (None, "99", "", "", "")
    if match and (day is None or day in _WEEKDAYS):
        begin_hour, begin_minute, end_hour, end_minute = map(int, digits)
        begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
        if max(begin_minute, end_minute) < 60 and begin < 1440 and end <= 1440 and begin != end:
            return Span(begin, end, _WEEKDAYS.index(day) if day else None, text)
    raise InvalidValueError(
        f'expected local times such as "22:00-07:00" or "tue 02:00-04:00", got {quoted(text)}'
    )
