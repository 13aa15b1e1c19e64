"""Alert sinks, one module each with `send(sink, announcement, secrets)`.

`send` blocks until the service has accepted the announcement. Otherwise it raises RetryError or GiveUpError
with a reason of one line without secrets. `secrets` are the sink's secrets by their key in config.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from wgmon_tui.alerts.models import Announcement
from wgmon_tui.config.alerting import Sink, SinkType

Send = Callable[[Sink, Announcement, Mapping[str, str]], None]


def sender(kind: SinkType) -> Send:
    """Return the `send` function of a sink type. Its module is imported on demand: most are never used."""
    return cast("Send", import_module(f"{__name__}.{kind.value}").send)
