"""`[[rule]]` and `[[maintenance]]` of config.toml: which sinks get which alerts, and when. Strict reader.

[[rule]]
sinks = ["pager"]
tags = ["edge"]                   # any of them; also servers = ["fra*"], severities, verdicts, events
quiet = ["22:00-07:00"]           # local time; incidents still open at the end are sent then
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
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import (
    DAY_S,
    EVENTS,
    SEVERITIES,
    VERDICTS,
    DailyWindow,
    Maintenance,
    Rule,
)
from wgmon_tui.config.alerting_sinks_toml import SINK, read_sink
from wgmon_tui.config.setting import (
    Section,
    Setting,
    read_valid_settings,
    reject_repeated_names,
    repeated_tables,
)
from wgmon_tui.config.toml_reader import TomlTable, describe
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import (
    NAME,
    NAMES,
    ValueType,
    duration,
    durations,
    list_of,
    one_of,
    some_of,
    text_type,
)
from wgmon_tui.text import did_you_mean, quoted

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAILY_WINDOW = re.compile(r"(?:([a-z]{3}) )?([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


def _as_time(value: object) -> float:
    """A date and a time; local time without an offset."""
    if not isinstance(value, datetime):
        raise InvalidValueError(f"expected a time such as 2026-12-01T02:00:00, got {describe(value)}")
    return value.timestamp()


def _parse_daily_window(text: str) -> DailyWindow:
    match = _DAILY_WINDOW.fullmatch(text)
    day, *digits = match.groups() if match else (None, "99", "", "", "")
    if match and (day is None or day in _WEEKDAYS):
        begin_hour, begin_minute, end_hour, end_minute = map(int, digits)
        begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
        if max(begin_minute, end_minute) < 60 and begin < 1440 and end <= 1440 and begin != end:
            return DailyWindow(begin, end, _WEEKDAYS.index(day) if day else None, text)
    raise InvalidValueError(
        f'expected local times such as "22:00-07:00" or "tue 02:00-04:00", got {quoted(text)}'
    )


_MOMENT = ValueType(
    "date and time", _as_time, {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:"}
)
_TIME_SPAN = text_type(
    "time span",
    _parse_daily_window,
    pattern=rf"^(({'|'.join(_WEEKDAYS)}) )?[0-9]{{2}}:[0-9]{{2}}-[0-9]{{2}}:[0-9]{{2}}$",
)
_SINKS = some_of(replace(NAME, limits=""), "list of sinks")
_WAIT = duration(60.0, 30 * DAY_S)

_TAGS = Setting("tags", NAMES, "Only servers with one of these tags.", default="all servers")
_SERVERS = Setting(
    "servers",
    NAMES,
    "Only these servers. `*` matches any text, `?` any one character.",
    default="all servers",
)

RULE = Section(
    "rule",
    "Which sinks get which messages. All conditions of a rule must hold. Without a rule, every sink gets "
    "every outage and every recovery.",
    Rule,
    (
        Setting("sinks", _SINKS, "The names of the sinks that get the messages.", required=True),
        _TAGS,
        _SERVERS,
        Setting(
            "severities",
            some_of(one_of(SEVERITIES), "list of words"),
            "Only incidents of these severities.",
            default="all",
        ),
        Setting(
            "verdicts",
            some_of(one_of(VERDICTS), "list of words"),
            "Only incidents with these verdicts.",
            default="all",
        ),
        Setting("events", some_of(one_of(EVENTS), "list of words"), "Only messages about these events."),
        Setting(
            "quiet",
            list_of(_TIME_SPAN, "list of time spans"),
            "Local times without messages, such as 22:00-07:00. At the end, incidents that are still open "
            "are sent.",
        ),
        Setting(
            "remind_every",
            _WAIT,
            "The time between two reminders of an open incident.",
            default="no reminders",
        ),
        Setting(
            "escalate_after",
            _WAIT,
            "After this time, an unacknowledged incident goes to the sinks of `escalate_to`.",
            default="no escalation",
        ),
        Setting("escalate_to", _SINKS, "The names of the sinks that get an escalation."),
        Setting(
            "expiry",
            durations(3600.0, 400 * DAY_S),
            "The times before the end of a certificate, key or subscription at which the sinks get a "
            "message. `[]`: none.",
        ),
    ),
    repeated=True,
    together=("escalate_after", "escalate_to"),
)
MAINTENANCE = Section(
    "maintenance",
    "A maintenance window, once or every week: failures of servers cause no messages.",
    Maintenance,
    (
        Setting("name", NAME, "The name of this maintenance.", required=True),
        Setting(
            "from",
            _MOMENT,
            "When it begins, such as 2026-12-01T02:00:00. Local time unless an offset is given.",
            stored_as="begin",
        ),
        Setting("until", _MOMENT, "When it ends."),
        Setting(
            "weekly",
            some_of(_TIME_SPAN, "list of time spans"),
            "Local times of every week, such as tue 02:00-04:00. Without a weekday: every day.",
        ),
        _TAGS,
        _SERVERS,
    ),
    repeated=True,
    alternatives=(("weekly",), ("from", "until")),
)


def read_alerts(document: TomlTable, config_dir: Path) -> AlertSettings:
    """Read the alerting settings of config.toml. Its errors go to the list of the document."""
    read = document.errors.read
    tables = read(_tables, document, SINK)
    # A sink with an error is one that rules may name.
    names = {name for table in tables or () if isinstance(name := table.raw.get("name"), str)}
    known = names if tables is not None else None
    sinks = (read(read_sink, table, config_dir) for table in tables or ())
    rules = (read(_rule, table, known) for table in read(_tables, document, RULE) or ())
    maintenance = (read(_maintenance, table) for table in read(_tables, document, MAINTENANCE) or ())
    return AlertSettings(
        tuple(each for each in sinks if each),
        tuple(each for each in rules if each),
        tuple(each for each in maintenance if each),
    )


def _tables(document: TomlTable, section: Section) -> list[TomlTable]:
    tables = list(repeated_tables(document, section))
    reject_repeated_names(tables)
    return tables


def _rule(table: TomlTable, sinks: set[str] | None) -> Rule:
    """Read one rule. Without `sinks`, the names of sinks are not checked."""
    values = read_valid_settings(table, RULE.settings)
    for key in ("sinks", "escalate_to"):
        for name in values.get(key, ()):
            if sinks is not None and name not in sinks:
                table.reject(table.error(key, f"there is no sink {quoted(name)}; {_which_sink(name, sinks)}"))
    if ("escalate_after" in table.raw) is not bool(table.raw.get("escalate_to")):
        missing = "escalate_to" if "escalate_after" in table.raw else "escalate_after"
        example = '["boss"]' if missing == "escalate_to" else '"15m"'
        phrase = f"missing; add {missing} = {example}; escalate_after and escalate_to need each other"
        table.reject(table.error(missing, phrase))
    table.require_valid()
    return Rule(**values)


def _which_sink(name: str, sinks: set[str]) -> str:
    known = f"expected one of {', '.join(sorted(sinks))}" if sinks else "add it as [[sink]]"
    return did_you_mean(name, sinks) or known


def _maintenance(table: TomlTable) -> Maintenance:
    once = "from" in table.raw or "until" in table.raw
    if once is ("weekly" in table.raw):
        phrase = 'expected either weekly = ["tue 02:00-04:00"], or from and until'
        table.reject(table.error("weekly", phrase))
    needed = ("from", "until") if once else ()
    values = read_valid_settings(table, MAINTENANCE.settings, required=needed)
    begin, until = values.get("begin"), values.get("until")
    if begin is not None and until is not None and until <= begin:
        table.reject(table.error("until", "expected a time after from"))
    table.require_valid()
    return Maintenance(**values)
