"""The places that are told, a module each: `send(sink, announcement, secrets)`.

It blocks until the other end has taken the announcement; else it raises RetryError or GiveUpError, whose
reason is one line without secrets. `secrets` are the sink's, read, by their key in config.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from wgmon_tui.alerts.models import Announcement
from wgmon_tui.config.alerting import Sink, SinkType

Send = Callable[[Sink, Announcement, Mapping[str, str]], None]


def sender(kind: SinkType) -> Send:
    """The `send` of a kind of sink, whose module is imported only now: most are never used."""
    return cast("Send", import_module(f"{__name__}.{kind.value}").send)
