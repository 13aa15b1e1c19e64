"""Parsers of what `tunnel_http` and `tunnel_ca` name: URLs with what is expected there, and certificates."""

from __future__ import annotations

import re
from base64 import b64decode
from ipaddress import ip_address
from typing import Any

from wgmon_tui.config.value_parsers import InvalidValueError, parse_address, parse_endpoint
from wgmon_tui.net.host_names import encode_host
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.text import did_you_mean, quoted

_URL = re.compile(r"(https?)://(\[[^\[\]/?#]+\]|[^\[\]/?#:@]+)(?::([0-9]{1,5}))?([/?][\x21\x22\x24-\x7e]*)?")
_OPTION = re.compile(r" +([a-z_]+)=")
_OPTIONS = ("status", "address", "text")
_STATUS = re.compile(r"[2-5][0-9]{2}")
_LONGEST_TEXT = 200
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_CERTIFICATE = re.compile(rf"{_BEGIN}\s[A-Za-z0-9+/=\s]{{1,20000}}?{_END}", re.ASCII)
_MOST_CERTIFICATES = 20


def parse_http_target(text: str) -> HttpTarget:
    """A URL, and options after it: `status=401`, `address=10.8.0.5`, and last `text=all systems ready`.

    Raises InvalidValueError.
    """
    written, _, options = text.partition(" ")
    return HttpTarget(parse_url(written), **_parse_options(f" {options}".rstrip()))


def parse_url(text: str) -> Url:
    """An http or https URL without user and fragment. Raises InvalidValueError."""
    match = _URL.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            'expected a URL such as "http://10.8.0.5/health", without a user or a fragment and with %20 '
            f"for a space, got {quoted(text)}"
        )
    scheme, host, port, path = match.groups()
    is_tls = scheme == "https"
    endpoint = parse_endpoint(f"{host}:{port or (443 if is_tls else 80)}")
    if "%" in endpoint.host:
        raise InvalidValueError(f"expected an address without a zone, got {quoted(endpoint.host)}")
    path = path or "/"
    return Url(
        _normal_host(endpoint.host), endpoint.port, path if path.startswith("/") else f"/{path}", is_tls
    )


def _normal_host(host: str) -> str:
    """An address as it is usually written, or a name as DNS has it."""
    try:
        return str(ip_address(host))
    except ValueError:
        return encode_host(host).lower()


def _parse_options(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while match := _OPTION.match(text):
        key = match[1]
        if key not in _OPTIONS:
            hint = did_you_mean(key, _OPTIONS) or f"expected {', '.join(_OPTIONS)}"
            raise InvalidValueError(f"unknown option {quoted(key)} after the URL; {hint}")
        if key in found:
            raise InvalidValueError(f"the option {key} is written twice")
        rest = text[match.end() :]
        value, space, others = (rest, "", "") if key == "text" else rest.partition(" ")
        found[key] = _parse_option(key, value)
        text = space + others
    if text:
        raise InvalidValueError(
            f"expected options such as status=401 or text=ready after the URL, got {quoted(text.strip())}"
        )
    return found


def _parse_option(key: str, value: str) -> object:
    match key:
        case "address":
            return parse_address(value)
        case "status":
            if _STATUS.fullmatch(value) is None:
                raise InvalidValueError(f"expected a status from 200 to 599, got {quoted(value)}")
            return int(value)
        case _:
            if not 1 <= len(value) <= _LONGEST_TEXT:
                raise InvalidValueError(f"expected a text of 1 to {_LONGEST_TEXT} characters after text=")
            return value


def read_certificates(value: object) -> tuple[str, ...]:
    """Certificates from a list of texts in PEM form, each on one line. Raises InvalidValueError."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidValueError('expected a list of certificates in PEM form, such as ["""-----BEGIN … """]')
    return tuple(certificate for text in value for certificate in _parse_certificates(text))


def _parse_certificates(text: str) -> list[str]:
    """The certificates in a text, without what stands around them."""
    found = _CERTIFICATE.findall(text)
    if not 1 <= len(found) <= _MOST_CERTIFICATES or "PRIVATE KEY" in text:
        raise InvalidValueError(
            f"expected 1 to {_MOST_CERTIFICATES} certificates, each from {_BEGIN} to {_END}, "
            "and no private key"
        )
    bodies = ["".join(each.removeprefix(_BEGIN).removesuffix(_END).split()) for each in found]
    import ssl  # few fleets have certificates

    try:
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusted.load_verify_locations(cadata=b"".join(b64decode(each, validate=True) for each in bodies))
    except (ssl.SSLError, ValueError):
        raise InvalidValueError("one of these certificates is damaged; copy it again") from None
    return [f"{_BEGIN} {each} {_END}" for each in bodies]


def certificate_bytes(certificate: str) -> bytes:
    """The DER form of one of these certificates. Raises ValueError."""
    return b64decode(certificate.removeprefix(_BEGIN).removesuffix(_END).strip(), validate=True)
