"""The notification that sends a client to another gateway (RFC 5685 §6)."""

from __future__ import annotations

from ipaddress import ip_address

from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.ikev2.wire import MalformedMessageError
from wgmon_tui.text import printable

_IPV4, _IPV6, _FQDN = 1, 2, 3
_SIZES = {_IPV4: 4, _IPV6: 16}


def redirected_from(address: Address) -> bytes:
    """The data of the notification that tells a gateway which server sent this client (RFC 5685 §6.3)."""
    kind = _IPV4 if address.version == 4 else _IPV6
    return bytes((kind, len(address.packed))) + address.packed


def parse_gateway(data: bytes, nonce: bytes) -> str:
    """The gateway of a redirection, safe to show. Raises MalformedMessageError, also for another nonce.

    `nonce` is empty in IKE_AUTH, whose messages need none to be authentic.
    """
    if len(data) < 2 or len(data) < 2 + data[1]:
        raise MalformedMessageError("a redirection is cut off")
    kind, gateway, rest = data[0], data[2 : 2 + data[1]], data[2 + data[1] :]
    if rest != nonce:
        raise MalformedMessageError("a redirection that does not repeat the nonce")
    if kind in _SIZES and len(gateway) == _SIZES[kind]:
        return str(ip_address(gateway))
    if kind == _FQDN and gateway:
        return printable(gateway.decode("utf-8", "replace"))
    raise MalformedMessageError("a redirection to an unknown kind of gateway")
