"""Parsers for values: names, endpoints, durations, addresses, keys.

servers.toml, wg-quick files and the forms on screen share them. Accepted text is safe to show: it has no
control characters, no terminal escapes and no marks that change the direction of text.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface

from wgmon_tui.config.keys import InvalidKeyError, PublicKey, decode_key, is_low_order
from wgmon_tui.net.addresses import Address, Endpoint, Interface, NameServer
from wgmon_tui.net.host_names import InvalidHostNameError, encode_host
from wgmon_tui.text import quoted

NAME_LENGTH = 63

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,20})?)(ms|s|m|h|d)")
_DNS_PORT = 53
_BRACKETED = re.compile(r"\[([^\[\]]+)\]:([0-9]{1,5})")
_HOST_AND_PORT = re.compile(r"([^:]+):([0-9]{1,5})")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_LONGEST_HOST_NAME = 253
_ZONE = re.compile(r"[\w.-]+")


class InvalidValueError(ValueError):
    """An invalid value. The message is a phrase to put after the file and the key."""


def parse_text(text: str) -> str:
    """Accept any text that is safe on a terminal. Raises InvalidValueError."""
    if text.isprintable():
        return text
    hidden = next(character for character in text if not character.isprintable())
    raise InvalidValueError(f"contains the unprintable character U+{ord(hidden):04X}; remove it")


def parse_name(text: str) -> str:
    """A name of a server, an identity or a tag. Raises InvalidValueError."""
    parse_text(text)
    if not text or text != text.strip():
        raise InvalidValueError("expected a name that is not empty and has no space at either end")
    if len(text) > NAME_LENGTH:
        raise InvalidValueError(f"expected at most {NAME_LENGTH} characters, got {len(text)}")
    return text


def parse_duration(text: str) -> float:
    """Seconds, from "10s", "500ms", "2m", "1.5h" or "90d": 0, or 1 ms and more. Raises InvalidValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidValueError(f'expected a duration such as "10s", got {quoted(text)}')
    number, unit = float(match[1]), match[2]
    # Milliseconds are divided, not multiplied by 0.001, so that "700ms" is the same float as 0.7.
    seconds = number / 1000 if unit == "ms" else number * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    if 0 < seconds < 0.001:
        raise InvalidValueError(f'expected "0s", or at least "1ms", got {quoted(text)}')
    return seconds


def format_duration(seconds: float) -> str:
    """Inverse of parse_duration, exact for 0 and for 1 ms and more."""
    if seconds == 0:
        return "0s"
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    milliseconds = round(seconds * 1000)
    if seconds < 1 and milliseconds / 1000 == seconds:
        return f"{milliseconds}ms"
    return f"{seconds!r}s"


WIREGUARD_PORT = 51820


def parse_endpoint(text: str, usual_port: int = WIREGUARD_PORT) -> Endpoint:
    """A host and a port, from "host:port", "10.0.0.1:port" or "[2001:db8::1]:port".

    Raises InvalidValueError; its examples have the `usual_port`.
    """
    match = _BRACKETED.fullmatch(text)
    if match:
        host, valid = match[1], is_ipv6(match[1])
        if not valid:
            raise _invalid_endpoint(text, usual_port)
    elif match := _HOST_AND_PORT.fullmatch(text):
        host, valid = match[1], is_ipv4(match[1]) or _is_host_name(match[1])
    else:
        raise _invalid_endpoint(text, usual_port)
    if not valid:
        raise InvalidValueError(f"expected a host name or an address before the port, got {quoted(host)}")
    port = int(match[2])
    if not 1 <= port <= 65535:
        raise InvalidValueError(f"expected a port from 1 to 65535, got {port}")
    return Endpoint(host, port)


def _invalid_endpoint(text: str, usual_port: int) -> InvalidValueError:
    from wgmon_tui.config.endpoint_hints import explain_invalid_endpoint

    return InvalidValueError(explain_invalid_endpoint(text, usual_port))


def parse_witness(text: str) -> Endpoint:
    """A host with or without a port; without one, the port of DNS. Raises InvalidValueError."""
    is_bare_ipv6 = is_ipv6(text)
    if is_bare_ipv6 or ":" not in text or text.endswith("]"):
        text = f"[{text}]:{_DNS_PORT}" if is_bare_ipv6 else f"{text}:{_DNS_PORT}"
    return parse_endpoint(text)


def is_ipv4(host: str) -> bool:
    """Whether the text is an IPv4 address of four decimal numbers."""
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def is_ipv6(host: str) -> bool:
    """Whether the text is an IPv6 address, with or without a zone."""
    address, percent, zone = host.partition("%")
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return not percent or _ZONE.fullmatch(zone) is not None


def _is_host_name(host: str) -> bool:
    if len(host) > _LONGEST_HOST_NAME:
        return False  # before it is encoded: that takes a time that grows with the square of the length
    try:
        encoded = encode_host(host)
    except InvalidHostNameError as error:
        raise InvalidValueError(
            f"expected a host name or an address before the port, got {quoted(host)}: {error}"
        ) from None
    labels = encoded.removesuffix(".").split(".")
    # A last label of digits is a mistyped IPv4 address: no top-level domain is a number.
    return (
        all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
        and len(encoded) <= _LONGEST_HOST_NAME
    )


def parse_address(text: str) -> Address:
    """An IPv4 or IPv6 address without a zone. Raises InvalidValueError."""
    try:
        return ip_address(_without_zone(text))
    except ValueError:
        raise InvalidValueError(f'expected an address such as "10.8.0.1", got {quoted(text)}') from None


def parse_host_name(text: str) -> str:
    """A host name that DNS can have. Raises InvalidValueError."""
    if not _is_host_name(text):
        raise InvalidValueError(f'expected a host name such as "www.example.net", got {quoted(text)}')
    return text


def parse_name_server(text: str) -> NameServer:
    """A name server's tunnel address, or "NAME@ADDRESS" with a name to ask for. Raises InvalidValueError."""
    name, at, address = text.rpartition("@")
    if not at:
        return NameServer(parse_address(text))
    try:
        if _is_host_name(name):
            return NameServer(parse_address(address), name)
    except InvalidValueError:
        pass
    raise InvalidValueError(
        f'expected a host name and an address such as "www.example.net@10.8.0.1", got {quoted(text)}'
    )


def parse_tunnel_endpoint(text: str) -> Endpoint:
    """A tunnel address with a port; names are not allowed. Raises InvalidValueError."""
    try:
        endpoint = parse_endpoint(text)
        parse_address(endpoint.host)
    except InvalidValueError:
        raise InvalidValueError(
            "expected an address and a port from 1 to 65535, "
            f'such as "10.8.0.1:443" or "[fd00::1]:443", got {quoted(text)}'
        ) from None
    return endpoint


def parse_interface(text: str) -> Interface:
    """A tunnel address with its prefix length; without one, a single host. Raises InvalidValueError."""
    try:
        return ip_interface(_without_zone(text))
    except ValueError:
        raise InvalidValueError(f'expected an address such as "10.8.0.250/32", got {quoted(text)}') from None


def _without_zone(text: str) -> str:
    if "%" in text:
        raise ValueError("a tunnel has no zones")
    return text


def parse_public_key(text: str) -> PublicKey:
    """A public key that allows a handshake. Raises InvalidValueError."""
    try:
        key = PublicKey.from_text(text)
    except InvalidKeyError as error:
        raise InvalidValueError(str(error)) from None
    if is_low_order(key.raw):
        raise InvalidValueError("not usable as a public key: a point of low order")
    return key


def is_key(text: str) -> bool:
    """Whether `text` is 32 bytes in base64, so perhaps a secret in a field that is shown."""
    try:
        decode_key(text)
    except InvalidKeyError:
        return False
    return True
