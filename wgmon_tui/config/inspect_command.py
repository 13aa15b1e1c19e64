"""What the command `inspect` of a server names."""

from __future__ import annotations

import re

from wgmon_tui.config.models import Server

_INTERFACE = re.compile(r"\bshow ([A-Za-z0-9_=+.-]{1,15})(?: |$)")


def interface_of(server: Server) -> str:
    """The interface that the `inspect` command names; wg0 if it names none."""
    return named_interface(server) or "wg0"


def named_interface(server: Server) -> str | None:
    """The interface that the `inspect` command names; None if it names none."""
    named = _INTERFACE.search(" ".join(server.inspect))
    return named[1] if named and named[1] != "all" else None
