"""The syntax of share links: parts of a URI, base64 in its dialects, and the one error of all parsers.

A message names the part that is wrong and never repeats its value: any part may hold a secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, unquote
from uuid import UUID, uuid5

from wgmon_tui.config.value_parsers import InvalidValueError, parse_endpoint
from wgmon_tui.net.addresses import Endpoint

LONGEST_LINK = 16384
LONGEST_NAME = 200
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30})://(.*)", re.DOTALL | re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_LONGEST_CUSTOM_ID = 30
_TRUE = ("1", "true", "yes")
_FALSE = ("", "0", "false", "no")
_ENDS = re.compile(r"[/?#]")


class ShareLinkError(Exception):
    """A text is no share link, or a damaged one. The message is one phrase without any value of the link."""


@dataclass(frozen=True, slots=True)
class UriParts:
    """A link `scheme://user@place/path?query#name`. All but `user` and `place` are percent-decoded."""

    scheme: str
    user: str = field(repr=False)
    place: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    name: str = ""

    def get(self, *keys: str) -> str:
        """The first of these query values that is not empty; "" if there is none."""
        return next((value for key in keys if (value := self.query.get(key, ""))), "")


def scheme_of(text: str) -> str:
    """The scheme of a link in lower case; "" if the text is no link."""
    match = _SCHEME.fullmatch(text.strip())
    return match[1].lower() if match else ""


def split_link(text: str) -> tuple[str, str, str]:
    """Scheme, body and name of a link. Raises ShareLinkError."""
    match = _SCHEME.fullmatch(text.strip())
    if match is None:
        raise ShareLinkError("not a share link: it has no scheme such as ss://")
    if len(text) > LONGEST_LINK:
        raise ShareLinkError(f"longer than a share link can be: more than {LONGEST_LINK:,} characters")
    body, _, name = match[2].partition("#")
    return match[1].lower(), body, clean_name(decode_percent(name, "name"))


def split_uri(text: str) -> UriParts:
    """The parts of a link in the form of a URI. Raises ShareLinkError."""
    scheme, body, name = split_link(text)
    main, _, query = body.partition("?")
    user, at, place = main.rpartition("@")
    if not at:
        raise ShareLinkError(f"expected {scheme}://…@host:port, got no @; copy the link again")
    return UriParts(scheme, user, _ENDS.split(place, maxsplit=1)[0], parse_query(query), name)


def parse_query(text: str) -> dict[str, str]:
    """The values of a query by key. A + stays a +, as base64 needs it. Raises ShareLinkError."""
    found: dict[str, str] = {}
    for pair in filter(None, text.split("&")):
        key, _, value = pair.partition("=")
        name = decode_percent(key, "query")
        found.setdefault(name, decode_percent(value, "query"))
    return found


def decode_percent(text: str, part: str) -> str:
    """Text without percent-encoding and without control characters. Raises ShareLinkError."""
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ShareLinkError(f"its {part} is not UTF-8 text; copy the link again") from None
    return require_plain(decoded, part)


def require_plain(text: str, part: str) -> str:
    """The text, if it has no control characters. Raises ShareLinkError."""
    if any(ord(each) < 32 or ord(each) == 127 for each in text):
        raise ShareLinkError(f"its {part} has control characters; copy the link again")
    return text


def decode_base64(text: str) -> bytes | None:
    """Bytes of base64 in either alphabet, with or without padding; None if the text is something else."""
    if _BASE64.fullmatch(text) is None:
        return None
    normal = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(normal + "=" * (-len(normal) % 4), validate=True)
    except binascii.Error:
        return None


def decode_base64_text(text: str) -> str | None:
    """UTF-8 text in base64; None if it is something else."""
    data = decode_base64(text)
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


def encode_base64url(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def parse_place(text: str, default_port: int | None = None) -> Endpoint:
    """The host and port of a link. Raises ShareLinkError."""
    if default_port and not re.search(r":[0-9]*$", text.rpartition("]")[2]):
        text = f"{text}:{default_port}"
    try:
        return parse_endpoint(decode_percent(text, "host"))
    except InvalidValueError:
        raise ShareLinkError("its host or port is not valid; expected host:port after the @") from None


def make_place(host: str, port: str) -> Endpoint:
    """An endpoint of host and port in two fields. Raises ShareLinkError."""
    return parse_place(f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}")


def parse_user_id(text: str) -> UUID:
    """A UUID. Like Xray (common/uuid), make one of a text of up to 30 bytes. Raises ShareLinkError."""
    if not text:
        raise ShareLinkError("its user ID is missing; copy the link again")
    try:
        return UUID(text)
    except ValueError:
        pass
    if len(text.encode()) > _LONGEST_CUSTOM_ID:
        raise ShareLinkError("its user ID is no UUID; copy the link again")
    return uuid5(UUID(int=0), text)


def parse_flag(text: str, key: str) -> bool:
    """A yes or no in a query. Raises ShareLinkError."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ShareLinkError(f"its value of {key} is neither 0 nor 1")


def parse_number(text: str, key: str, most: int = 65535) -> int:
    """A decimal number. Raises ShareLinkError."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > most:
        raise ShareLinkError(f"its value of {key} is not a number from 0 to {most}")
    return int(text)


def split_list(text: str) -> tuple[str, ...]:
    """Words between commas."""
    return tuple(word for each in text.split(",") if (word := each.strip()))


def clean_name(text: str) -> str:
    """A name of a server, on one line and not too long."""
    return "".join(each for each in text if each.isprintable()).strip()[:LONGEST_NAME]


def joined_query(values: Iterable[tuple[str, str]]) -> str:
    """The inverse of `parse_query`, without empty values."""
    return "&".join(f"{key}={quote(value, safe='')}" for key, value in values if value)
