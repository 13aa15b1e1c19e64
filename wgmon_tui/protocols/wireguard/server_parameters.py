"""Comparison of AmneziaWG's parameters on the server with those of servers.toml. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wgmon_tui.config.models import AMNEZIAWG, Server
from wgmon_tui.config.protocol_settings import write_own

_USUAL = {
    **dict.fromkeys(("s1", "s2", "s3", "s4"), "0"),
    **{f"h{number}": str(number) for number in range(1, 5)},
    "random_trailers": "off",
}


def find_differences(server: Server, running: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """The parameters that differ: key, value in servers.toml, value on the server.

    `running` has those of the server, as `awg show` prints them; empty for plain WireGuard.
    """
    written = write_own(server) if server.protocol == AMNEZIAWG else {}
    for key, usual in _USUAL.items():
        if key not in running and key not in written:
            continue
        here, there = _as_shown(written.get(key, usual)), running.get(key, usual)
        if _bounds(here) != _bounds(there):
            yield key, here, there


def _as_shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _bounds(text: str) -> tuple[str, str]:
    first, _, last = text.partition("-")
    return first, last or first
