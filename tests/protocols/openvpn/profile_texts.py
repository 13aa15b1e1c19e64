"""Profiles as text, with stand-ins for certificates: they are the same in every process."""

from __future__ import annotations

import base64


def static_key(key: bytes = bytes(range(256))) -> str:
    """A static key as `openvpn --genkey secret` writes it."""
    digits = key.hex()
    lines = "\n".join(digits[at : at + 32] for at in range(0, len(digits), 32))
    return (
        "#\n# 2048 bit OpenVPN static key\n#\n-----BEGIN OpenVPN Static key V1-----\n"
        f"{lines}\n-----END OpenVPN Static key V1-----\n"
    )


def client_key(key: bytes = bytes(range(256)), wrapped: bytes = bytes(288)) -> str:
    """A client key of tls-crypt-v2, with a wrapped key that no server would accept."""
    blob = key + wrapped + (len(wrapped) + 2).to_bytes(2, "big")
    text = base64.encodebytes(blob).decode()
    name = "OpenVPN tls-crypt-v2 client key"
    return f"-----BEGIN {name}-----\n{text}-----END {name}-----\n"


STAND_IN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
"""What the parser takes for a certificate."""

STAND_IN_KEY = "-----BEGIN PRIVATE KEY-----\nU0VDUkVU\n-----END PRIVATE KEY-----\n"


def inline(name: str, content: str) -> str:
    """An inline block."""
    return f"<{name}>\n{content.rstrip()}\n</{name}>\n"


def profile(
    *lines: str,
    remote: str = "remote vpn.example.net 1194 udp",
    with_client: bool = True,
    ca: str = STAND_IN,
    certificate: str = STAND_IN,
    key: str = STAND_IN_KEY,
) -> str:
    """A profile that is whole, with some lines more."""
    own = inline("cert", certificate) + inline("key", key) if with_client else ""
    head = "\n".join(("client", "dev tun", remote, *lines))
    return f"{head}\n{inline('ca', ca)}{own}"
