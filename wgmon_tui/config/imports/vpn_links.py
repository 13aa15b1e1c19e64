"""Links of the AmneziaVPN app (vpn://…): the wg-quick texts in them.

A link is base64url of a 4-byte length and a zlib stream, or of the text itself. The text is JSON with
containers. Those of AmneziaWG and WireGuard hold the client's configuration as a wg-quick text. A key of
Amnezia's service has no containers.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping

_LINK = re.compile(r"\s*vpn://([A-Za-z0-9_=+/-]+)\s*")
_MOST_BYTES = 1 << 20
_LENGTH_BYTES = 4
_PROTOCOLS = ("awg", "wireguard")


class VpnLinkError(Exception):
    """A link without a configuration of WireGuard. The message says why, and what to do."""


def is_vpn_link(text: str) -> bool:
    """Whether a text is a link of AmneziaVPN."""
    return _LINK.fullmatch(text) is not None


def read_vpn_link(text: str) -> tuple[str, ...]:
    """The wg-quick texts in a link. Raises VpnLinkError."""
    link = _LINK.fullmatch(text)
    if link is None:
        raise VpnLinkError("not a vpn:// link")
    try:
        content = json.loads(_decode(link[1]))
    except (ValueError, RecursionError):
        raise VpnLinkError("a damaged vpn:// link; copy it again") from None
    found = tuple(_find_texts(content))
    if not found:
        raise VpnLinkError(
            "a vpn:// link without a configuration of AmneziaWG or WireGuard; in AmneziaVPN, share the "
            "connection in the format of AmneziaWG"
        )
    return found


def _decode(encoded: str) -> bytes:
    """The JSON text of a link. Raises ValueError."""
    padded = encoded.rstrip("=").translate(str.maketrans("+/", "-_"))
    data = base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4))
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data[_LENGTH_BYTES:], _MOST_BYTES)
    except zlib.error:
        return data
    if not unpacker.eof:
        raise ValueError("longer than any configuration, or cut off")
    return unpacked


def _find_texts(content: object) -> Iterator[str]:
    if not isinstance(content, Mapping) or not isinstance(content.get("containers"), list):
        return
    for container in content["containers"]:
        for protocol in _PROTOCOLS:
            section = container.get(protocol) if isinstance(container, Mapping) else None
            last = section.get("last_config") if isinstance(section, Mapping) else None
            text = _config_in(last) if isinstance(last, str) else None
            if text:
                yield _resolve(text, content)


def _config_in(last_config: str) -> str | None:
    """The wg-quick text in the JSON text of a protocol's last configuration."""
    try:
        inner = json.loads(last_config)
    except (ValueError, RecursionError):
        return None
    config = inner.get("config") if isinstance(inner, Mapping) else None
    return config if isinstance(config, str) else None


def _resolve(text: str, content: Mapping[str, object]) -> str:
    """The text with the name servers in place of the app's placeholders."""
    for placeholder, key in (("$PRIMARY_DNS", "dns1"), ("$SECONDARY_DNS", "dns2")):
        value = content.get(key)
        text = text.replace(placeholder, value if isinstance(value, str) else "")
    return text
