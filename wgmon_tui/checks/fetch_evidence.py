"""Evidence of fetches through a tunnel."""

from __future__ import annotations

from typing import Literal

from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass

FetchFault = Literal[
    "unresolved",
    "silent",
    "refused",
    "reset",
    "closed",
    "tls",
    "not-http",
    "no-response",
    "stalled",
    "slow",
    "status",
    "text",
]
"""What is wrong with a fetch: see `describe_fetch` of checks/fetch_text.py."""


@dataclass(frozen=True, slots=True)
class InnerFetch:
    """A fetch of a URL through the tunnel. `target` is its text in servers.toml.

    `fault` is None if all is well; `reason` is a phrase for some faults. Times are in seconds from the start
    of the fetch, and None for a phase that was not reached. `size` counts the bytes of the body, `rate` those
    per second; it is None if they are too few.
    `echoes_pass` tells whether an echo came back after a stall; `small_pass` whether the same fetch got
    further with small segments, and stalled again without them. Both are None if they were not tried.
    """

    target: str
    address: Address | None
    fault: FetchFault | None
    resolved: float | None = None
    connected: float | None = None
    encrypted: float | None = None
    responded: float | None = None
    ended: float | None = None
    status: int | None = None
    size: int = 0
    rate: int | None = None
    reason: str = ""
    echoes_pass: bool | None = None
    small_pass: bool | None = None
