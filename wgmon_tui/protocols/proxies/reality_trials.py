"""Experiments with REALITY: what a server that shows its site to this client may want to be different.

A server compares everything in the session id at once, and shows the same site for every fault. So only
a change that helps tells something. A wrong public key is the one fault that no change can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from wgmon_tui.protocols.proxies.clock_trials import clock_trials, own_clock_trials
from wgmon_tui.protocols.proxies.dialects import Trial
from wgmon_tui.protocols.proxies.link_layers import reality_of, server_name_of, with_reality, with_server_name
from wgmon_tui.protocols.proxies.links.records import StreamLinkT
from wgmon_tui.protocols.proxies.reality.key_shares import has_mlkem

CLOCK_WINDOW_S = 30
"""Servers choose `maxTimeDiff`, or have none. One that allows less than this is not found."""

_OTHER_VERSIONS = ((1, 8, 2), (255, 255, 255))
"""What mihomo claims, for a `maxClientVer`, and the greatest one, for a `minClientVer`."""


def refusal_trials(
    link: StreamLinkT, names: Iterable[str], clock_offset_s: int | None
) -> Iterator[Trial[StreamLinkT]]:
    """What a server that shows its site may accept, the likeliest first.

    `names` are those in the certificate of the site. This machine's clock is `clock_offset_s` seconds ahead
    of that of the pages.
    """
    own = server_name_of(link)
    for name in names:
        if "*" not in name and name != own:
            yield Trial("server-name", name, with_server_name(link, name))
    reality = reality_of(link)
    if reality is None:
        return
    if reality.short_id:
        yield Trial("short-id", "none", with_reality(link, replace(reality, short_id=b"")))
    yield from own_clock_trials(link, clock_offset_s)
    for version in _OTHER_VERSIONS:
        claimed = with_reality(link, replace(reality, client_version=version))
        yield Trial("client-version", ".".join(map(str, version)), claimed)
    yield from key_share_trials(link)
    yield from clock_trials(link, CLOCK_WINDOW_S)


def key_share_trials(link: StreamLinkT) -> Iterator[Trial[StreamLinkT]]:
    """X25519 alone: a server from before May 2025 cannot follow a site that chooses X25519MLKEM768."""
    if has_mlkem() and (reality := reality_of(link)):
        yield Trial("key-share", "X25519", with_reality(link, replace(reality, offers_mlkem=False)))
