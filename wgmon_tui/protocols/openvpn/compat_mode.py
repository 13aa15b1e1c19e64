"""`compat-mode VERSION` of a profile: what OpenVPN adds to it (openvpn(8), version 2.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wgmon_tui.protocols.openvpn.profile import DEFAULT_CIPHERS
from wgmon_tui.protocols.openvpn.profile_syntax import Directive
from wgmon_tui.protocols.openvpn.profile_values import first_word

Version = tuple[int, int, int]

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?")
_WITHOUT_CIPHER = (2, 4, 99)
"""The last version whose `cipher` counts among data-ciphers."""

_WITHOUT_NEGOTIATION = (2, 3, 99)
_WITH_TLS_1_0 = (2, 3, 6)


def parse_version(each: Directive) -> Version:
    """The version that a directive names. Raises ProfileError."""
    match = _VERSION.fullmatch(first_word(each))
    if match is None:
        raise each.error("expected a version; write: compat-mode 2.4.0")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def compatible_values(values: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """What of a profile changes with a version."""
    changed: dict[str, Any] = {}
    cipher = values.get("cipher", "").upper()
    offered = values.get("data_ciphers", DEFAULT_CIPHERS)
    if cipher and version <= _WITHOUT_CIPHER and cipher not in offered:
        changed["data_ciphers"] = (*offered, cipher)
    if cipher and version <= _WITHOUT_NEGOTIATION and not values.get("data_ciphers_fallback"):
        changed["data_ciphers_fallback"] = cipher
    if version <= _WITH_TLS_1_0 and not values.get("tls_version_min"):
        changed["tls_version_min"] = "1.0"
    return changed
