"""AmneziaWG's keys in a wg-quick file, and whether plain WireGuard can talk to such a server.

Source: amneziawg-go (README, device/noise-protocol.go, device/send.go) and amneziawg-tools (src/config.c).
"""

from __future__ import annotations

_TYPES = {"h1": "1", "h2": "2", "h3": "3", "h4": "4"}
"""The message types of plain WireGuard, by the key that replaces each."""

_PADDING = {"s1", "s2", "s3", "s4"}
_JUNK_SIZES = {"jmin", "jmax", "itime"}
"""Without junk packets these have no effect."""

_DECOYS = {*("i1", "i2", "i3", "i4", "i5"), *("j1", "j2", "j3")}
_SWITCHES = {"randomtrailers", "disablecookies", "advancedsecurity"}

KEYS = {"jc", "headerprotectionkey", *_TYPES, *_PADDING, *_JUNK_SIZES, *_DECOYS, *_SWITCHES}
"""The keys in lower case. `wg` knows none of them."""


def is_plain(key: str, value: str) -> bool:
    """Whether a key with this value leaves the packets as they are in plain WireGuard.

    A value that cannot be read is not plain. Junk and decoys count although servers ignore them: they are in
    the file because the path blocks plain WireGuard.
    """
    if key in _JUNK_SIZES:
        return True
    if key in _TYPES:
        return value in ("", _TYPES[key], f"{_TYPES[key]}-{_TYPES[key]}")
    if key in _PADDING or key == "jc":
        return not value.strip("0")
    return value == "" or (key in _SWITCHES and value.lower() in ("off", "false", "no", "0"))
