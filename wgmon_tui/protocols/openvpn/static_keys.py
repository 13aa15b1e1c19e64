"""Keys of tls-auth, tls-crypt and tls-crypt-v2, as their files hold them.

Sources: OpenVPN 2.6, src/openvpn/crypto.c (read_key_file) and doc/tls-crypt-v2.txt.
"""

from __future__ import annotations

import base64
import binascii
import re

from wgmon_tui.protocols.openvpn.profile_syntax import Directive

STATIC_KEY_BYTES = 256
_KEY_BEGIN = "-----BEGIN OpenVPN Static key V1-----"
_KEY_END = "-----END OpenVPN Static key V1-----"
_CLIENT_KEY = re.compile(
    r"-----BEGIN OpenVPN tls-crypt-v2 client key-----\s(.*?)-----END OpenVPN tls-crypt-v2 client key-----",
    re.DOTALL,
)
_LEAST_WRAPPED = 32 + STATIC_KEY_BYTES + 2
"""Bytes of the tag, the encrypted key and the length of a wrapped client key."""


def read_static_key(each: Directive, content: str) -> bytes:
    """The 256 bytes of a static key. Raises ProfileError."""
    start, end = content.find(_KEY_BEGIN), content.find(_KEY_END)
    if start < 0 or end < start:
        raise each.error(f'expected a static key: lines from "{_KEY_BEGIN}" to "{_KEY_END}"')
    digits = "".join(content[start + len(_KEY_BEGIN) : end].split())
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        raise each.error("expected only hexadecimal digits in the static key") from None
    if len(key) != STATIC_KEY_BYTES:
        raise each.error(f"expected a static key of {STATIC_KEY_BYTES} bytes, got {len(key)}")
    return key


def read_client_key(each: Directive, content: str) -> tuple[bytes, bytes]:
    """The client key of tls-crypt-v2, and the wrapped key for the server. Raises ProfileError."""
    match = _CLIENT_KEY.search(content)
    if match is None:
        raise each.error('expected lines from "-----BEGIN OpenVPN tls-crypt-v2 client key-----" to its end')
    try:
        decoded = base64.b64decode("".join(match[1].split()), validate=True)
    except (binascii.Error, ValueError):
        raise each.error("expected base64 in the client key") from None
    key, wrapped = decoded[:STATIC_KEY_BYTES], decoded[STATIC_KEY_BYTES:]
    if len(wrapped) < _LEAST_WRAPPED or int.from_bytes(wrapped[-2:], "big") != len(wrapped):
        raise each.error("the client key is cut off, or is not one of tls-crypt-v2")
    return key, wrapped
