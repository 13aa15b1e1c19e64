"""WireGuard and AmneziaWG servers of links and lists as the text of a wg-quick file.

The import of such files does the rest: identities, keys, and AmneziaWG's parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    decode_base64,
    decode_percent,
    parse_place,
    split_list,
    split_uri,
)

_KEY_BYTES = 32
_PORT = 51820
_AMNEZIA_KEY = re.compile(r"(?i)(jc|jmin|jmax|s[1-4]|h[1-4]|i[1-5]|headerprotectionkey|randomtrailers)")


@dataclass(frozen=True, slots=True)
class WireguardPeer:
    """What a list says of a WireGuard server. `amnezia` has AmneziaWG's keys by their names in a .conf."""

    endpoint: Endpoint
    private_key: str = field(repr=False)
    public_key: str
    preshared_key: str = field(default="", repr=False)
    addresses: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    amnezia: Mapping[str, str] = field(default_factory=dict, repr=False)


def make_conf(peer: WireguardPeer) -> str:
    """The text of a wg-quick file. Raises ShareLinkError."""
    if any(part.strip() not in ("", "0") for each in peer.reserved for part in each.split(",")):
        raise ShareLinkError(
            "the server needs reserved bytes, as Cloudflare's WARP does; wgmon-tui sends none"
        )
    lines = ["[Interface]", f"PrivateKey = {_as_key(peer.private_key, 'private key')}"]
    lines += [f"Address = {each}" for each in peer.addresses]
    lines += [
        f"{key} = {value}" for key, value in peer.amnezia.items() if _AMNEZIA_KEY.fullmatch(key) and value
    ]
    lines += ["[Peer]", f"PublicKey = {_as_key(peer.public_key, 'public key')}"]
    if peer.preshared_key:
        lines.append(f"PresharedKey = {_as_key(peer.preshared_key, 'preshared key')}")
    lines.append(f"Endpoint = {peer.endpoint}")
    lines.append(f"AllowedIPs = {', '.join(peer.allowed_ips) or '0.0.0.0/0, ::/0'}")
    return "\n".join(lines) + "\n"


def _as_key(text: str, what: str) -> str:
    data = decode_base64(text)
    if data is None or len(data) != _KEY_BYTES:
        raise ShareLinkError(f"its {what} is not 32 bytes of base64")
    return text.translate(str.maketrans("-_", "+/")).rstrip("=") + "="


def parse_wireguard(text: str) -> tuple[str, str]:
    """Name and wg-quick text of `wireguard://PRIVATE_KEY@host:port?publickey=…&address=…` (v2rayN).

    AmneziaWG's links have its keys in the query too. Raises ShareLinkError.
    """
    parts = split_uri(text)
    values = {key.lower().replace("_", "").replace("-", ""): value for key, value in parts.query.items()}

    def get(*keys: str) -> str:
        return next((values[key] for key in keys if values.get(key)), "")

    conf = make_conf(
        WireguardPeer(
            endpoint=parse_place(parts.place, _PORT),
            private_key=decode_percent(parts.user, "private key") or get("privatekey"),
            public_key=get("publickey", "peerpublickey", "pub"),
            preshared_key=get("presharedkey", "psk"),
            addresses=split_list(get("address", "ip", "localaddress")),
            allowed_ips=split_list(get("allowedips")),
            reserved=(get("reserved"),),
            amnezia={key.capitalize(): value for key, value in values.items() if _AMNEZIA_KEY.fullmatch(key)},
        )
    )
    return parts.name or "wireguard", conf
