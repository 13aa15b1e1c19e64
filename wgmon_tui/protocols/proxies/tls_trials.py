"""Experiments with the TLS of a proxy that does not even begin."""

from __future__ import annotations

from collections.abc import Iterator

from wgmon_tui.protocols.proxies.dialects import Trial
from wgmon_tui.protocols.proxies.findings import OTHER_NAME
from wgmon_tui.protocols.proxies.link_layers import server_name_of, with_server_name
from wgmon_tui.protocols.proxies.links.records import StreamLinkT

_NAMES = ("www.example.com", "www.example.net")
"""Reserved for documentation (RFC 2606): no censor has a reason to look for them."""


def other_name_trials(link: StreamLinkT) -> Iterator[Trial[StreamLinkT]]:
    """Names that a censor passes. Any answer of TLS to one shows that the name makes the difference."""
    for name in _NAMES:
        if name != server_name_of(link):
            yield Trial(OTHER_NAME, name, with_server_name(link, name))
