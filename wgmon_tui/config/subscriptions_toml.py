"""`[[subscription]]` of config.toml: lists of servers that a provider keeps. Strict reader.

[[subscription]]
name = "provider"
url_file = "provider.url"     # the address holds a token: it is a secret
every = "6h"
apply = "ask"                 # only report; or "add" new servers, or do "all" that the list says
"""

from __future__ import annotations

from typing import Literal

from wgmon_tui.config.models import SecretSource
from wgmon_tui.config.setting import (
    Section,
    Setting,
    read_valid_settings,
    reject_repeated_names,
    repeated_tables,
)
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_types import NAME, NAMES, TEXT_SECRET, duration, one_of
from wgmon_tui.records import dataclass

ApplyRule = Literal["ask", "add", "all"]

APPLY_RULES: tuple[ApplyRule, ...] = ("ask", "add", "all")

_HOUR = 3600.0
_TAG = "subscription:"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A list of servers to follow. `every` is in seconds; `tags` are for the servers that come from it."""

    name: str
    url: SecretSource
    every: float = 6 * _HOUR
    apply: ApplyRule = "ask"
    tags: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag of servers that came from this list. Only those are changed or removed."""
        return f"{_TAG}{self.name}"


SUBSCRIPTION = Section(
    "subscription",
    "A list of servers at an address, which a provider keeps up to date.",
    Subscription,
    (
        Setting(
            "name", NAME, "The name of the list in messages, and in the tag of its servers.", required=True
        ),
        Setting(
            "url",
            TEXT_SECRET,
            "The address of the list. It holds a token, so it is a secret. No other host gets it.",
            required=True,
        ),
        Setting("every", duration(_HOUR / 6, 30 * 24 * _HOUR), "How often the list is fetched."),
        Setting(
            "apply",
            one_of(APPLY_RULES),
            "What is done without a question: nothing, new servers are added, or all that differs. "
            "`wgmon-tui subscriptions --apply` does the rest.",
        ),
        Setting("tags", NAMES, "Tags for the servers of the list.", default="none"),
    ),
    repeated=True,
)


def read_subscriptions(document: TomlTable) -> tuple[Subscription, ...]:
    """Read all `[[subscription]]` tables of config.toml. Raises ConfigurationError."""
    tables = list(repeated_tables(document, SUBSCRIPTION))
    reject_repeated_names(tables)
    read = (document.errors.read(_subscription, table) for table in tables)
    return tuple(each for each in read if each is not None)


def _subscription(table: TomlTable) -> Subscription:
    values = read_valid_settings(table, SUBSCRIPTION.settings)
    if "url" not in values and not any(key.startswith("url") for key in table.raw):
        table.reject(table.error("url_file", "missing; name the file that holds the address of the list"))
    table.require_valid()
    return Subscription(**values)
