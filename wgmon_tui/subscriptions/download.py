"""Fetches a list over HTTP, with limits of size, time and redirects.

The address holds a token. So it goes to its own host only, a redirect never leaves that host or drops TLS,
and no message has a part of it. A list that came incomplete is none: what it lacks would look removed.
"""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPResponse, IncompleteRead
from urllib.parse import SplitResult, urljoin, urlsplit

from wgmon_tui.alerts.http_client import open_response
from wgmon_tui.alerts.models import RetryError
from wgmon_tui.subscriptions.quota import HEADER, Quota, parse_quota
from wgmon_tui.text import format_bytes

LIMIT_S = 30.0
MOST_BYTES = 4 << 20
MOST_REDIRECTS = 5

_CHUNK = 1 << 16
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)


class DownloadError(Exception):
    """A list could not be fetched. The message is a phrase without any part of its address."""


def ignore_quota(_quota: Quota | None) -> None:
    """Do nothing with what the provider says of the subscription."""


def download(
    url: str,
    *,
    limit_s: float = LIMIT_S,
    most_bytes: int = MOST_BYTES,
    on_quota: Callable[[Quota | None], None] = ignore_quota,
) -> bytes:
    """Fetch a list. Blocks for at most `limit_s` for each redirect. Raises DownloadError.

    `on_quota` gets what the provider says of the subscription, None if nothing, once the list is complete.
    """
    for _ in range(MOST_REDIRECTS + 1):
        try:
            with open_response("GET", url, None, {"Accept": "*/*"}, limit_s=limit_s) as (response, _deadline):
                if response.status not in _REDIRECTS:
                    body = _read(response, most_bytes)
                    on_quota(parse_quota(response.headers.get(HEADER, "")))
                    return body
                location = response.headers.get("Location", "")
        except RetryError as error:
            raise DownloadError(error.reason) from None
        url = _follow(url, location)
    raise DownloadError(f"it redirects more than {MOST_REDIRECTS} times; set url to the final address")


def _read(response: HTTPResponse, most_bytes: int) -> bytes:
    if response.status != 200:
        raise DownloadError(f"HTTP {response.status}; check the token in the address")
    body = bytearray()
    while more := response.read(_CHUNK):
        body += more
        if len(body) > most_bytes:
            raise DownloadError(f"the list is larger than {format_bytes(most_bytes)}")
    if response.length:
        raise IncompleteRead(b"", response.length)
    return bytes(body)


def _follow(url: str, location: str) -> str:
    """The next address, if it is on the same host. Raises DownloadError."""
    try:
        before, after = urlsplit(url), urlsplit(urljoin(url, location))
        is_same = _place(before) == _place(after) and after.scheme == before.scheme
    except ValueError:
        is_same = False
    if not location or not is_same:
        raise DownloadError(
            "it redirects to another host, which would learn the token; set url to the final address"
        )
    if before.username is not None:
        after = after._replace(netloc=before.netloc)
    return after.geturl()


def _place(parts: SplitResult) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or _PORTS.get(parts.scheme)
