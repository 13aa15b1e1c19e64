"""The sections of config.toml, and their strict reader.

An error line has the location (`config.toml: line 7: history: key raw: …`), what was expected and what was
found. All errors are found at once.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from wgmon_tui.config.alerting_sinks_toml import SINK
from wgmon_tui.config.alerting_toml import MAINTENANCE, RULE, read_alerts
from wgmon_tui.config.config_toml import DAY, HOUR, NAME, Config, Retention
from wgmon_tui.config.error_list import ErrorList
from wgmon_tui.config.setting import Section, Setting, read_section, read_valid_settings, section_table
from wgmon_tui.config.subscriptions_toml import SUBSCRIPTION, read_subscriptions
from wgmon_tui.config.toml_reader import TomlTable, load_toml
from wgmon_tui.config.tui_settings import COLUMNS, FILTERS, KEYS, LOOK, read_face
from wgmon_tui.config.user_actions_toml import ACTION
from wgmon_tui.config.value_parsers import format_duration
from wgmon_tui.config.value_types import BOOLEAN, WITNESS, duration, integer
from wgmon_tui.config.vantages_toml import VANTAGE, check_quorum, read_vantages

_KEPT = duration(HOUR, 3660 * DAY)

HISTORY = Section(
    "history",
    "How long the history is kept. Each of raw, minutes, hours and days must be at least as long as the one "
    "before it.",
    Retention,
    (
        Setting("raw", _KEPT, "How long single checks are kept."),
        Setting("minutes", _KEPT, "How long the summary of each minute is kept."),
        Setting("hours", _KEPT, "How long the summary of each hour is kept."),
        Setting("days", _KEPT, "How long the summary of each day is kept."),
        Setting("exchanges", _KEPT, "How long the packets of failed checks are kept."),
        Setting("incidents", _KEPT, "How long incidents and their notes are kept."),
        Setting(
            "exchanges_per_incident",
            integer(0, 1000),
            "The largest number of failed checks of one incident whose packets are kept, and of changes of "
            "its verdict.",
        ),
        Setting(
            "vantage_megabytes_per_day",
            integer(0, 1_000_000),
            "The largest size of the packets that one `[[vantage]]` can store per day (UTC), in millions of "
            "bytes. Beyond it, its checks are recorded without packets.",
        ),
    ),
)
VIEWER = Section(
    "viewer",
    "A dashboard that is only a viewer, because another process runs the checks.",
    Config,
    (Setting("take_over", BOOLEAN, "Whether the viewer takes over the checks when the other process ends."),),
)
QUORUM = Section(
    "",
    "Checks from several machines.",
    Config,
    (
        Setting(
            "quorum",
            integer(1, 1000),
            "The number of machines that must agree before an incident opens. This machine counts too: the "
            "maximum is the number of `[[vantage]]` plus one.",
        ),
    ),
)
UPLINK = Section(
    "",
    "Whether this machine's uplink works.",
    Config,
    (
        Setting(
            "witness",
            WITNESS,
            "A host that always answers, probed only when a server falls silent. If it is silent, too, this "
            "machine's uplink is at fault and no incident opens. Needed with one or two servers: from three "
            "on, the servers show it themselves. Port 53 gets a DNS query, any other port a TCP connection; "
            "a refusal is an answer, too.",
            default="none",
        ),
    ),
)

SECTIONS = (
    *(HISTORY, VIEWER, SINK, RULE, MAINTENANCE, LOOK, KEYS, COLUMNS, FILTERS, ACTION),
    *(QUORUM, UPLINK, VANTAGE, SUBSCRIPTION),
)
"""All sections of config.toml, in the order of messages that list the first level."""

_FIRST_LEVEL = tuple(
    key for section in SECTIONS for key in ((section.name,) if section.name else section.known_keys)
)


def parse_config(text: str, config_dir: Path | None = None) -> Config:
    """Parse the text of a config.toml. File names in it are relative to `config_dir`.

    Raises ConfigurationError.
    """
    errors = ErrorList()
    document = TomlTable(NAME, load_toml(text, NAME), _FIRST_LEVEL, errors=errors)
    parts: dict[str, Any] = {
        "history": errors.read(_retention, document),
        "alerts": read_alerts(document, config_dir or Path()),
        "face": read_face(document),
        "vantages": errors.read(read_vantages, document),
        "subscriptions": errors.read(read_subscriptions, document),
        **(errors.read(read_section, document, VIEWER) or {}),
        **read_valid_settings(document, (*QUORUM.settings, *UPLINK.settings)),
    }
    errors.read(check_quorum, document, parts.get("quorum", Config().quorum))
    errors.raise_errors(text, NAME)
    return Config(**parts)


def _retention(document: TomlTable) -> Retention:
    table = section_table(document, HISTORY)
    retention = Retention(**read_valid_settings(table, HISTORY.settings))
    for shorter, longer in pairwise(("raw", "minutes", "hours", "days")):
        # A window beyond the reach of one tier is read from the next: a gap would show as missing history.
        least, value = getattr(retention, shorter), getattr(retention, longer)
        if value < least and not table.rejected & {shorter, longer}:
            key, limit = (
                (longer, f"at least {shorter}") if longer in table.raw else (shorter, f"at most {longer}")
            )
            other = format_duration(least if longer in table.raw else value)
            table.reject(table.error(key, f"expected {limit}, which is {other}"))
    table.require_valid()
    return retention
